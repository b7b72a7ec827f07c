// Package backends defines the five programs of the stack: how each is built and configured, its
// environment, its ports and its readiness URL. services/stack/internal/build and
// services/stack/internal/supervise build and run them.
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

// Names of the programs, in the order in which they are started.
const (
	Prometheus = "prometheus"
	Jaeger     = "jaeger"
	Collector  = "collector"
	Server     = "mini-redis"
	Load       = "client-load"
)

// Settings are the settings of one run.
type Settings struct {
	Dir      string            // directory of the run: configurations, logs, Prometheus data
	Programs map[string]string // paths of the programs by name
	Environ  []string          // the user's environment
	Ports    Ports
	Overlays []string      // paths of additional collector configurations, in order
	Rate     float64       // operations per second of the load; 0 means no load
	Duration time.Duration // duration of the load; 0 means until it is stopped
}

// Child is one program of the stack.
type Child struct {
	supervise.Spec
	Ports []*ports.Port // released just before the child starts
	Ready string        // URL that returns status 200 when the child is ready; "" if it has none
}

// Soft memory limits (GOMEMLIMIT) of the programs. With them the stack stays below 1 GiB, including
// memory outside the Go heap.
const (
	prometheusMemory = "160MiB"
	jaegerMemory     = "384MiB"
	collectorMemory  = "160MiB"
	serverMemory     = "160MiB"
	loadMemory       = "64MiB"
)

// MaxTraces returns how many traces Jaeger keeps for a load of rate operations per second: those of
// the last 5 minutes with one trace per operation, but at least 5,000 and at most 20,000. A trace
// of two spans takes about 12 KiB of Jaeger's memory.
func MaxTraces(rate float64) int {
	return min(max(int(rate*300), 5_000), 20_000)
}

// ReportFile returns the path of the load's report.
func (s Settings) ReportFile() string { return filepath.Join(s.Dir, "load-report.json") }

// LogDir returns the directory of the children's logs.
func (s Settings) LogDir() string { return filepath.Join(s.Dir, "logs") }

// Prepare writes the configurations below s.Dir and returns the children in the order in which they
// are started.
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
				"GOGC=50", // nearly all of its heap is live traces: collecting twice as often saves a third of its memory
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
