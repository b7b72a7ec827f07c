package telemetry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serverDescriber stands for the server's: an operation in Text, a duration in Data.
type serverDescriber struct{}

func (serverDescriber) Describe(r *Record) (string, []attribute.KeyValue) {
	return r.Text, []attribute.KeyValue{attribute.String("db.operation.name", r.Text), attribute.Int64("queue_ns", r.Data[0])}
}

func (serverDescriber) Scope() (string, string) { return "server/observe", "1" }

// serverRecord is a SERVER record under parent.
func serverRecord(name string, parent trace.SpanContext, id byte) Record {
	now := time.Now().UnixNano()
	return Record{
		TraceID: parent.TraceID(), SpanID: trace.SpanID{7: id}, Parent: parent.SpanID(), ParentRemote: true, Flags: trace.FlagsSampled,
		Kind: trace.SpanKindServer, Start: now - 1500, End: now, Status: codes.Error, Describer: serverDescriber{}, Data: [8]int64{42}, Text: name,
	}
}

// sampled is a context that a remote caller could have sent.
func sampled() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 0xff}, TraceFlags: trace.FlagsSampled, Remote: true})
}

func TestATraceArrivesExactly(t *testing.T) {
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
		t.Fatalf("%d spans arrived, want 3: %v", len(spans), spans)
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
		t.Errorf("server span: flags %x do not say that the parent is remote", s.Flags)
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
		t.Errorf("service.instance.id = %q is no version 4 UUID", id)
	}
	if len(got) != len(want)+2 { // the instance id and telemetry.sdk.version
		t.Errorf("resource has %d attributes, want %d: %v", len(got), len(want)+2, got)
	}
}

func TestOneSpanOfBadBytesDoesNotTakeTheBatchWithIt(t *testing.T) {
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
		t.Fatalf("%d spans arrived, want 3", len(spans))
	}
	wantAttributes(t, "bad", spans["bad"].Attributes, map[string]any{"key": "a\ufffdb", "n": int64(1)})
	wantAttributes(t, "record", spans["rec\ufffdord"].Attributes, map[string]any{"db.operation.name": "rec\ufffdord", "queue_ns": int64(42)})
}

func TestADeadCollectorEndsAShortProgramAtOnce(t *testing.T) {
	var book logBook
	tel := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT=" + freeAddr(t)), Logger: book.logger()})
	if n := tel.Sink().Emit([]Record{serverRecord("lost", sampled(), 1)}); n != 1 {
		t.Fatalf("Emit accepted %d of 1", n)
	}
	begin := time.Now()
	err := tel.Shutdown(context.Background())
	if took := time.Since(begin); took > 5*time.Second { // under a second but for a starved machine; retries alone would take 30
		t.Errorf("Shutdown took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "1 spans were not delivered") || !errors.Is(err, errCollectorAway) {
		t.Errorf("Shutdown: %v", err)
	}
	wantValue(t, tel, 1, metricExported, "error_type=UNAVAILABLE")
	wantValue(t, tel, 0, metricExported)
	if n := book.count("telemetry export failed"); n != 1 {
		t.Errorf("a dead collector was told %d times:\n%s", n, book.String())
	}
	if again := tel.Shutdown(context.Background()); again != err {
		t.Errorf("second Shutdown: %v", again)
	}
}

func TestAHangingCollectorIsLeftWhenTheContextEnds(t *testing.T) {
	r := newReceiver(t, "")
	r.answerTraces(func(ctx context.Context, _ *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	tel := mustStart(t, Options{Getenv: r.environment()})
	tel.Sink().Emit([]Record{serverRecord("lost", sampled(), 1)})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if ctx.Err() == nil {
		t.Error("Shutdown gave up before its context did")
	}
	wantValue(t, tel, 1, metricExported, "error_type=DEADLINE_EXCEEDED")
}

func TestSpansWaitForACollectorThatAppearsLater(t *testing.T) {
	var book logBook
	addr := freeAddr(t)
	tel := mustStart(t, Options{Logger: book.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+addr, "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_METRICS_EXPORTER=none",
	)})
	tel.Sink().Emit([]Record{serverRecord("patient", sampled(), 1)})
	for begin := time.Now(); book.count("telemetry export failed") == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the dead collector was never told")
		}
	}
	r := newReceiver(t, addr)
	r.await(t, "the span", func() bool { spans, _ := r.spans(t); return spans["patient"] != nil })
	mustShutdown(t, tel)
	wantValue(t, tel, 1, metricExported)
	wantValue(t, tel, 0, metricExported, "error_type=UNAVAILABLE")
	if book.count("telemetry export failed") != 1 || book.count("telemetry export works again") != 1 {
		t.Errorf("log:\n%s", book.String())
	}
}

