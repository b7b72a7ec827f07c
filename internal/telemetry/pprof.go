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

// Pprof is the running profiling endpoint. It serves /debug/pprof of net/http/pprof on a separate
// listener. (That package also registers itself with http.DefaultServeMux, which no program of this
// project serves.)
type Pprof struct{ *httpEndpoint }

// maxProfileDuration is the maximum duration of one profile or trace.
const maxProfileDuration = 5 * time.Minute

// PprofOption is an option of StartPprof.
type PprofOption func(*pprofOptions)

type pprofOptions struct{ allowRemote bool }

// ErrNotLoopback is returned by StartPprof for an address that is not a loopback address.
var ErrNotLoopback = errors.New("profiles contain the memory of the process, so they are served on loopback only")

// PprofAnywhere allows StartPprof to listen on an address that other machines can reach. A profile
// exposes keys, values and secrets to every client. Prefer port forwarding.
func PprofAnywhere() PprofOption { return func(o *pprofOptions) { o.allowRemote = true } }

// StartPprof serves profiles at addr (host:port; port 0 selects a free port) until Close. If addr
// is not a loopback address, it returns ErrNotLoopback unless PprofAnywhere is given. A nil log
// means slog.Default().
func StartPprof(addr string, log *slog.Logger, options ...PprofOption) (*Pprof, error) {
	var o pprofOptions
	for _, set := range options {
		set(&o)
	}
	if log == nil {
		log = slog.Default()
	}
	// Resolve once, so that the address that is checked is the one that is used.
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("profiling endpoint: %w", err)
	}
	if !o.allowRemote && !tcp.IP.IsLoopback() {
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
	return &Pprof{serve("profiling endpoint", l, mux, maxProfileDuration, log)}, nil
}
