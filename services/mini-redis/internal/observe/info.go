package observe

import (
	"fmt"
	"slices"
	"strings"
)

// section is a part of INFO. Names, order and fields are redis-server's, whose
// readers look for them: redis-cli --stat, redis_exporter, RedisInsight, the
// client libraries. Fields about what this server does not have are left out,
// unless readers need their zero.
type section struct {
	name      string // as it is asked for
	title     string
	byDefault bool
	write     func(*infoText)
}

// sections lists all of them in the order in which they are written, whatever
// the order in which they are asked for.
func sections() []section {
	return []section{
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
}

// Info writes INFO's sections, whose names are given in lower case; no names, or
// "default", means the default ones, "all" and "everything" mean all.
// Names it does not know are passed over, as redis-server does.
func (o *Observer) Info(f Facts, wanted []string) string {
	o.complete(&f)
	t := infoText{o: o, f: &f, base: &o.base.facts}
	byDefault := len(wanted) == 0 || slices.Contains(wanted, "default")
	all := slices.Contains(wanted, "all") || slices.Contains(wanted, "everything")
	for _, s := range sections() {
		if !all && !(byDefault && s.byDefault) && !slices.Contains(wanted, s.name) {
			continue
		}
		if t.b.Len() > 0 {
			t.b.WriteString("\r\n")
		}
		t.b.WriteString("# " + s.title + "\r\n")
		s.write(&t)
	}
	return t.b.String()
}

// infoText is INFO's text as it grows.
type infoText struct {
	b    strings.Builder
	o    *Observer
	f    *Facts
	base *Facts // at CONFIG RESETSTAT
}

// text writes one field.
func (t *infoText) text(name, value string) {
	t.b.WriteString(name)
	t.b.WriteByte(':')
	t.b.WriteString(value)
	t.b.WriteString("\r\n")
}

// number writes an integer field.
func (t *infoText) number(name string, value int64) { t.text(name, fmt.Sprint(value)) }

// total writes how far a total has gone since CONFIG RESETSTAT.
func (t *infoText) total(name string, now, base int64) { t.number(name, since(now, base)) }

// since is how far a total has gone from base. Should its owner have set it back
// to zero, base is of no more use.
func since(now, base int64) int64 {
	if now < base {
		return now
	}
	return now - base
}

// size writes a number of bytes twice, as redis-server does: plainly, and with
// _human for people.
func (t *infoText) size(name string, bytes int64) {
	t.number(name, bytes)
	t.text(name+"_human", human(bytes))
}

// human is a size as redis-server prints it.
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

// ratio is a/b, 0 when there is no b.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
