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

// httpEndpoint is a small HTTP server of its own: what Admin and Pprof share.
type httpEndpoint struct {
	server   *http.Server
	listener net.Listener
	served   chan struct{}
}

// Bounds on what a stranger can hold open.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10
)

// serve starts serving handler on l; name is for messages.
func serve(name string, l net.Listener, handler http.Handler, writeTimeout time.Duration, log *slog.Logger) *httpEndpoint {
	e := &httpEndpoint{listener: l, served: make(chan struct{}), server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a stranger's bad request is not our warning
	}}
	go func() {
		defer close(e.served)
		if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error(name+" stopped", "error", err.Error())
		}
	}()
	return e
}

// Addr is the address it listens on, with the real port.
func (e *httpEndpoint) Addr() string { return e.listener.Addr().String() }

// Close takes no more requests and waits for those in flight until ctx ends; then it cuts them off.
func (e *httpEndpoint) Close(ctx context.Context) error {
	err := e.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests cut off: %w", err), e.server.Close())
	}
	<-e.served
	return err
}
