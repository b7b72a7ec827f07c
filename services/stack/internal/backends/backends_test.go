package backends

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mini-redis/services/stack/internal/build"
)

func newSettings(t *testing.T) Settings {
	t.Helper()
	found, err := ReservePorts()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(found.release)
	return Settings{
		Dir: t.TempDir(), Ports: found, Rate: 50, Duration: 20 * time.Second,
		Environ:  []string{"PATH=/bin", "HOME=/home/u", "OTEL_SERVICE_NAME=other", "OTEL_EXPORTER_OTLP_ENDPOINT=https://elsewhere", "OTEL_BSP_SCHEDULE_DELAY=100", "MINI_REDIS_LOOPS=2", "SECRET=s"},
		Programs: map[string]string{Prometheus: "/p/prometheus", Jaeger: "/p/jaeger", Collector: "/p/collector", Server: "/p/mini-redis", Load: "/p/client-load"},
	}
}

func mustPrepare(t *testing.T, s Settings) map[string]Child {
	t.Helper()
	children, err := Prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Child{}
	for _, c := range children {
		byName[c.Name] = c
	}
	return byName
}

// last returns the value of a variable. If env contains it several times, the last one is
// effective.
func last(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if n, v, _ := strings.Cut(entry, "="); n == name {
			value = v
		}
	}
	return value
}

func TestChildrenAreInOrder(t *testing.T) {
	s := newSettings(t)
	children, err := Prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range children {
		names = append(names, c.Name)
		if c.Path != "/p/"+c.Name || c.Log != filepath.Join(s.LogDir(), c.Name+".log") {
			t.Errorf("%s: path %q, log %q", c.Name, c.Path, c.Log)
		}
	}
	if got := strings.Join(names, " "); got != "prometheus jaeger collector mini-redis client-load" {
		t.Error(got)
	}
	s.Rate, s.Dir = 0, t.TempDir()
	if children := mustPrepare(t, s); children[Load].Name != "" || len(children) != 4 {
		t.Error("the load is a child although its rate is 0")
	}
}

func TestEveryPortBelongsToOneChild(t *testing.T) {
	s := newSettings(t)
	owned := map[int]string{}
	for name, c := range mustPrepare(t, s) {
		for _, p := range c.Ports {
			if owned[p.Number] != "" {
				t.Errorf("%s and %s both have port %d", name, owned[p.Number], p.Number)
			}
			owned[p.Number] = name
		}
	}
	for _, p := range s.Ports.all() {
		if owned[p.Number] == "" {
			t.Errorf("no child has the port of %s", p.Purpose)
		}
	}
}

