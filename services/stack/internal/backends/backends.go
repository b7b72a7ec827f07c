// Package backends knows what the stack's five programs are: how each is built, configured, told its addresses, and when it
// is ready. services/stack/internal/{build,supervise} build and run what is described here.
package backends

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	otelcollector "mini-redis/otel-collector"
	"mini-redis/services/stack/internal/ports"
	"mini-redis/services/stack/internal/supervise"
	"mini-redis/services/stack/internal/viewer"
)

//go:embed files
var files embed.FS

// The names of the programs, in the order of their start.
const (
	Prometheus = "prometheus"
	Jaeger     = "jaeger"
	Collector  = "collector"
	Server     = "mini-redis"
	Load       = "client-load"
)

// Settings are what differs from one run to the next.
type Settings struct {
	Dir      string            // the run's directory: configurations, logs, Prometheus's data
	Programs map[string]string // paths of the programs by name
	Environ  []string          // the user's environment
	Ports    Ports
	Overlays []string      // paths of further configurations of the collector, in their order
	Rate     float64       // the load's operations a second; 0: no load
	Duration time.Duration // of the load; 0: until it is stopped
}

// Child is one program of the stack.
type Child struct {
	supervise.Spec
	Ports []*ports.Port // to be released just before it starts
	Ready string        // URL that answers 200 once it is ready; "" for one that serves nobody
}

// Memory limits of the Go runtime of each program (soft ones: it collects more eagerly near them). Together with what is not
// Go's heap they keep the stack below 1 GiB.
const (
	prometheusMemory = "160MiB"
	jaegerMemory     = "384MiB"
	collectorMemory  = "160MiB"
	serverMemory     = "160MiB"
	loadMemory       = "64MiB"
)

// MaxTraces is how many of the newest traces Jaeger keeps for a load of rate operations a second, each a trace: those of the
// last five minutes, within what its memory allows (about 12 KiB each, of two spans).
func MaxTraces(rate float64) int {
	return min(max(int(rate*300), 5_000), 20_000)
}

// ReportFile is where the load writes its report.
func (s Settings) ReportFile() string { return filepath.Join(s.Dir, "load-report.json") }

// LogDir is where each child has its log.
func (s Settings) LogDir() string { return filepath.Join(s.Dir, "logs") }

// Prepare writes the configurations below s.Dir and returns the children in the order of their start.
func Prepare(s Settings) ([]Child, error) {
	for _, dir := range []string{s.LogDir(), s.path("config"), s.path("data")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("cannot prepare the run: %w", err)
		}
	}
	if err := s.writeConfigurations(); err != nil {
		return nil, fmt.Errorf("cannot prepare the run: %w", err)
	}
	children := []Child{s.prometheus(), s.jaeger(), s.collector(), s.server()}
	if s.Rate > 0 {
		children = append(children, s.load())
	}
	for i := range children {
		c := &children[i]
		c.Path, c.Dir, c.Log = s.Programs[c.Name], s.Dir, filepath.Join(s.LogDir(), c.Name+".log")
	}
	return children, nil
}

func (s Settings) path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}

func (s Settings) writeConfigurations() error {
	jaeger, err := files.ReadFile("files/jaeger.yaml")
	if err != nil {
		return err
	}
	console, err := files.ReadFile("files/consoles/mini-redis.html")
	if err != nil {
		return err
	}
	prometheus, err := s.prometheusConfiguration()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("config", "consoles"), 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"jaeger.yaml":              jaeger,
		"prometheus.yml":           prometheus,
		"collector.yaml":           otelcollector.Base(),
		"consoles/mini-redis.html": console,
	} {
		if err := os.WriteFile(s.path("config", name), content, 0o644); err != nil {
			return err
		}
	}
	return viewer.Write(s.path("config", "viewer"))
}

func (s Settings) prometheusConfiguration() ([]byte, error) {
	t, err := template.ParseFS(files, "files/prometheus.yml.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ Collector, Jaeger, Prometheus string }{
		s.Ports.CollectorTelemetry.Addr(), s.Ports.JaegerTelemetry.Addr(), s.Ports.Prometheus.Addr(),
	})
	return out.Bytes(), err
}

