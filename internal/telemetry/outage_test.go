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

func TestShutdownDoesNotWaitForAnUnreachableCollector(t *testing.T) {
	var logs logBuffer
	tel := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT=" + freeAddr(t)), Logger: logs.logger()})
	if n := tel.Sink().Emit([]Record{serverRecord("lost", sampled(), 1)}); n != 1 {
		t.Fatalf("Emit accepted %d of 1", n)
	}
	begin := time.Now()
	err := tel.Shutdown(context.Background())
	if took := time.Since(begin); took > 5*time.Second { // usually under 1 s; retries would take 30 s; the rest allows for a busy machine
		t.Errorf("Shutdown took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "undelivered spans: 1") || !errors.Is(err, errCollectorUnreachable) {
		t.Errorf("Shutdown: %v", err)
	}
	wantValue(t, tel, 1, metricExported, "error_type=UNAVAILABLE")
	wantValue(t, tel, 0, metricExported)
	if n := logs.count("telemetry export failed"); n != 1 {
		t.Errorf("the failure was logged %d times, want 1:\n%s", n, logs.String())
	}
	if again := tel.Shutdown(context.Background()); again != err {
		t.Errorf("second Shutdown: %v, want the first error", again)
	}
}

func TestShutdownOfAHangingCollectorEndsWithItsContext(t *testing.T) {
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
		t.Error("Shutdown returned before its context ended")
	}
	wantValue(t, tel, 1, metricExported, "error_type=DEADLINE_EXCEEDED")
}

// awaitTransientFailure waits until an export has failed because of the connection.
func awaitTransientFailure(t *testing.T, tel *Telemetry, logs *logBuffer) {
	t.Helper()
	broken := func() bool {
		return logs.count("telemetry export failed") > 0 && tel.traceConn.conn.GetState() == connectivity.TransientFailure
	}
	for begin := time.Now(); !broken(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > testTimeout {
			t.Fatal("no failed export was logged")
		}
	}
}

func TestSpansAreExportedWhenTheCollectorStartsLater(t *testing.T) {
	var logs logBuffer
	addr := freeAddr(t)
	tel := mustStart(t, Options{Logger: logs.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+addr, "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_METRICS_EXPORTER=none",
	)})
	tel.Sink().Emit([]Record{serverRecord("waiting", sampled(), 1)})
	awaitTransientFailure(t, tel, &logs)
	r := newReceiver(t, addr)
	r.await(t, "the span", func() bool { spans, _ := r.spans(t); return spans["waiting"] != nil })
	mustShutdown(t, tel)
	wantValue(t, tel, 1, metricExported)
	wantValue(t, tel, 0, metricExported, "error_type=UNAVAILABLE")
	if logs.count("telemetry export failed") != 1 || logs.count("telemetry export recovered") != 1 {
		t.Errorf("log:\n%s", logs.String())
	}
}

func TestShutdownReconnectsToACollectorThatIsBack(t *testing.T) {
	var logs logBuffer
	addr := freeAddr(t)
	tel := mustStart(t, Options{Logger: logs.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+addr, "OTEL_BSP_SCHEDULE_DELAY=1",
	)})
	tel.Sink().Emit([]Record{serverRecord("late", sampled(), 1)})
	awaitTransientFailure(t, tel, &logs)
	r := newReceiver(t, addr)
	mustShutdown(t, tel) // the connection is in TransientFailure: Shutdown must wait for one more attempt
	if spans, _ := r.spans(t); spans["late"] == nil {
		t.Error("the span was not exported")
	}
	if found, _ := r.points("go_goroutines"); len(found) != 1 {
		t.Error("the last push did not arrive")
	}
}

func TestBatchIsDroppedAfterExportTimeout(t *testing.T) {
	tel := mustStart(t, Options{Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+freeAddr(t), "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_BSP_EXPORT_TIMEOUT=50", "OTEL_METRICS_EXPORTER=none",
	)})
	tel.Sink().Emit([]Record{serverRecord("lost", sampled(), 1)})
	for begin := time.Now(); value(t, tel, metricExported, "error_type=UNAVAILABLE") == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > testTimeout {
			t.Fatal("the failed export was not counted")
		}
	}
	wantValue(t, tel, 0, "otel_sdk_exporter_span_inflight")
}

func TestRejectionsAreCounted(t *testing.T) {
	f := func(labels string, answer func() (*coltracepb.ExportTraceServiceResponse, error), wantFailed, wantExported float64) {
		t.Helper()
		r := newReceiver(t, "")
		r.answerTraces(func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			return answer()
		})
		var logs logBuffer
		tel := mustStart(t, Options{Getenv: r.environment("OTEL_METRICS_EXPORTER=none"), Logger: logs.logger()})
		tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1), serverRecord("b", sampled(), 2), serverRecord("c", sampled(), 3)})
		_ = tel.Shutdown(t.Context())
		wantValue(t, tel, wantFailed, metricExported, labels)
		wantValue(t, tel, wantExported, metricExported)
		if logs.count(`"level":"WARN"`) != 1 {
			t.Errorf("%s: log:\n%s", labels, logs.String())
		}
	}
	f("error_type=rejected", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old"}}, nil
	}, 2, 1)
	f("error_type=PERMISSION_DENIED", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return nil, status.Error(grpccodes.PermissionDenied, "no")
	}, 3, 0)
	f("error_type=RESOURCE_EXHAUSTED", func() (*coltracepb.ExportTraceServiceResponse, error) {
		return nil, status.Error(grpccodes.ResourceExhausted, "without RetryInfo")
	}, 3, 0)
}

func TestRetryableErrorIsRetried(t *testing.T) {
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

func TestShutdownWaitsForASlowCollector(t *testing.T) {
	r := newReceiver(t, "")
	r.answerTraces(func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		time.Sleep(connectGrace + 100*time.Millisecond) // longer than Shutdown waits for an unreachable collector
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
