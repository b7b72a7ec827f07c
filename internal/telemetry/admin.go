package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AdminOptions configures StartAdmin. Addr and Registry are required.
type AdminOptions struct {
	Addr string // host:port; port 0 selects a free port
	// Registry is served at /metrics; usually Telemetry.Registry.
	Registry *prometheus.Registry
	// Healthy is called for every request to /healthz. If it returns an error, the answer is 503
	// with the error's text, and a liveness probe restarts the program. A nil Healthy is always
	// healthy.
	//
	// Healthy runs on the request's goroutine and may run several times at once. The endpoint holds
	// no lock while it calls Healthy, and takes none. Healthy must do the same and return at once:
	// it reports that the program is stuck, so it must not wait for what may be stuck. Read atomics
	// that a watchdog updates.
	Healthy func() error
	// Ready is called for every request to /readyz. If it returns an error, the answer is 503 with
	// the error's text. A nil Ready is always ready.
	Ready func() error
	// Logger receives errors from serving and from collecting metrics; nil means slog.Default().
	Logger *slog.Logger
}

// Admin is the running admin endpoint. It answers GET and HEAD requests for
//
//	/metrics   the registry, in the OpenMetrics format with exemplars if the client accepts it
//	/healthz   200, or 503 with the error that AdminOptions.Healthy returned
//	/readyz    200, or 503 with the error that AdminOptions.Ready returned
//
// and nothing else. It may be reachable from outside the machine, so it serves no profiles (see
// StartPprof) and no index.
type Admin struct{ *httpEndpoint }

// A scrape must end within Prometheus's default scrape timeout of 10 s.
const (
	scrapeTimeout        = 10 * time.Second
	maxConcurrentScrapes = 4
	adminWriteTimeout    = scrapeTimeout + 5*time.Second
)

// StartAdmin listens on o.Addr and serves until Close. The error names the address if it cannot
// listen.
func StartAdmin(o AdminOptions) (*Admin, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Addr == "" || o.Registry == nil {
		return nil, errors.New("admin endpoint: Addr and Registry are required")
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("admin endpoint: %w", err)
	}
	return &Admin{serve("admin endpoint", l, adminHandler(o), adminWriteTimeout, o.Logger)}, nil
}

func adminHandler(o AdminOptions) http.Handler {
	mux := http.NewServeMux() // a GET pattern also matches HEAD
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxConcurrentScrapes,
		Timeout:             scrapeTimeout,
		// If one collector fails, the metrics of the others are still served.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      scrapeLog{rateLimitedWarn(o.Logger, &rateLimiter{now: time.Now}, "/metrics is incomplete")},
	}))
	mux.HandleFunc("GET /healthz", probe(o.Healthy, "ok", "unhealthy: "))
	mux.HandleFunc("GET /readyz", probe(o.Ready, "ready", "not ready: "))
	return mux
}

// probe answers 200 with okText if check is nil or returns nil, and otherwise 503 with failPrefix
// and the error's text.
func probe(check func() error, okText, failPrefix string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if check != nil {
			if err := check(); err != nil {
				writeText(w, http.StatusServiceUnavailable, failPrefix+err.Error())
				return
			}
		}
		writeText(w, http.StatusOK, okText)
	}
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // fails only if the client has closed the connection
}

// scrapeLog adapts a log function to promhttp.Logger.
type scrapeLog struct{ logError func(error) }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) { l.logError(errors.New(fmt.Sprint(v...))) }
