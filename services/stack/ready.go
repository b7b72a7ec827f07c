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

// addresses are the addresses of the running stack, for the output of -json.
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

// event is one line of the output of -json.
type event struct {
	Event     string           `json:"event"` // "ready" or "summary"
	Addresses *addresses       `json:"addresses,omitempty"`
	Processes map[string]int   `json:"processes,omitempty"` // process IDs by name
	Logs      string           `json:"logs,omitempty"`
	Summary   *summary.Figures `json:"summary,omitempty"`
	Losses    []string         `json:"losses,omitempty"`
}

// emit writes e if -json is set.
func (s *stack) emit(e event) {
	if s.events != nil {
		_ = json.NewEncoder(s.events).Encode(e) // an error means that the reader has closed the pipe
	}
}

func (s *stack) addresses() addresses {
	p := s.settings.Ports
	return addresses{
		RESP: p.RESP.Addr(), Admin: p.Admin.URL(""), Console: p.Console.URL(""), OTLPGRPC: p.OTLPGRPC.URL(""), OTLPHTTP: p.OTLPHTTP.URL(""),
		Jaeger: p.JaegerHTTP.URL(""), Prometheus: p.Prometheus.URL(""), Collector: p.CollectorTelemetry.URL("/metrics"),
	}
}

// printReady prints the addresses of the stack and emits the event "ready".
func (s *stack) printReady() {
	a, p := s.addresses(), s.settings.Ports
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe stack is up (%.1f s).\n\n", time.Since(s.started).Seconds())
	text.WriteString(display.Table([][]string{
		{"mini-redis", a.RESP, fmt.Sprintf("RESP: redis-cli -p %d", p.RESP.Number)},
		{"", a.Admin + "/metrics", "the server's own metrics"},
		{"", a.Console, "the server's console: go run ./services/console"},
		{"traces", a.Jaeger, "Jaeger: this project's page *"},
		{"metrics", a.Prometheus + "/consoles/mini-redis.html", "Prometheus: this project's page *"},
		{"collector", strings.TrimPrefix(a.OTLPGRPC, "http://"), "OTLP/gRPC; HTTP: " + strings.TrimPrefix(a.OTLPHTTP, "http://")},
		{"load", s.flags.describeLoad(), ""},
		{"logs", filepath.Join(s.dir, "logs"), ""},
	}))
	text.WriteString("\n* The Go modules of Jaeger and Prometheus do not contain their web UIs. These pages belong to this\n" +
		"  project. Official binaries contain the UIs: -jaeger PATH, -prometheus PATH. The HTTP APIs are complete.\n")
	if moved := p.RESP.Moved() || p.OTLPGRPC.Moved() || p.JaegerHTTP.Moved(); moved {
		fmt.Fprintf(&text, "\nSome ports differ from the defaults. For the examples and mini-redis-cli:\n"+
			"  export MINI_REDIS_ADDR=%s MINI_REDIS_JAEGER=%s OTEL_EXPORTER_OTLP_ENDPOINT=%s\n", a.RESP, a.Jaeger, a.OTLPGRPC)
	}
	if s.flags.duration == 0 {
		text.WriteString("\nCtrl-C stops the stack.\n")
	}
	text.WriteString("\n")
	s.out.Print(text.String())
	processes := map[string]int{}
	for _, child := range s.group.Processes() {
		processes[child.Name()] = child.PID()
	}
	s.emit(event{Event: "ready", Addresses: &a, Processes: processes, Logs: filepath.Join(s.dir, "logs")})
}
