package telemetry

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// serverDescriber stands in for the server's Describer: the operation is in Text, a duration in
// Data.
type serverDescriber struct{}

func (serverDescriber) Describe(r *Record) (string, []attribute.KeyValue) {
	return r.Text, []attribute.KeyValue{attribute.String("db.operation.name", r.Text), attribute.Int64("queue_ns", r.Data[0])}
}

func (serverDescriber) Scope() (string, string) { return "server/observe", "1" }

// serverRecord returns the record of a SERVER span with the given parent.
func serverRecord(name string, parent trace.SpanContext, id byte) Record {
	now := time.Now().UnixNano()
	return Record{
		TraceID: parent.TraceID(), SpanID: trace.SpanID{7: id}, Parent: parent.SpanID(), ParentRemote: true, Flags: trace.FlagsSampled,
		Kind: trace.SpanKindServer, Start: now - 1500, End: now, Status: codes.Error, Describer: serverDescriber{}, Data: [8]int64{42}, Text: name,
	}
}

// sampled returns a sampled remote span context.
func sampled() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 0xff}, TraceFlags: trace.FlagsSampled, Remote: true})
}

func TestTraceIsExportedExactly(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{
		Service: "client-load", Version: "v1.2.3", Getenv: r.environment(), Attributes: []attribute.KeyValue{attribute.String("load.run.id", "run-1")},
	})
	ctx, root := tel.TracerProvider().Tracer("resptrace").Start(t.Context(), "root")
	_, client := tel.TracerProvider().Tracer("resptrace").Start(ctx, "client",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "redis")))
	if n := tel.Sink().Emit([]Record{serverRecord("server", client.SpanContext(), 9)}); n != 1 {
		t.Fatalf("Emit accepted %d of 1", n)
	}
	client.End()
	root.End()
	mustShutdown(t, tel)

	spans, res := r.spans(t)
	if len(spans) != 3 {
		t.Fatalf("%d spans received, want 3: %v", len(spans), spans)
	}
	id := root.SpanContext().TraceID()
	for name, s := range spans {
		if trace.TraceID(s.TraceId) != id {
			t.Errorf("%s is in trace %x, want %s", name, s.TraceId, id)
		}
	}
	wantParent(t, spans["root"], trace.SpanID{})
	wantParent(t, spans["client"], root.SpanContext().SpanID())
	wantParent(t, spans["server"], client.SpanContext().SpanID())
	wantAttributes(t, "client", spans["client"].Attributes, map[string]any{"db.system.name": "redis"})
	wantAttributes(t, "server", spans["server"].Attributes, map[string]any{"db.operation.name": "server", "queue_ns": int64(42)})

	s := spans["server"]
	if s.Kind != tracepb.Span_SPAN_KIND_SERVER || s.Status.Code != tracepb.Status_STATUS_CODE_ERROR || s.EndTimeUnixNano-s.StartTimeUnixNano != 1500 {
		t.Errorf("server span: kind %v, status %v, %d ns", s.Kind, s.Status, s.EndTimeUnixNano-s.StartTimeUnixNano)
	}
	remote := uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	if s.Flags&remote != remote {
		t.Errorf("server span: flags %x, want the parent marked as remote", s.Flags)
	}
	wantResource(t, attributes(res.Attributes))
	wantValue(t, tel, 3, metricProcessed)
	wantValue(t, tel, 3, metricExported, "server_address=127.0.0.1")
}

func wantParent(t *testing.T, s *tracepb.Span, parent trace.SpanID) {
	t.Helper()
	want := ""
	if parent.IsValid() {
		want = parent.String()
	}
	if got := fmt.Sprintf("%x", s.ParentSpanId); got != want {
		t.Errorf("%s: parent %q, want %q", s.Name, got, want)
	}
}

