package telemetry

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Pprof is the running profiling endpoint, /debug/pprof of net/http/pprof on a listener of its own. (That package also registers itself
// with http.DefaultServeMux, which nothing in this project serves.)
type Pprof struct{ *httpEndpoint }

// longestProfile bounds how long one profile or trace may run.
const longestProfile = 5 * time.Minute

// PprofOption changes what StartPprof allows.
type PprofOption func(*pprofOptions)

type pprofOptions struct{ anywhere bool }

// ErrNotLoopback is the reason StartPprof gives for an address others can reach.
var ErrNotLoopback = errors.New("profiles hold the memory of the process, so they are served on loopback only")

// PprofAnywhere lets StartPprof listen on an address that others can reach. A profile shows keys, values and secrets to
// whoever asks: port forwarding is nearly always the better way.
func PprofAnywhere() PprofOption { return func(o *pprofOptions) { o.anywhere = true } }

// StartPprof serves profiles at addr (host:port, port 0 takes a free one) until Close. An address that is not loopback is refused with
// ErrNotLoopback unless PprofAnywhere is given. A nil log means slog.Default().
func StartPprof(addr string, log *slog.Logger, options ...PprofOption) (*Pprof, error) {
	var o pprofOptions
	for _, set := range options {
		set(&o)
	}
	if log == nil {
		log = slog.Default()
	}
	// Resolved once, here: what is checked is what is listened on.
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("profiling endpoint: %w", err)
	}
	if !o.anywhere && !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("profiling endpoint %q: %w", addr, ErrNotLoopback)
	}
	l, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, fmt.Errorf("profiling endpoint: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &Pprof{serve("profiling endpoint", l, mux, longestProfile, log)}, nil
}
