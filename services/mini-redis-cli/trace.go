package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/program"
	"mini-redis/internal/telemetry"
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis-cli/internal/reply"
)

// flushTimeout is how long the program waits for a collector that does not answer.
const flushTimeout = 2 * time.Second

// tracing creates traced calls. A nil *tracing creates untraced calls; then
// telemetry is not started.
type tracing struct {
	telemetry *telemetry.Telemetry
	tracer    trace.Tracer
	jaeger    string
	stderr    io.Writer
}

// startTracing returns nil unless -trace is set.
func startTracing(ctx context.Context, o options, getenv func(string) string, stderr io.Writer) (*tracing, error) {
	if !o.trace {
		return nil, nil
	}
	t, err := telemetry.Start(ctx, telemetry.Options{
		Service: serviceName,
		Version: program.Number(),
		Getenv: func(name string) string {
			// Metrics of a single command are not useful, so they are off by default.
			if v := getenv(name); v != "" || name != "OTEL_METRICS_EXPORTER" {
				return v
			}
			return "none"
		},
		Logger: slog.New(slog.DiscardHandler), // report prints export errors
	})
	if err != nil {
		return nil, err
	}
	return &tracing{telemetry: t, tracer: t.TracerProvider().Tracer(serviceName), jaeger: o.jaeger, stderr: stderr}, nil
}

// call is one command and its span.
type call struct {
	words    [][]byte // as sent, with the trace context
	tracing  *tracing // nil if the call is not traced
	span     trace.Span
	traced   bool
	ended    bool
	reported bool
}

// startCall creates a call and starts its span. If the server supports RESP Trace
// Context, it adds the span's context to the words.
func (t *tracing) startCall(ctx context.Context, s *connection, command []string) *call {
	c := &call{words: toBytes(command), tracing: t, traced: s.traced}
	if t == nil {
		return c
	}
	ctx, c.span = t.tracer.Start(ctx, operation(command[0]),
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(s.attributes(command[0])...))
	if s.traced && c.span.SpanContext().IsSampled() {
		var carrier wire.Carrier
		t.telemetry.Propagator().Inject(ctx, &carrier)
		c.words = wire.AppendFields(nil, &carrier, c.words...)
	}
	return c
}

// attributes returns the span attributes of the semantic conventions for Redis.
// They contain no arguments of the command: no keys and no values.
func (s *connection) attributes(command string) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		semconv.DBSystemNameRedis,
		semconv.DBOperationName(operation(command)),
		semconv.DBNamespace(strconv.Itoa(s.options.db)),
		semconv.ServerAddress(s.options.host),
		semconv.ServerPort(s.options.port),
	}
	if peer, ok := s.conn.RemoteAddr().(*net.TCPAddr); ok {
		attrs = append(attrs, semconv.NetworkPeerAddress(peer.IP.String()), semconv.NetworkPeerPort(peer.Port))
	}
	return attrs
}

// The syntax of a command name and of the code of an error reply. Other text may
// contain keys and values, so it is not put into spans.
var (
	commandName = regexp.MustCompile(`^[A-Z][A-Z0-9_.-]{0,31}$`)
	errorCode   = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,31}\b`)
)

// operation returns the command's name for a span, or _OTHER if it is not a valid name.
func operation(command string) string {
	if name := strings.ToUpper(command); commandName.MatchString(name) {
		return name
	}
	return "_OTHER"
}

// endSpan ends the call's span with the outcome of the call. Further calls do nothing.
func (c *call) endSpan(r reply.Reply, err error) {
	if c.tracing == nil || c.ended {
		return
	}
	c.ended = true
	defer c.span.End()
	kind := ""
	switch {
	case errors.Is(err, errClosed):
		kind = "io.EOF"
	case errors.Is(err, net.ErrClosed):
		kind = "context.Canceled" // the connection is closed when the context ends
	case err != nil:
		kind = semconv.ErrorType(err).Value.AsString()
	case r.Kind == reply.Error:
		// Only the error code: the rest of the reply may contain keys and values.
		if kind = errorCode.FindString(string(r.Text)); kind == "" {
			kind = semconv.ErrorTypeOther.Value.AsString()
			break
		}
		c.span.SetAttributes(semconv.DBResponseStatusCode(kind))
	default:
		return
	}
	c.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	c.span.SetStatus(codes.Error, "")
}

// report exports the trace and prints its ID and a link to it. Further calls do nothing.
func (c *call) report() {
	if c.tracing == nil || c.reported {
		return
	}
	c.reported = true
	c.endSpan(reply.Reply{}, nil)
	t := c.tracing
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := t.telemetry.Shutdown(ctx)

	id := c.span.SpanContext().TraceID().String()
	switch {
	case !c.span.SpanContext().IsSampled():
		fmt.Fprintf(t.stderr, "trace %s was not recorded (check OTEL_TRACES_SAMPLER and OTEL_SDK_DISABLED)\n", id)
		return
	case err != nil:
		fmt.Fprintf(t.stderr, "trace %s was not exported: %v\n", id, err)
		return
	case !c.traced:
		fmt.Fprintf(t.stderr, "trace %s has only the client's span: the server does not support RESP Trace Context\n", id)
	default:
		fmt.Fprintf(t.stderr, "trace %s\n", id)
	}
	if t.jaeger != "" {
		fmt.Fprintf(t.stderr, "      %s/trace/%s\n", strings.TrimRight(t.jaeger, "/"), id)
	}
}
