package main

import (
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mini-redis/internal/docpage"
)

var update = flag.Bool("update", false, "write the tables of docs/")

// family is a metric of /metrics.
type family struct {
	kind, help string
	labels     map[string]bool
}

// docs/telemetry.md lists the metrics of the server.
func TestDocsOfMetrics(t *testing.T) {
	env := func(key string) string {
		if key == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return "http://127.0.0.1:1" // so that there are metrics of exporters
		}
		return ""
	}
	r := startRun(t, env)
	for _, request := range []string{"SET k v", "GET k", "LPUSH k v", "nothing"} {
		ask(t, r.addr, request)
	}
	_, body := get(t, "http://"+r.admin+"/metrics")
	families := readFamilies(body)
	docpage.Check(t, "telemetry.md", "server metrics", metricsTable(families), *update)
}

func metricsTable(families map[string]*family) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | what |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || name == "target_info" {
			continue
		}
		f := families[name]
		var labels []string
		for _, label := range slices.Sorted(maps.Keys(f.labels)) {
			labels = append(labels, "`"+label+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, f.kind, strings.Join(labels, ", "), f.help)
	}
	return b.String()
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} `)
	labelName  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="`)
)

// readFamilies parses the text format.
func readFamilies(body string) map[string]*family {
	families := map[string]*family{}
	of := func(name string) *family {
		if families[name] == nil {
			families[name] = &family{labels: map[string]bool{}}
		}
		return families[name]
	}
	current := ""
	for line := range strings.Lines(body) {
		switch words := strings.SplitN(strings.TrimSpace(line), " ", 4); {
		case len(words) == 4 && words[1] == "HELP":
			of(words[2]).help = words[3]
		case len(words) == 4 && words[1] == "TYPE":
			current = words[2]
			of(current).kind = words[3]
		default:
			if m := sampleLine.FindStringSubmatch(line); m != nil && current != "" {
				for _, label := range labelName.FindAllStringSubmatch(m[2], -1) {
					if label[1] != "le" && label[1] != "error_type" { // of buckets, and of exports that have failed
						of(current).labels[label[1]] = true
					}
				}
			}
		}
	}
	return families
}
