package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
)

// replyError is an error reply as go-redis returns one.
type replyError string

func (e replyError) Error() string { return string(e) }
func (e replyError) RedisError()   {}

func mustRecorder(t *testing.T, missed int64) (*Recorder, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	r, err := New(registry, []string{"GET", "SET"}, func() int64 { return missed })
	if err != nil {
		t.Fatal(err)
	}
	return r, registry
}

func sampled(id byte) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{id}, SpanID: trace.SpanID{id}, TraceFlags: trace.FlagsSampled,
	})
}

func TestSnapshotMergesWorkers(t *testing.T) {
	r, _ := mustRecorder(t, 0)
	var wg sync.WaitGroup
	for range 4 {
		w := r.NewWorker()
		wg.Go(func() {
			for i := range 1000 {
				w.Record(Result{Command: "GET", Latency: time.Duration(i+1) * time.Millisecond})
				if i%500 == 0 {
					r.Snapshot()
				}
			}
			w.Record(Result{Command: "SET", Latency: 2 * time.Minute, Err: io.EOF, Waited: true, Wake: time.Millisecond})
		})
	}
	wg.Wait()

	s := r.Snapshot()
	get, set := s.Commands[0], s.Commands[1]
	if get.Command != "GET" || get.Operations != 4000 || get.Errors != 0 {
		t.Errorf("GET: %+v", get)
	}
	if set.Command != "SET" || set.Operations != 4 || set.Errors != 4 || set.ErrorsByType[errorClosed] != 4 {
		t.Errorf("SET: %+v", set)
	}
	if s.All.Operations != 4004 || s.All.Errors != 4 || s.All.ErrorsByType[errorClosed] != 4 {
		t.Errorf("all: %+v", s.All)
	}
	near := func(name string, got, want time.Duration) {
		t.Helper()
		if math.Abs(float64(got-want)) > 0.002*float64(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("p50", get.Latency.P50, 500*time.Millisecond)
	near("p90", get.Latency.P90, 900*time.Millisecond)
	near("p99", get.Latency.P99, 990*time.Millisecond)
	near("p99.9", get.Latency.P999, 999*time.Millisecond)
	near("the p50 of the wake-up delay", s.Wake.P50, time.Millisecond)
	if get.Latency.Max != time.Second || set.Latency.Max != 2*time.Minute {
		t.Errorf("the maximum latencies are %v and %v, want exactly 1 s and 2 min", get.Latency.Max, set.Latency.Max)
	}
}

func TestRetriesAreCounted(t *testing.T) {
	r, _ := mustRecorder(t, 0)
	w := r.NewWorker()
	if typ := w.Retry("SET", io.EOF); typ != errorClosed {
		t.Errorf("the type of io.EOF is %q, want %q", typ, errorClosed)
	}
	w.Retry("SET", replyError("LOADING Redis is loading the dataset in memory"))
	w.Retry("SET", io.EOF)
	w.Record(Result{Command: "SET", Latency: time.Second, Retried: true})
	w.Record(Result{Command: "GET", Latency: time.Second})
	s := r.Snapshot()
	if a := s.All; a.Operations != 2 || a.Errors != 0 || a.Retried != 1 || a.Retries != 3 || a.RetriesByType[errorClosed] != 2 || a.RetriesByType["LOADING"] != 1 {
		t.Errorf("all: %+v", a)
	}
	if get := s.Commands[0]; get.Retried != 0 || get.Retries != 0 {
		t.Errorf("GET: %+v", get)
	}
}

func TestSnapshotSince(t *testing.T) {
	r, _ := mustRecorder(t, 0)
	w := r.NewWorker()
	w.Record(Result{Command: "GET", Latency: time.Minute, Err: io.EOF})
	first := r.Snapshot()
	if got := first.Since(Snapshot{}); got.Operations != 1 || got.Errors != 1 || got.Latency.Max != time.Minute {
		t.Errorf("since the zero Snapshot: %+v", got)
	}
	for range 99 {
		w.Record(Result{Command: "SET", Latency: time.Millisecond})
	}
	w.Retry("GET", io.EOF)
	w.Record(Result{Command: "GET", Latency: 2 * time.Second, Retried: true, Err: replyError("OOM of memory")})
	got := r.Snapshot().Since(first)
	if got.Operations != 100 || got.Errors != 1 || got.Retried != 1 || got.Retries != 1 || got.ErrorsByType["OOM"] != 1 || got.ErrorsByType[errorClosed] != 0 {
		t.Errorf("%+v", got)
	}
	near := func(got, want time.Duration) {
		t.Helper()
		if math.Abs(float64(got-want)) > 0.002*float64(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	near(got.Latency.P50, time.Millisecond)
	near(got.Latency.P99, time.Millisecond)
	near(got.Latency.Max, 2*time.Second)
	if last := r.Snapshot(); last.Since(last).Operations != 0 || last.Since(last).Latency != (Distribution{}) {
		t.Errorf("the difference of a Snapshot with itself is not zero: %+v", last.Since(last))
	}
}

func TestEmptySnapshotIsZero(t *testing.T) {
	r, _ := mustRecorder(t, 0)
	if s := r.Snapshot(); s.All.Operations != 0 || s.All.Latency != (Distribution{}) || s.LastTrace.IsValid() {
		t.Errorf("%+v", s)
	}
}

func TestLastTraceIsSampled(t *testing.T) {
	r, _ := mustRecorder(t, 0)
	w := r.NewWorker()
	w.Record(Result{Command: "GET", Trace: sampled(1)})
	w.Record(Result{Command: "GET", Trace: sampled(2)})
	w.Record(Result{Command: "GET", Trace: sampled(3).WithTraceFlags(0)})
	if got := r.Snapshot().LastTrace; got != sampled(2).TraceID() {
		t.Errorf("last trace %v, want %v", got, sampled(2).TraceID())
	}
}

func TestErrorTypes(t *testing.T) {
	types := newErrorTypes()
	f := func(err error, want string) {
		t.Helper()
		if got := types.classify(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("the type of %v is %q, want %q", err, got, want)
		}
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	f(context.DeadlineExceeded, errorTimeout)
	f(dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), errorRefused)
	f(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, errorTimeout)
	f(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, errorClosed)
	f(io.EOF, errorClosed)
	f(dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), errorNetwork)
	f(redis.ErrPoolTimeout, errorPool)
	f(errors.New("what?"), errorOther)
	f(replyError("WRONGTYPE Operation against a key"), "WRONGTYPE")
	f(replyError("no code at all"), errorOther)
	f(replyError(strings.Repeat("X", 33)), errorOther)
	for i := range 2 * maxReplyCodes {
		types.classify(replyError("CODE" + strings.Repeat("X", i)))
	}
	if n := len(types.codes); n != maxReplyCodes {
		t.Errorf("%d reply codes, want %d", n, maxReplyCodes)
	}
	f(replyError("ONEMORE"), errorOther)
	f(replyError("WRONGTYPE again"), "WRONGTYPE")
}

func TestMetrics(t *testing.T) {
	r, registry := mustRecorder(t, 7)
	w := r.NewWorker()
	w.Record(Result{Command: "GET", Latency: time.Millisecond, Trace: sampled(9)})
	w.Retry("GET", io.EOF)
	w.Record(Result{Command: "GET", Latency: time.Second, Retried: true, Err: replyError("OOM command not allowed")})

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*dto.MetricFamily{}
	for _, f := range families {
		got[f.GetName()] = f
	}
	if n := got["client_load_missed_total"].GetMetric()[0].GetCounter().GetValue(); n != 7 {
		t.Errorf("missed %v, want 7", n)
	}
	counts := func(name string) map[string]float64 {
		byLabels := map[string]float64{}
		for _, m := range got[name].GetMetric() {
			key := ""
			for _, l := range m.GetLabel() {
				key += l.GetName() + "=" + l.GetValue() + " "
			}
			byLabels[key] = m.GetCounter().GetValue()
		}
		return byLabels
	}
	if retries := counts("client_load_retries_total"); retries["command=GET error_type=connection_closed "] != 1 || len(retries) != 1 {
		t.Errorf("retries: %v", retries)
	}
	results := counts("client_load_operations_total")
	if results["command=GET result=ok "] != 1 || results["command=GET result=OOM "] != 1 || len(results) != 2 {
		t.Errorf("operations: %v", results)
	}
	h := got["client_load_operation_duration_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 2 || h.GetSampleSum() != 1.001 || h.Schema == nil {
		t.Errorf("histogram: %v", h)
	}
	var exemplars []string
	for _, b := range h.GetBucket() {
		for _, l := range b.GetExemplar().GetLabel() {
			if l.GetName() == "trace_id" {
				exemplars = append(exemplars, l.GetValue())
			}
		}
	}
	if len(exemplars) != 1 || exemplars[0] != sampled(9).TraceID().String() {
		t.Errorf("exemplars %v, want only that of the sampled operation", exemplars)
	}
}
