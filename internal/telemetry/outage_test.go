package telemetry

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

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
	if err == nil || !strings.Contains(err.Error(), "undelivered spans: 1") || !errors.Is(err, errCollectorAway) {
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

// awaitBroken waits until an export has failed and the connection is known to be the reason.
func awaitBroken(t *testing.T, tel *Telemetry, book *logBook) {
	t.Helper()
	broken := func() bool {
		return book.count("telemetry export failed") > 0 && tel.traceLink.conn.GetState() == connectivity.TransientFailure
	}
	for begin := time.Now(); !broken(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the dead collector was never noticed")
		}
	}
}

func TestSpansWaitForACollectorThatAppearsLater(t *testing.T) {
	var book logBook
	addr := freeAddr(t)
	tel := mustStart(t, Options{Logger: book.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+addr, "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_METRICS_EXPORTER=none",
	)})
	tel.Sink().Emit([]Record{serverRecord("patient", sampled(), 1)})
	awaitBroken(t, tel, &book)
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
	awaitBroken(t, tel, &book)
	r := newReceiver(t, addr)
	mustShutdown(t, tel) // the connection is known as broken: it must try again rather than give up
	if spans, _ := r.spans(t); spans["late"] == nil {
		t.Error("the span did not arrive")
	}
	if found, _ := r.points("go_goroutines"); len(found) != 1 {
		t.Error("the last push did not arrive")
	}
}

func TestABatchIsGivenUpAfterItsTimeout(t *testing.T) {
	tel := mustStart(t, Options{Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+freeAddr(t), "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_BSP_EXPORT_TIMEOUT=50", "OTEL_METRICS_EXPORTER=none",
	)})
	tel.Sink().Emit([]Record{serverRecord("lost", sampled(), 1)})
	for begin := time.Now(); value(t, tel, metricExported, "error_type=UNAVAILABLE") == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the loss was never counted")
		}
	}
	wantValue(t, tel, 0, "otel_sdk_exporter_span_inflight")
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

func TestASlowCollectorIsWaitedFor(t *testing.T) {
	r := newReceiver(t, "")
	r.answerTraces(func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		time.Sleep(awayGrace + 100*time.Millisecond) // longer than an absent one would be
		return &coltracepb.ExportTraceServiceResponse{}, nil
	})
	tel := mustStart(t, Options{Getenv: r.environment()})
	tel.Sink().Emit([]Record{serverRecord("slow", sampled(), 1)})
	mustShutdown(t, tel)
	wantValue(t, tel, 1, metricExported)
	if r.pushes() != 1 {
		t.Error("the last push did not arrive")
	}
}
