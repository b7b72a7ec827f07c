package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// The keys of the trace context in a log line. The OpenTelemetry specification defines them for log
// formats other than OTLP.
const (
	logTraceID = "trace_id"
	logSpanID  = "span_id"
)

// NewLogger returns the program's logger. It writes one line per message to w. LOG_LEVEL is debug,
// info (the default), warn or error; LOG_FORMAT is json (the default) or text; any other value is
// an error. A nil getenv means os.Getenv. A message that is logged with a context that holds a span
// has the attributes trace_id and span_id.
func NewLogger(w io.Writer, getenv func(string) string) (*slog.Logger, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	e := &env{get: getenv}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	options := &slog.HandlerOptions{Level: levels[e.choice("LOG_LEVEL", "info", "debug", "warn", "error")]}
	format := e.choice("LOG_FORMAT", "json", "text")
	if err := e.err(); err != nil {
		return nil, err
	}
	var h slog.Handler = slog.NewJSONHandler(w, options)
	if format == "text" {
		h = slog.NewTextHandler(w, options)
	}
	return slog.New(&spanHandler{Handler: h, root: h}), nil
}

// spanHandler adds the IDs of the context's span to each line, at the top level. If the logger has
// an open group, the handler cannot add attributes outside it. Such a handler keeps the steps that
// led from root to it, and repeats them on a root with the IDs.
type spanHandler struct {
	slog.Handler
	root slog.Handler
	path []func(slog.Handler) slog.Handler // WithAttrs and WithGroup calls from root to Handler; empty without a group
}

// Handle implements slog.Handler.
func (h *spanHandler) Handle(ctx context.Context, r slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return h.Handler.Handle(ctx, r)
	}
	ids := []slog.Attr{slog.String(logTraceID, span.TraceID().String()), slog.String(logSpanID, span.SpanID().String())}
	if len(h.path) == 0 {
		r = r.Clone()
		r.AddAttrs(ids...)
		return h.Handler.Handle(ctx, r)
	}
	with := h.root.WithAttrs(ids)
	for _, step := range h.path {
		with = step(with)
	}
	return with.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *spanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := h.Handler.WithAttrs(attrs)
	if len(h.path) == 0 {
		return &spanHandler{Handler: next, root: next}
	}
	return h.step(next, func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *spanHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.step(h.Handler.WithGroup(name), func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *spanHandler) step(next slog.Handler, step func(slog.Handler) slog.Handler) slog.Handler {
	return &spanHandler{Handler: next, root: h.root, path: append(slices.Clip(h.path), step)}
}
