package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/program"
	"mini-redis/services/client-load/internal/measure"
	"mini-redis/services/client-load/internal/pace"
	"mini-redis/services/client-load/internal/report"
	"mini-redis/services/client-load/internal/scenario"
)

// Limits of how late an operation may start. The help text states the same values.
const (
	maxLag = 10 * time.Second
	grace  = time.Second
	// retryLag is added to -retry-for. Operations that were scheduled while every
	// worker was retrying must still be able to start once the server is back.
	retryLag = 5 * time.Second
)

// plan returns the schedule of a run.
func plan(cfg config) pace.Plan {
	p := pace.Plan{Rate: cfg.rate, Duration: cfg.duration, MaxLag: maxLag, Grace: grace}
	if cfg.retryFor > 0 {
		p.Grace = cfg.retryFor + retryLag
		p.MaxLag = max(maxLag, p.Grace)
	}
	return p
}

// runner is one load run.
type runner struct {
	client   redis.Cmdable
	scenario scenario.Scenario
	pacer    *pace.Pacer
	recorder *measure.Recorder
	failures *failureLog
	retryFor time.Duration
}

// load runs the load until cfg.duration has passed or ctx is done. It prints
// progress lines to stdout if cfg.progress is not 0.
func load(ctx context.Context, cfg config, client redis.Cmdable, registry prometheus.Registerer, logger *slog.Logger, stdout io.Writer) (*report.Report, error) {
	pacer, err := pace.New(plan(cfg))
	if err != nil {
		return nil, err
	}
	recorder, err := measure.New(registry, cfg.scenario.Commands(), pacer.Missed)
	if err != nil {
		return nil, err
	}
	r := &runner{client: client, scenario: cfg.scenario, pacer: pacer, recorder: recorder, failures: newFailureLog(logger), retryFor: cfg.retryFor}
	stopProgress := r.startProgress(cfg.progress, stdout)
	started, took := r.run(ctx, cfg.concurrency)
	stopProgress()

	result := &report.Report{
		RunID: cfg.runID, Address: cfg.server(), Started: started,
		Interrupted: ctx.Err() != nil,
		TargetRate:  cfg.rate, Thresholds: cfg.limits, Missed: pacer.Missed(),
	}
	if !result.Interrupted {
		took = max(took, cfg.duration) // the last operation is scheduled before the end
	}
	result.Seconds = took.Seconds()
	result.SetMeasurements(recorder.Snapshot())
	return result, nil
}

// run starts the workers and waits until all have returned.
func (r *runner) run(ctx context.Context, workers int) (started time.Time, took time.Duration) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range workers {
		recorder := r.recorder.NewWorker()
		source := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		wg.Go(func() {
			<-begin
			r.work(ctx, recorder, source)
		})
	}
	started = r.pacer.Start()
	removeStop := context.AfterFunc(ctx, r.pacer.Stop)
	defer removeStop()
	close(begin)
	wg.Wait()
	return started, time.Since(started)
}

// work executes operations at their scheduled times. An operation that has
// started is finished also after ctx is done, within the client's timeouts, but
// it is not retried then.
func (r *runner) work(ctx context.Context, recorder *measure.Worker, source *rand.Rand) {
	var span trace.SpanContext
	callCtx := context.WithValue(context.WithoutCancel(ctx), spanKey{}, &span)
	r.pacer.Work(ctx, func(slot pace.Slot) {
		op := r.scenario.Next(source)
		span = trace.SpanContext{}
		retried, err := r.attempt(ctx, callCtx, op, slot.Due, recorder)
		errorType := recorder.Record(measure.Result{
			Command: op.Command,
			Latency: time.Since(slot.Due),
			Waited:  slot.Waited,
			Wake:    slot.Begin.Sub(slot.Due),
			Retried: retried,
			Err:     err,
			Trace:   span,
		})
		if err != nil {
			r.failures.logFirst(msgOperationFailed, errorType, err)
		}
	})
}

// writeReport prints the summary and writes the report. A report to stdout is the
// last output. The returned error has the exit code of a failed run.
func writeReport(cfg config, result *report.Report, stdout io.Writer) error {
	if err := result.WriteText(stdout, cfg.traceLink); err != nil {
		return program.Errorf(exitFailed, "writing the summary: %w", err)
	}
	var err error
	switch cfg.report {
	case "":
	case "-":
		err = result.WriteMarked(stdout)
	default:
		err = result.WriteFile(cfg.report)
	}
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	if cfg.failIfInterrupted && result.Interrupted { // before the thresholds: they apply to a complete run
		return program.Errorf(exitFailed, "interrupted after %.1f s of %v", result.Seconds, cfg.duration)
	}
	if !result.Passed {
		return program.Errorf(exitThreshold, "threshold violated: %s", strings.Join(result.Violations(), "; "))
	}
	return nil
}

// Messages of a failureLog.
const (
	msgOperationFailed = "operation failed; further errors of this type are only counted"
	msgAttemptFailed   = "attempt failed and will be retried; further errors of this type are only counted"
)

// failureLog logs the first error for each message and type. The number of types
// is bounded, and the report has the counts.
type failureLog struct {
	logger *slog.Logger
	mu     sync.Mutex // guards logged
	logged map[failure]bool
}

// failure identifies a log record that is written once.
type failure struct{ message, errorType string }

func newFailureLog(logger *slog.Logger) *failureLog {
	return &failureLog{logger: logger, logged: map[failure]bool{}}
}

// logFirst logs err, unless the same message was logged for this type before.
func (l *failureLog) logFirst(message, errorType string, err error) {
	f := failure{message, errorType}
	l.mu.Lock()
	first := !l.logged[f]
	l.logged[f] = true
	l.mu.Unlock()
	if first {
		l.logger.Warn(message, "type", errorType, "error", err)
	}
}