func wantResource(t *testing.T, got map[string]any) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"service.name": "client-load", "service.namespace": "mini-redis", "service.version": "v1.2.3", "load.run.id": "run-1",
		"host.name": host, "process.pid": int64(os.Getpid()), "process.runtime.name": "go", "process.runtime.version": runtime.Version(),
		"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry",
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("resource: %s = %v, want %v", k, got[k], v)
		}
	}
	if id, _ := got["service.instance.id"].(string); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("service.instance.id = %q, want a version 4 UUID", id)
	}
	if len(got) != len(want)+2 { // the instance id and telemetry.sdk.version
		t.Errorf("resource has %d attributes, want %d: %v", len(got), len(want)+2, got)
	}
}

func TestInvalidUTF8DoesNotFailTheBatch(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{Getenv: r.environment()})
	tracer := tel.TracerProvider().Tracer("x")
	_, good := tracer.Start(t.Context(), "good")
	good.End()
	_, bad := tracer.Start(t.Context(), "bad", trace.WithAttributes(attribute.String("key", "a\xffb"), attribute.Int("n", 1)))
	bad.AddEvent("e", trace.WithAttributes(attribute.String("key", "\xfe")))
	bad.SetStatus(codes.Error, "\xfd")
	bad.End()
	tel.Sink().Emit([]Record{serverRecord("rec\xfford", sampled(), 1)})
	mustShutdown(t, tel)

	spans, _ := r.spans(t)
	if len(spans) != 3 {
		t.Fatalf("%d spans received, want 3", len(spans))
	}
	wantAttributes(t, "bad", spans["bad"].Attributes, map[string]any{"key": "a\ufffdb", "n": int64(1)})
	wantAttributes(t, "record", spans["rec\ufffdord"].Attributes, map[string]any{"db.operation.name": "rec\ufffdord", "queue_ns": int64(42)})
}

func TestNothingIsExportedIfTracesAreOff(t *testing.T) {
	for _, setting := range []string{"OTEL_TRACES_EXPORTER=none", "OTEL_SDK_DISABLED=true"} {
		r := newReceiver(t, "")
		tel := mustStart(t, Options{Getenv: r.environment(setting)})
		if tel.Sink().Enabled() {
			t.Errorf("%s: the sink is enabled", setting)
		}
		if n := tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1)}); n != 1 {
			t.Errorf("%s: Emit accepted %d, want 1: without an exporter no record is dropped", setting, n)
		}
		_, span := tel.TracerProvider().Tracer("x").Start(t.Context(), "b")
		if recording := span.IsRecording(); recording == (setting == "OTEL_SDK_DISABLED=true") {
			t.Errorf("%s: the span is recording: %v", setting, recording)
		}
		span.End()
		mustShutdown(t, tel)
		if spans, _ := r.spans(t); len(spans) != 0 {
			t.Errorf("%s: %d spans received, want 0", setting, len(spans))
		}
	}
}

func TestUnsampledSpansAreNotExported(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{Getenv: r.environment("OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0")})
	_, span := tel.TracerProvider().Tracer("x").Start(t.Context(), "root")
	span.End()
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), sampled())
	_, child := tel.TracerProvider().Tracer("x").Start(ctx, "child")
	child.End()
	record := serverRecord("record", sampled(), 1)
	record.Flags = 0
	tel.Sink().Emit([]Record{record})
	mustShutdown(t, tel)
	if spans, _ := r.spans(t); len(spans) != 1 || spans["child"] == nil {
		t.Errorf("received %v, want only the child of the sampled parent", spans)
	}
}

func TestAttributeLimitsApplyToRecordsAndSpans(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{Getenv: r.environment("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=2", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=1")})
	_, span := tel.TracerProvider().Tracer("x").Start(t.Context(), "span", trace.WithAttributes(attribute.String("a", "äöü"), attribute.Int("b", 1)))
	span.End()
	tel.Sink().Emit([]Record{serverRecord("äöü", sampled(), 1)})
	mustShutdown(t, tel)
	spans, _ := r.spans(t)
	wantAttributes(t, "span", spans["span"].Attributes, map[string]any{"a": "äö"})
	wantAttributes(t, "record", spans["äöü"].Attributes, map[string]any{"db.operation.name": "äö"})
	for name, s := range spans {
		if s.DroppedAttributesCount != 1 {
			t.Errorf("%s: %d attributes dropped, want 1", name, s.DroppedAttributesCount)
		}
	}
}
