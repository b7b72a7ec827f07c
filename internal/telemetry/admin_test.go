package telemetry

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// request sends an HTTP request and returns the status and the body of the response.
func request(t *testing.T, method, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func mustStartAdmin(t *testing.T, o AdminOptions) *Admin {
	t.Helper()
	o.Addr, o.Logger = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	a, err := StartAdmin(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(t.Context()) })
	return a
}

func TestMetricsHaveExemplarsAndOneTargetInfo(t *testing.T) {
	registry := prometheus.NewRegistry()
	registerDualHistogram(registry)
	tel := mustStart(t, Options{Service: "mini-redis", Registry: registry, Getenv: environment("OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=prometheus")})
	a := mustStartAdmin(t, AdminOptions{Registry: tel.Registry()})
	status, body := request(t, http.MethodGet, "http://"+a.Addr()+"/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if status != http.StatusOK || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("status %d, want 200 and the OpenMetrics format", status)
	}
	for _, want := range []string{`trace_id="` + hexTrace + `"`, "go_goroutines ", "process_cpu_seconds_total "} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if n := strings.Count(body, "\ntarget_info{"); n != 1 || !strings.Contains(body, `service_name="mini-redis"`) {
		t.Errorf("%d target_info series, want 1 with service_name", n)
	}
	if status, body := request(t, http.MethodGet, "http://"+a.Addr()+"/metrics"); status != http.StatusOK || strings.Contains(body, "# EOF") {
		t.Errorf("plain text: status %d", status)
	}
}

func TestFailingCollectorDoesNotHideOtherMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(badCollector{})
	registerDualHistogram(registry)
	a := mustStartAdmin(t, AdminOptions{Registry: registry})
	if status, body := request(t, http.MethodGet, "http://"+a.Addr()+"/metrics"); status != http.StatusOK || !strings.Contains(body, "command_duration_seconds") {
		t.Errorf("status %d:\n%s", status, body)
	}
}

// reason is an error that a test sets and clears while the endpoint serves.
type reason struct{ text atomic.Pointer[string] }

func (r *reason) get() error {
	if text := r.text.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}

func TestHealthAndReadiness(t *testing.T) {
	var notReady reason
	a := mustStartAdmin(t, AdminOptions{Ready: notReady.get})
	f := func(method, path string, wantStatus int, wantBody string) {
		t.Helper()
		if status, body := request(t, method, "http://"+a.Addr()+path); status != wantStatus || !strings.Contains(body, wantBody) {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, status, body, wantStatus, wantBody)
		}
	}
	f("GET", "/healthz", 200, "ok")
	f("HEAD", "/healthz", 200, "")
	f("GET", "/readyz", 200, "ready")
	notReady.text.Store(new("draining"))
	f("GET", "/readyz", 503, "draining")
	f("GET", "/healthz", 200, "ok")
	f("POST", "/readyz", 405, "")
	for _, path := range []string{"/", "/metrics/", "/debug/pprof/", "/healthz/x"} {
		f("GET", path, 404, "")
	}
}

func TestHealthyDecidesHealthz(t *testing.T) {
	var unhealthy reason
	a := mustStartAdmin(t, AdminOptions{Healthy: unhealthy.get})
	f := func(method, path string, wantStatus int, wantBody string) {
		t.Helper()
		if status, body := request(t, method, "http://"+a.Addr()+path); status != wantStatus || body != wantBody {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, status, body, wantStatus, wantBody)
		}
	}
	f("GET", "/healthz", 200, "ok\n")
	unhealthy.text.Store(new("event loop 0 has not run for 12s"))
	f("GET", "/healthz", 503, "unhealthy: event loop 0 has not run for 12s\n")
	f("HEAD", "/healthz", 503, "")
	f("GET", "/readyz", 200, "ready\n") // readiness does not depend on Healthy
	unhealthy.text.Store(nil)
	f("GET", "/healthz", 200, "ok\n")
}

// A Healthy that blocks must not block other requests: the endpoint holds no lock while it calls
// Healthy.
func TestBlockedHealthyDoesNotBlockOtherRequests(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	var blocked atomic.Bool
	blocked.Store(true)
	a := mustStartAdmin(t, AdminOptions{Healthy: func() error {
		if blocked.Load() {
			entered <- struct{}{}
			<-release
		}
		return nil
	}})
	url := "http://" + a.Addr()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if res, err := http.Get(url + "/healthz"); err != nil || res.Body.Close() != nil || res.StatusCode != 200 {
				t.Errorf("blocked /healthz: %v, %v", res, err)
			}
		})
	}
	<-entered
	<-entered // two calls at once
	blocked.Store(false)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, body := request(t, http.MethodGet, url+path); status != 200 {
			t.Errorf("%s: %d %q while Healthy is blocked in other requests", path, status, body)
		}
	}
	close(release)
	wg.Wait()
}

func TestAddressInUseIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := StartAdmin(AdminOptions{Addr: l.Addr().String(), Registry: prometheus.NewRegistry()}); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error: %v", err)
	}
	if _, err := StartAdmin(AdminOptions{}); err == nil {
		t.Error("StartAdmin accepted empty options")
	}
	if _, err := StartPprof(l.Addr().String(), nil); err == nil {
		t.Error("StartPprof accepted an address in use")
	}
}

func TestPprofListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:6060"} {
		if p, err := StartPprof(addr, nil); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
			if err == nil {
				_ = p.Close(t.Context())
			}
		}
	}
	if _, err := StartPprof("no port", nil); err == nil {
		t.Error("StartPprof accepted an address without a port")
	}
	for _, f := range []func() (*Pprof, error){
		func() (*Pprof, error) { return StartPprof("localhost:0", nil) },
		func() (*Pprof, error) { return StartPprof(":0", nil, PprofAnywhere()) },
	} {
		p, err := f()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(p.Addr())
		if status, body := request(t, http.MethodGet, "http://127.0.0.1:"+port+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
			t.Errorf("profile: %d %q", status, body)
		}
		if status, _ := request(t, http.MethodGet, "http://127.0.0.1:"+port+"/metrics"); status != 404 {
			t.Errorf("/metrics on the profiling endpoint: %d", status)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
