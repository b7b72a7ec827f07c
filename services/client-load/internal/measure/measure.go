// Package measure counts the operations of a load run and records the
// distribution of their latencies per command, for the report at the end of the
// run and for /metrics during it.
//
// Each worker of services/client-load records through its own [Worker]. Package
// report uses the result of [Recorder.Snapshot]. Package pace defines the time
// from which a latency is measured.
//
// Percentiles come from github.com/HdrHistogram/hdrhistogram-go, the maintained
// Go implementation of Gil Tene's HdrHistogram. A histogram has constant size,
// can be merged, and is accurate to three significant digits from 1 us to 1 min.
package measure

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Result is the outcome of one operation.
type Result struct {
	Command string        // in upper case; one of the Recorder's commands
	Latency time.Duration // from the scheduled time to the reply or the error
	Waited  bool          // the worker was idle at the scheduled time; Wake is valid
	Wake    time.Duration // delay of the idle worker after the scheduled time
	Retried bool          // it took more than one attempt, which [Worker.Retry] has counted
	Err     error         // of the last attempt; nil also if the key does not exist
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

// New returns a Recorder for the named commands, in upper case, and registers its
// metrics with registry. missed returns the number of operations that could not
// start in time. The error is that of the registration.
func New(registry prometheus.Registerer, commands []string, missed func() int64) (*Recorder, error) {
	m, err := newMetrics(registry, missed)
	if err != nil {
		return nil, err
	}
	return &Recorder{commands: commands, metrics: m, types: newErrorTypes()}, nil
}

// Worker records the results of one worker. Workers do not contend with each
// other: only [Recorder.Snapshot] takes the lock of another goroutine's Worker.
type Worker struct {
	recorder *Recorder

	mu        sync.Mutex // guards everything below
	commands  map[string]*tally
	wake      *tally // delays of idle workers
	lastTrace trace.TraceID
	lastAt    time.Time
}

// NewWorker returns a Worker for one more goroutine.
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

// Retry counts a failed attempt that is followed by another one. It returns the
// type of the error, one of a bounded set.
func (w *Worker) Retry(command string, err error) (errorType string) {
	errorType = w.recorder.types.classify(err)
	w.recorder.metrics.retries.WithLabelValues(command, errorType).Inc()

	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands[command].retries[errorType]++
	return errorType
}

// Record adds one result. Its command must be one of the Recorder's commands.
// Record returns the type of the result's error, one of a bounded set, or "" if
// there is no error.
func (w *Worker) Record(res Result) (errorType string) {
	label := resultOK
	if res.Err != nil {
		errorType = w.recorder.types.classify(res.Err)
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