func TestACollectorThatComesBackJustInTimeGetsTheRest(t *testing.T) {
	var book logBook
	addr := freeAddr(t)
	tel := mustStart(t, Options{Logger: book.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+addr, "OTEL_BSP_SCHEDULE_DELAY=1",
	)})
	tel.Sink().Emit([]Record{serverRecord("late", sampled(), 1)})
	for begin := time.Now(); book.count("telemetry export failed") == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the dead collector was never told")
		}
	}
	r := newReceiver(t, addr)
	mustShutdown(t, tel) // the connection is known as broken: it must try again rather than give up
	if spans, _ := r.spans(t); spans["late"] == nil {
		t.Error("the span did not arrive")
	}
	if found, _ := r.points("go_goroutines"); len(found) != 1 {
		t.Error("the last push did not arrive")
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	f := func(labels string, answer func() (*coltracepb.ExportTraceServiceResponse, error), wantFailed, wantExported float64) {
		t.Helper()
		r := newReceiver(t, "")
		r.answerTraces(func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			return answer()
		})
		var book logBook
		tel := mustStart(t, Options{Getenv: r.environment("OTEL_METRICS_EXPORTER=none"), Logger: book.logger()})
		tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1), serverRecord("b", sampled(), 2), serverRecord("c", sampled(), 3)})
		_ = tel.Shutdown(t.Context())
		wantValue(t, tel, wantFailed, metricExported, labels)
		wantValue(t, tel, wantExported, metricExported)
		if book.count(`"level":"WARN"`) != 1 {
			t.Errorf("%s: log:\n%s", labels, book.String())
		}
	}
	f("error_type=rejected", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old"}}, nil
	}, 2, 1)
	f("error_type=PERMISSION_DENIED", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return nil, status.Error(grpccodes.PermissionDenied, "no")
	}, 3, 0)
	f("error_type=RESOURCE_EXHAUSTED", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return nil, status.Error(grpccodes.ResourceExhausted, "without saying when")
	}, 3, 0)
}

func TestABusyCollectorIsTriedAgain(t *testing.T) {
	r := newReceiver(t, "")
	first := true
	r.answerTraces(func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		if first {
			first = false
			return nil, status.Error(grpccodes.Unavailable, "memory limit")
		}
		return &coltracepb.ExportTraceServiceResponse{}, nil
	})
	tel := mustStart(t, Options{Getenv: r.environment()})
	tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1)})
	mustShutdown(t, tel)
	wantValue(t, tel, 1, metricExported)
}

func TestNobodyIsAskedWhenTracesAreOff(t *testing.T) {
	for _, setting := range []string{"OTEL_TRACES_EXPORTER=none", "OTEL_SDK_DISABLED=true"} {
		r := newReceiver(t, "")
		tel := mustStart(t, Options{Getenv: r.environment(setting)})
		if tel.Sink().Enabled() {
			t.Errorf("%s: the sink is enabled", setting)
		}
		if n := tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1)}); n != 1 {
			t.Errorf("%s: Emit accepted %d, want 1: nothing is lost that nobody wants", setting, n)
		}
		_, span := tel.TracerProvider().Tracer("x").Start(t.Context(), "b")
		if recording := span.IsRecording(); recording == (setting == "OTEL_SDK_DISABLED=true") {
			t.Errorf("%s: the span is recording: %v", setting, recording)
		}
		span.End()
		mustShutdown(t, tel)
		if spans, _ := r.spans(t); len(spans) != 0 {
			t.Errorf("%s: %d spans arrived", setting, len(spans))
		}
	}
}

func TestUnsampledIsNotExported(t *testing.T) {
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
		t.Errorf("arrived: %v, want only the sampled parent's child", spans)
	}
}

func TestLimitsHoldForRecordsAsForSpans(t *testing.T) {
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

var _ sdktrace.SpanExporter = (*stuckExporter)(nil)
