package observe

import (
	"fmt"
	"strings"
)

// section is a section of INFO. Its name, its position and its fields are those of
// redis-server, because programs read them: redis-cli --stat, redis_exporter,
// RedisInsight, client libraries. Fields of features that this server does not have are
// left out, unless readers need their zero.
type section struct {
	name      string // lower case
	title     string
	byDefault bool
	write     func(*infoText)
}

// sections lists the sections in the order in which they are written, regardless of the
// order in which they are requested.
var sections = [...]section{
	{"server", "Server", true, (*infoText).server},
	{"clients", "Clients", true, (*infoText).clients},
	{"memory", "Memory", true, (*infoText).memory},
	{"persistence", "Persistence", true, (*infoText).persistence},
	{"stats", "Stats", true, (*infoText).stats},
	{"replication", "Replication", true, (*infoText).replication},
	{"cpu", "CPU", true, (*infoText).cpu},
	{"modules", "Modules", true, func(*infoText) {}},
	{"commandstats", "Commandstats", false, (*infoText).commandstats},
	{"errorstats", "Errorstats", true, (*infoText).errorstats},
	{"latencystats", "Latencystats", false, (*infoText).latencystats},
	{"cluster", "Cluster", true, (*infoText).cluster},
	{"keyspace", "Keyspace", true, (*infoText).keyspace},
	{"tracing", "Tracing", false, (*infoText).tracing},
}

// selection is the set of requested sections, by their index.
type selection [len(sections)]bool

// selectSections returns the sections that names, in lower case, request: no name or
// "default" means the default ones, "all" and "everything" mean all. Unknown names are
// ignored, as in redis-server. It looks at each name once: a client may send any number.
func selectSections(names []string) (chosen selection) {
	all, byDefault := false, len(names) == 0
	for _, name := range names {
		switch name {
		case "all", "everything":
			all = true
		case "default":
			byDefault = true
		default:
			for i := range sections {
				if sections[i].name == name {
					chosen[i] = true
					break
				}
			}
		}
	}
	for i := range sections {
		if all || byDefault && sections[i].byDefault {
			chosen[i] = true
		}
	}
	return chosen
}

// Info renders the sections of INFO with the given names, which are in lower case.
func (o *Observer) Info(f Facts, names []string) string {
	o.fillFacts(&f)
	t := infoText{o: o, f: &f, base: &o.base.facts}
	chosen := selectSections(names)
	for i := range sections {
		if !chosen[i] {
			continue
		}
		if t.b.Len() > 0 {
			t.b.WriteString("\r\n")
		}
		t.b.WriteString("# " + sections[i].title + "\r\n")
		sections[i].write(&t)
	}
	return t.b.String()
}

// infoText is the text of INFO while it is rendered.
type infoText struct {
	b    strings.Builder
	o    *Observer
	f    *Facts
	base *Facts // at the last CONFIG RESETSTAT
}

// text writes a field.
func (t *infoText) text(name, value string) {
	t.b.WriteString(name)
	t.b.WriteByte(':')
	t.b.WriteString(value)
	t.b.WriteString("\r\n")
}

// number writes an integer field.
func (t *infoText) number(name string, value int64) { t.text(name, fmt.Sprint(value)) }

// total writes the increase of a total since the last CONFIG RESETSTAT.
func (t *infoText) total(name string, now, base int64) { t.number(name, since(now, base)) }

// since returns the increase of a total from base. If the total is below base, its owner
// has reset it, and base no longer applies.
func since(now, base int64) int64 {
	if now < base {
		return now
	}
	return now - base
}

// size writes a number of bytes twice, as redis-server does: as a number, and in a
// readable form with the suffix _human.
func (t *infoText) size(name string, bytes int64) {
	t.number(name, bytes)
	t.text(name+"_human", human(bytes))
}

// human formats a number of bytes as redis-server does.
func human(bytes int64) string {
	units := []string{"K", "M", "G", "T", "P"}
	if bytes < 1024 {
		return fmt.Sprintf("%dB", bytes)
	}
	value := float64(bytes) / 1024
	for value >= 1024 && len(units) > 1 {
		value /= 1024
		units = units[1:]
	}
	return fmt.Sprintf("%.2f%s", value, units[0])
}

// ratio returns a/b, 0 if b is 0.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