func TestTelemetryEnvironment(t *testing.T) {
	s := newSettings(t)
	children := mustPrepare(t, s)
	for _, name := range []string{Server, Load} {
		env := children[name].Env
		f := func(variable, want string) {
			t.Helper()
			if got := last(env, variable); got != want {
				t.Errorf("%s has %s=%q, want %q", name, variable, got, want)
			}
		}
		f("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+s.Ports.OTLPGRPC.Addr())
		f("OTEL_SERVICE_NAME", "")
		f("MINI_REDIS_ADDR", s.Ports.RESP.Addr())
		f("MINI_REDIS_JAEGER", "http://"+s.Ports.JaegerHTTP.Addr())
		f("MINI_REDIS_LOOPS", "2")          // the user's
		f("OTEL_BSP_SCHEDULE_DELAY", "100") // the user's
		f("OTEL_METRIC_EXPORT_INTERVAL", "2000")
	}
	for _, name := range []string{Prometheus, Jaeger, Collector} {
		env := children[name].Env
		if last(env, "SECRET") != "" || last(env, "OTEL_EXPORTER_OTLP_ENDPOINT") != "" || last(env, "HOME") != "/home/u" || last(env, "GOMEMLIMIT") == "" {
			t.Errorf("%s has the environment %q", name, env)
		}
	}
}

func TestCollectorOverlays(t *testing.T) {
	s := newSettings(t)
	s.Overlays = []string{"/o/first.yaml", "/o/second.yaml"}
	collector := mustPrepare(t, s)[Collector]
	if want := []string{"--config=" + s.path("config", "collector.yaml"), "--config=/o/first.yaml", "--config=/o/second.yaml"}; !slices.Equal(collector.Args, want) {
		t.Errorf("%q, want %q", collector.Args, want)
	}
	f := func(variable, want string) {
		t.Helper()
		if got := last(collector.Env, variable); got != want {
			t.Errorf("the collector has %s=%q, want %q", variable, got, want)
		}
	}
	f("SECRET", "s") // an overlay may use any variable of the user
	f("OTEL_SERVICE_NAME", "")
	f("COLLECTOR_OTLP_GRPC", s.Ports.OTLPGRPC.Addr())
	f("COLLECTOR_DATA", s.path("data", "collector"))
	s.Environ, s.Dir = append(s.Environ, "COLLECTOR_DATA=/mine"), t.TempDir()
	collector = mustPrepare(t, s)[Collector]
	f("COLLECTOR_DATA", "/mine")
}

func TestLoadIsFiniteOnlyWithDuration(t *testing.T) {
	s := newSettings(t)
	load := mustPrepare(t, s)[Load]
	if !load.Finite || !slices.Contains(load.Args, "-duration=20s") || !slices.Contains(load.Args, "-rate=50") {
		t.Errorf("%+v", load.Spec)
	}
	s.Duration, s.Dir = 0, t.TempDir()
	if load = mustPrepare(t, s)[Load]; load.Finite || !slices.Contains(load.Args, "-duration=0s") {
		t.Errorf("%+v", load.Spec)
	}
}

func TestPrometheusScrapesOnlyBackends(t *testing.T) {
	s := newSettings(t)
	mustPrepare(t, s)
	text, err := os.ReadFile(s.path("config", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{s.Ports.CollectorTelemetry.Addr(), s.Ports.JaegerTelemetry.Addr(), s.Ports.Prometheus.Addr(), "UnderscoreEscapingWithoutSuffixes"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("prometheus.yml does not have %s", want)
		}
	}
	if strings.Contains(string(text), s.Ports.Admin.Addr()) {
		t.Error("Prometheus scrapes the server, which also pushes its metrics: sums would count them twice")
	}
}

func TestMaxTraces(t *testing.T) {
	f := func(rate float64, want int) {
		t.Helper()
		if got := MaxTraces(rate); got != want {
			t.Errorf("MaxTraces(%g) = %d, want %d", rate, got, want)
		}
	}
	f(0, 5_000)
	f(50, 15_000)
	f(1e6, 20_000)
}

func TestSampled(t *testing.T) {
	f := func(want bool, env ...string) {
		t.Helper()
		if got := (Settings{Environ: env}).Sampled(); got != want {
			t.Errorf("%q: Sampled is %v, want %v", env, got, want)
		}
	}
	f(false)
	f(false, "OTEL_TRACES_SAMPLER=")
	f(false, "OTEL_TRACES_SAMPLER=parentbased_always_on")
	f(true, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.1")
}

func TestFindRoot(t *testing.T) {
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "services", "stack", "main.go")); err != nil {
		t.Error(err)
	}
	if _, err := FindRoot(t.TempDir()); err == nil {
		t.Error("FindRoot in an empty directory returned no error")
	}
}

func TestTargetsExist(t *testing.T) {
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Collector, Prometheus, Jaeger} {
		target, err := Backend(root, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"go.mod", "go.sum"} {
			if _, err := os.Stat(filepath.Join(target.Dir, file)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := Backend(root, "redis"); err == nil {
		t.Error("Backend(redis) returned no error")
	}
	for _, pkg := range Own(root).Packages {
		if _, err := os.Stat(filepath.Join(root, pkg, "main.go")); err != nil {
			t.Error(err)
		}
	}
}

// built returns the path of a program: the value of MINI_REDIS_<NAME>, or the program that a
// previous run of the stack has left in the cache.
func built(t *testing.T, name string) string {
	t.Helper()
	if path := os.Getenv("MINI_REDIS_" + strings.ToUpper(name)); path != "" {
		return path
	}
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	target, err := Backend(root, name)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	b := &build.Builder{Go: "go", Env: os.Environ(), Cache: filepath.Join(cache, "mini-redis")}
	path, ok, err := b.Cached(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skipf("%s is not in the cache (running the stack builds it; or set MINI_REDIS_%s to its path)", name, strings.ToUpper(name))
	}
	return path
}
