package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mini-redis/services/stack/internal/display"
	"mini-redis/services/stack/internal/summary"
)

// addresses are where the running stack is, for programs that use it.
type addresses struct {
	RESP       string `json:"resp"`       // host:port
	Admin      string `json:"admin"`      // URL
	Console    string `json:"console"`    // URL
	OTLPGRPC   string `json:"otlp_grpc"`  // URL
	OTLPHTTP   string `json:"otlp_http"`  // URL
	Jaeger     string `json:"jaeger"`     // URL
	Prometheus string `json:"prometheus"` // URL
	Collector  string `json:"collector"`  // URL of the collector's own metrics
}

// event is a line of -json.
type event struct {
	Event     string           `json:"event"` // ready, summary
	Addresses *addresses       `json:"addresses,omitempty"`
	Processes map[string]int   `json:"processes,omitempty"` // process ids by name
	Logs      string           `json:"logs,omitempty"`
	Summary   *summary.Figures `json:"summary,omitempty"`
	Losses    []string         `json:"losses,omitempty"`
}

func (s *stack) tell(e event) {
	if s.events != nil {
		_ = json.NewEncoder(s.events).Encode(e) // who asked for it and does not read it is gone
	}
}

func (s *stack) addresses() addresses {
	p := s.settings.Ports
	return addresses{
		RESP: p.RESP.Addr(), Admin: p.Admin.URL(""), Console: p.Console.URL(""), OTLPGRPC: p.OTLPGRPC.URL(""), OTLPHTTP: p.OTLPHTTP.URL(""),
		Jaeger: p.JaegerHTTP.URL(""), Prometheus: p.Prometheus.URL(""), Collector: p.CollectorTelemetry.URL("/metrics"),
	}
}

// announce says what runs and where.
func (s *stack) announce() {
	a, p := s.addresses(), s.settings.Ports
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe stack is up (%.1f s).\n\n", time.Since(s.started).Seconds())
	text.WriteString(display.Table([][]string{
		{"mini-redis", a.RESP, fmt.Sprintf("RESP: redis-cli -p %d", p.RESP.Number)},
		{"", a.Admin + "/metrics", "the server's own metrics"},
		{"", a.Console, "its console: go run ./services/console"},
		{"traces", a.Jaeger, "Jaeger: our page *"},
		{"metrics", a.Prometheus + "/consoles/mini-redis.html", "Prometheus: our page *"},
		{"collector", strings.TrimPrefix(a.OTLPGRPC, "http://"), "OTLP/gRPC; HTTP: " + strings.TrimPrefix(a.OTLPHTTP, "http://")},
		{"load", s.flags.describeLoad(), ""},
		{"logs", filepath.Join(s.dir, "logs"), ""},
	}))
	text.WriteString("\n* Jaeger's and Prometheus's own web UIs are not in their Go modules, so these two pages are this\n" +
		"  project's. Their releases and official images have the UIs: -jaeger PATH, -prometheus PATH.\n" +
		"  Their HTTP APIs are complete.\n")
	if moved := p.RESP.Moved() || p.OTLPGRPC.Moved() || p.JaegerHTTP.Moved(); moved {
		fmt.Fprintf(&text, "\nPorts differ from the usual ones. For the examples and the command line client:\n"+
			"  export MINI_REDIS_ADDR=%s MINI_REDIS_JAEGER=%s OTEL_EXPORTER_OTLP_ENDPOINT=%s\n", a.RESP, a.Jaeger, a.OTLPGRPC)
	}
	if s.flags.duration == 0 {
		text.WriteString("\nCtrl-C stops everything.\n")
	}
	text.WriteString("\n")
	s.show.Print(text.String())
	processes := map[string]int{}
	for _, child := range s.group.Processes() {
		processes[child.Name()] = child.PID()
	}
	s.tell(event{Event: "ready", Addresses: &a, Processes: processes, Logs: filepath.Join(s.dir, "logs")})
}
