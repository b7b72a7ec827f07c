package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"mini-redis/internal/telemetry"
	"mini-redis/resptrace/vectors"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/observe"
	"mini-redis/services/mini-redis/internal/server"
)

// recorder is a sink that keeps the records.
type recorder struct {
	mu      sync.Mutex
	records []telemetry.Record
}

func (r *recorder) Emit(records []telemetry.Record) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, records...)
	return len(records)
}

// Enabled implements observe.Sink.
func (r *recorder) Enabled() bool { return true }

// Watched implements observe.Sink: there is no viewer.
func (r *recorder) Watched() bool           { return false }
func (r *recorder) Show([]telemetry.Record) {}

// take returns the spans recorded since the last call in the form of the test vectors.
func (r *recorder) take() []vectors.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var spans []vectors.Span
	for i := range r.records {
		rec := &r.records[i]
		_, attrs := rec.Describer.Describe(rec)
		set := attribute.NewSet(attrs...)
		operation, _ := set.Value(semconv.DBOperationNameKey)
		status, _ := set.Value(semconv.DBResponseStatusCodeKey)
		s := vectors.Span{Operation: operation.AsString(), TraceID: rec.TraceID.String(), Status: status.AsString()}
		if rec.Parent.IsValid() {
			s.ParentID = rec.Parent.String()
		}
		spans = append(spans, s)
	}
	r.records = nil
	return spans
}

// traced starts a server on a free port whose spans go to a recorder.
func traced(t *testing.T, roots float64, change func(*server.Config)) (dial func() (net.Conn, error), spans *recorder, s *server.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	spans = &recorder{}
	clock := server.NewClock()
	observer := observe.New(observe.Options{Clock: clock, Sink: spans, Propagator: propagation.TraceContext{}, Roots: roots})
	cfg := server.Config{
		Listener: listener, Observer: observer, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Engine: engine.Config{Commands: command.All(), Clock: clock, RunID: newRunID()},
	}
	if change != nil {
		change(&cfg)
	}
	s, err = server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }, spans, s
}

// The server answers every conversation of the specification's test vectors, and records
// exactly the spans that they list, on each transport.
func TestVectorsOfTheSpecification(t *testing.T) {
	file := vectors.Load(t)
	for name, change := range map[string]func(*server.Config){
		"loop":       func(c *server.Config) { c.Loops = 1 },
		"loops":      func(c *server.Config) { c.Loops = 3 },
		"goroutines": func(c *server.Config) { c.Goroutines = true },
	} {
		for _, roots := range []float64{0, 1000} {
			t.Run(fmt.Sprintf("%s roots %v", name, roots), func(t *testing.T) {
				dial, spans, s := traced(t, roots, change)
				for _, c := range file.Conversations {
					if c.Roots != (roots > 0) {
						continue
					}
					t.Run(c.Name, func(t *testing.T) {
						c.Run(t, dial)
						allClosed(t, s)
						c.CompareSpans(t, spans.take())
					})
				}
			})
		}
	}
}

// allClosed waits until the server has closed every connection. Every span has been emitted
// then.
func allClosed(t *testing.T, s *server.Server) {
	t.Helper()
	for range 2000 {
		if s.Stats().Clients == 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("the server has open connections after 4 s")
}
