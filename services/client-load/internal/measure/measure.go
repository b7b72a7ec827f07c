// Package measure counts the operations of a load run and keeps the
// distribution of their latencies, per command, for the report at the end and
// for /metrics while the run goes on.
//
// The workers of services/client-load record through a [Worker] each, what
// [Recorder.Snapshot] returns goes to package report, and package pace says
// from which moment a latency counts.
//
// Percentiles come from github.com/HdrHistogram/hdrhistogram-go, the
// maintained Go form of Gil Tene's histogram: constant memory, exact to three
// digits from a microsecond to a minute, and mergeable.
package measure

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Result is what came of one operation.
type Result struct {
	Command string        // upper case, one of those the Recorder was made for
	Latency time.Duration // from when it was due to its answer or error
	Waited  bool          // the worker was idle before it was due; Wake counts
	Wake    time.Duration // how late the idle worker began
	Retried bool          // it took more than one attempt; [Worker.Retry] has counted them
	Err     error         // of the last attempt; nil also for an answer that says "no such key"
	Trace   trace.SpanContext
}

// Recorder collects the results of a run.
type Recorder struct {
	commands []string
	metrics  *metrics
	types    *errorTypes

	mu      sync.Mutex // guards workers
	workers []*Worker
}

// New returns a Recorder of the named commands, upper case, which registers its
// metrics with registry. missed tells how many operations could not begin.
func New(registry prometheus.Registerer, commands []string, missed func() int64) (*Recorder, error) {
	m, err := newMetrics(registry, missed)
	if err != nil {
		return nil, err
	}
	return &Recorder{commands: commands, metrics: m, types: newErrorTypes()}, nil
}

// Worker records the results of one worker without contention with the others:
// its lock is for [Recorder.Snapshot] alone.
type Worker struct {
	recorder *Recorder

	mu        sync.Mutex // guards everything below
	commands  map[string]*tally
	wake      *tally // of how late idle workers began
	lastTrace trace.TraceID
	lastAt    time.Time
}

// NewWorker returns a place for one more goroutine to record its results.
func (r *Recorder) NewWorker() *Worker {
	w := &Worker{recorder: r, commands: map[string]*tally{}, wake: newTally()}
	for _, c := range r.commands {
		w.commands[c] = newTally()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workers = append(r.workers, w)
	return w
}

// Retry counts an attempt at an operation that failed and is followed by
// another. It returns the type of its error, one of a bounded set.
func (w *Worker) Retry(command string, err error) (errorType string) {
	errorType = w.recorder.types.of(err)
	w.recorder.metrics.retries.WithLabelValues(command, errorType).Inc()

	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands[command].retries[errorType]++
	return errorType
}

// Record adds one result, whose command must be one of the Recorder's. It
// returns the type of the result's error, one of a bounded set, or "" when
// there was none.
func (w *Worker) Record(res Result) (errorType string) {
	label := resultOK
	if res.Err != nil {
		errorType = w.recorder.types.of(res.Err)
		label = errorType
	}
	w.recorder.metrics.observe(res, label)

	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.commands[res.Command]
	t.add(res.Latency, errorType)
	if res.Retried {
		t.retried++
	}
	if res.Waited {
		w.wake.add(res.Wake, "")
	}
	if res.Trace.IsSampled() {
		w.lastTrace, w.lastAt = res.Trace.TraceID(), time.Now()
	}
	return errorType
}
