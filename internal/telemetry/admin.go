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

// AdminOptions says what the admin endpoint listens on and serves.
type AdminOptions struct {
	Addr string // host:port; port 0 takes a free one
	// Registry is what /metrics shows, Telemetry.Registry as a rule.
	Registry *prometheus.Registry
	// Ready answers /readyz: nil means ready, and the text of an error is the reason shown with the 503. A nil Ready is always ready.
	Ready func() error
	// Logger takes errors of serving and collecting; nil means slog.Default().
	Logger *slog.Logger
}

// Admin is the running admin endpoint. It serves, to GET and HEAD,
//
//	/metrics   the registry, as OpenMetrics (with exemplars) to those who accept it
//	/healthz   200 while the process can answer at all
//	/readyz    200, or 503 with the reason
//
// and nothing else: it may be reachable from outside, so there are no profiles here (StartPprof) and no index.
type Admin struct{ *httpEndpoint }

// A scrape must end within the time a scraper waits (10 s by default), and a few at once are enough.
const (
	scrapeTimeout     = 10 * time.Second
	scrapesAtOnce     = 4
	adminWriteTimeout = scrapeTimeout + 5*time.Second
)

// StartAdmin listens and serves until Close. An error names the address that cannot be used.
func StartAdmin(o AdminOptions) (*Admin, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Addr == "" || o.Registry == nil {
		return nil, errors.New("admin endpoint: an address and a registry are needed")
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("admin endpoint: %w", err)
	}
	return &Admin{serve("admin endpoint", l, adminHandler(o), adminWriteTimeout, o.Logger)}, nil
}

func adminHandler(o AdminOptions) http.Handler {
	mux := http.NewServeMux() // a pattern with GET answers HEAD too
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
		// One collector's error must not take everybody's numbers away.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      scrapeLog{complainer(o.Logger, &seldom{now: time.Now}, "/metrics is incomplete")},
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if o.Ready != nil {
			if err := o.Ready(); err != nil {
				answer(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
				return
			}
		}
		answer(w, http.StatusOK, "ready")
	})
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a prober that has gone needs no answer
}

// scrapeLog takes promhttp's complaints.
type scrapeLog struct{ complain func(error) }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) { l.complain(errors.New(fmt.Sprint(v...))) }
