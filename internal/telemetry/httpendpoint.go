package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// httpEndpoint is an HTTP server with its listener. Admin and Pprof embed it.
type httpEndpoint struct {
	server   *http.Server
	listener net.Listener
	served   chan struct{}
}

// Limits on the time and memory that one client can use.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10
)

// serve serves handler on l in a new goroutine. name is used in log messages.
func serve(name string, l net.Listener, handler http.Handler, writeTimeout time.Duration, log *slog.Logger) *httpEndpoint {
	e := &httpEndpoint{listener: l, served: make(chan struct{}), server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients cause these errors, with invalid requests
	}}
	go func() {
		defer close(e.served)
		if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error(name+" stopped", "error", err.Error())
		}
	}()
	return e
}

// Addr returns the address the endpoint listens on, with the actual port.
func (e *httpEndpoint) Addr() string { return e.listener.Addr().String() }

// Close stops accepting requests and waits for those in flight. When ctx ends, it closes their
// connections and returns an error.
func (e *httpEndpoint) Close(ctx context.Context) error {
	err := e.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were interrupted: %w", err), e.server.Close())
	}
	<-e.served
	return err
}
