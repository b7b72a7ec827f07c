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

// flushTimeout bounds how long a collector that hangs can hold up the program.
const flushTimeout = 2 * time.Second

// tracing makes calls traces. A nil *tracing makes calls that are none, and
// costs nothing: telemetry is not even started.
type tracing struct {
	telemetry *telemetry.Telemetry
	tracer    trace.Tracer
	jaeger    string
	stderr    io.Writer
}

// startTracing returns nil unless the options ask for a trace.
func startTracing(ctx context.Context, o options, getenv func(string) string, stderr io.Writer) (*tracing, error) {
	if !o.trace {
		return nil, nil
	}
	t, err := telemetry.Start(ctx, telemetry.Options{
		Service: serviceName,
		Version: program.Number(),
		Getenv: func(name string) string {
			// One command makes no time series that anyone would look at.
			if v := getenv(name); v != "" || name != "OTEL_METRICS_EXPORTER" {
				return v
			}
			return "none"
		},
		Logger: slog.New(slog.DiscardHandler), // what was not delivered is reported with the trace
	})
	if err != nil {
		return nil, err
	}
	return &tracing{telemetry: t, tracer: t.TracerProvider().Tracer(serviceName), jaeger: o.jaeger, stderr: stderr}, nil
}

// call is a command on its way.
type call struct {
	words   [][]byte // as they go over the wire
	tracing *tracing // nil when the call is no trace
	span    trace.Span
	traced  bool
	ended   bool
	told    bool
}

// begin starts a call: its span, and its words with the span's context in front
// where the server knows what that means.
func (t *tracing) begin(ctx context.Context, s *session, command []string) *call {
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

// attributes describe a call by the semantic conventions for Redis, without
// what the user typed: no keys, no values.
func (s *session) attributes(command string) []attribute.KeyValue {
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

// What a command's name and the code of an error reply look like; anything else
// may be made of keys and values.
var (
	commandName = regexp.MustCompile(`^[A-Z][A-Z0-9_.-]{0,31}$`)
	errorCode   = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,31}\b`)
)

// operation is a command's name in a span.
func operation(command string) string {
	if name := strings.ToUpper(command); commandName.MatchString(name) {
		return name
	}
	return "_OTHER"
}

// end ends the call's span with what came of it. Further calls do nothing.
func (c *call) end(r reply.Reply, err error) {
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
		kind = "context.Canceled" // the end of the context is what closes the connection
	case err != nil:
		kind = semconv.ErrorType(err).Value.AsString()
	case r.Kind == reply.Error:
		// The first word alone: the rest may repeat keys and values.
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

// report delivers the trace and says where it is. Further calls do nothing.
func (c *call) report() {
	if c.tracing == nil || c.told {
		return
	}
	c.told = true
	c.end(reply.Reply{}, nil)
	t := c.tracing
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := t.telemetry.Shutdown(ctx)

	id := c.span.SpanContext().TraceID().String()
	switch {
	case !c.span.SpanContext().IsSampled():
		fmt.Fprintf(t.stderr, "trace %s, which is not kept (OTEL_TRACES_SAMPLER or OTEL_SDK_DISABLED)\n", id)
		return
	case err != nil:
		fmt.Fprintf(t.stderr, "trace %s, which was not delivered: %v\n", id, err)
		return
	case !c.traced:
		fmt.Fprintf(t.stderr, "trace %s, of the client alone: the server does not speak RESP Trace Context\n", id)
	default:
		fmt.Fprintf(t.stderr, "trace %s\n", id)
	}
	if t.jaeger != "" {
		fmt.Fprintf(t.stderr, "      %s/trace/%s\n", strings.TrimRight(t.jaeger, "/"), id)
	}
}