func (s Settings) prometheus() Child {
	p := s.Ports.Prometheus
	return Child{
		Spec: supervise.Spec{
			Name: Prometheus,
			Args: []string{
				"--config.file=" + s.path("config", "prometheus.yml"),
				"--storage.tsdb.path=" + s.path("data", "prometheus"),
				"--storage.tsdb.retention.time=6h",
				"--web.listen-address=" + p.Addr(),
				"--web.enable-otlp-receiver",
				"--enable-feature=exemplar-storage", // without it exemplars are dropped silently
				"--web.console.templates=" + s.path("config", "consoles"),
				"--log.level=warn",
			},
			Env: s.backendEnv("GOMEMLIMIT=" + prometheusMemory),
		},
		Ports: []*ports.Port{p},
		Ready: p.URL("/-/ready"),
	}
}

func (s Settings) jaeger() Child {
	p := s.Ports
	return Child{
		Spec: supervise.Spec{
			Name: Jaeger,
			Args: []string{"--config=" + s.path("config", "jaeger.yaml")},
			Env: s.backendEnv(
				"GOMEMLIMIT="+jaegerMemory,
				"GOGC=50", // nearly all of its memory is traces that stay: collecting twice as often saves a third of it
				"JAEGER_HTTP="+p.JaegerHTTP.Addr(),
				"JAEGER_GRPC="+p.JaegerGRPC.Addr(),
				"JAEGER_OTLP="+p.JaegerOTLP.Addr(),
				"JAEGER_HEALTH="+p.JaegerHealth.Addr(),
				"JAEGER_TELEMETRY_PORT="+strconv.Itoa(p.JaegerTelemetry.Number),
				"JAEGER_PROMETHEUS="+p.Prometheus.URL(""),
				"JAEGER_VIEWER="+s.path("config", "viewer"),
				"JAEGER_MAX_TRACES="+strconv.Itoa(MaxTraces(s.Rate)),
			),
		},
		Ports: []*ports.Port{p.JaegerHTTP, p.JaegerGRPC, p.JaegerOTLP, p.JaegerHealth, p.JaegerTelemetry},
		Ready: p.JaegerHealth.URL("/status"),
	}
}

func (s Settings) collector() Child {
	p := s.Ports
	args := []string{"--config=" + s.path("config", "collector.yaml")}
	for _, overlay := range s.Overlays {
		args = append(args, "--config="+overlay)
	}
	return Child{
		Spec: supervise.Spec{
			Name: Collector,
			Args: args,
			Env: s.collectorEnv(
				"GOMEMLIMIT="+collectorMemory,
				"COLLECTOR_OTLP_GRPC="+p.OTLPGRPC.Addr(),
				"COLLECTOR_OTLP_HTTP="+p.OTLPHTTP.Addr(),
				"COLLECTOR_JAEGER_OTLP="+p.JaegerOTLP.Addr(),
				"COLLECTOR_PROMETHEUS_OTLP="+p.Prometheus.URL("/api/v1/otlp/v1/metrics"),
				"COLLECTOR_HEALTH="+p.CollectorHealth.Addr(),
				"COLLECTOR_TELEMETRY_PORT="+strconv.Itoa(p.CollectorTelemetry.Number),
				"COLLECTOR_LOG_LEVEL=warn",
			),
		},
		Ports: []*ports.Port{p.OTLPGRPC, p.OTLPHTTP, p.CollectorHealth, p.CollectorTelemetry},
		Ready: p.CollectorHealth.URL("/"),
	}
}

func (s Settings) server() Child {
	p := s.Ports
	return Child{
		Spec: supervise.Spec{
			Name: Server,
			Args: []string{"-addr=" + p.RESP.Addr(), "-admin-addr=" + p.Admin.Addr(), "-console-addr=" + p.Console.Addr()},
			Env:  s.ownEnv("GOMEMLIMIT=" + serverMemory),
		},
		Ports: []*ports.Port{p.RESP, p.Admin, p.Console},
		Ready: p.Admin.URL("/readyz"),
	}
}

func (s Settings) load() Child {
	return Child{Spec: supervise.Spec{
		Name: Load,
		Args: []string{
			"-addr=" + s.Ports.RESP.Addr(),
			"-rate=" + strconv.FormatFloat(s.Rate, 'g', -1, 64),
			"-duration=" + s.Duration.String(),
			"-admin-addr=",
			"-report=" + s.ReportFile(),
		},
		Env:    s.ownEnv("GOMEMLIMIT=" + loadMemory),
		Finite: s.Duration > 0,
	}}
}
