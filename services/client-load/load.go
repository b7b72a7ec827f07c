package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
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

// How late an operation may begin; the help text says the same.
const (
	maxLag = 10 * time.Second
	grace  = time.Second
	// What fell due while every worker was busy trying again still begins.
	lagAfterRetries = 5 * time.Second
)

// runner is one load run.
type runner struct {
	client   redis.Cmdable
	scenario scenario.Scenario
	pacer    *pace.Pacer
	recorder *measure.Recorder
	failures *failureLog
	retryFor time.Duration
	retried  atomic.Int64 // operations that took more than one attempt
}

// load makes the run, until its time is over or ctx ends.
func load(ctx context.Context, cfg config, client redis.Cmdable, registry prometheus.Registerer, logger *slog.Logger, stdout io.Writer) (*report.Report, error) {
	pacer, err := pace.New(pace.Plan{Rate: cfg.rate, Duration: cfg.duration, MaxLag: max(maxLag, cfg.retryFor+lagAfterRetries), Grace: grace + cfg.retryFor})
	if err != nil {
		return nil, err
	}
	recorder, err := measure.New(registry, cfg.scenario.Commands(), pacer.Missed)
	if err != nil {
		return nil, err
	}
	r := &runner{client: client, scenario: cfg.scenario, pacer: pacer, recorder: recorder, failures: newFailureLog(logger), retryFor: cfg.retryFor}
	stopProgress := r.tellProgress(cfg.progress, stdout)
	started, took := r.run(ctx, cfg.concurrency)
	stopProgress()

	result := &report.Report{
		RunID: cfg.runID, Address: cfg.server(), Started: started,
		Interrupted: ctx.Err() != nil,
		TargetRate:  cfg.rate, Missed: pacer.Missed(), Retried: r.retried.Load(),
	}
	result.Limit(cfg.limits)
	if !result.Interrupted {
		took = max(took, cfg.duration) // the last operation falls due before the end
	}
	result.Seconds = took.Seconds()
	result.Measured(recorder.Snapshot())
	return result, nil
}

// run starts the workers and waits for them.
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
	unwatch := context.AfterFunc(ctx, r.pacer.Stop)
	defer unwatch()
	close(begin)
	wg.Wait()
	return started, time.Since(started)
}

// work does operations as they fall due. One that has begun is finished, also
// after ctx has ended; the client's timeouts bound it.
func (r *runner) work(ctx context.Context, recorder *measure.Worker, source *rand.Rand) {
	var span trace.SpanContext
	callCtx := context.WithValue(context.WithoutCancel(ctx), spanKey{}, &span)
	r.pacer.Work(ctx, func(slot pace.Slot) {
		op := r.scenario.Next(source)
		span = trace.SpanContext{}
		err := r.attempt(ctx, callCtx, op, slot.Due)
		errorType := recorder.Record(measure.Result{
			Command: op.Command,
			Latency: time.Since(slot.Due),
			Waited:  slot.Waited,
			Wake:    slot.Begin.Sub(slot.Due),
			Err:     err,
			Trace:   span,
		})
		if err != nil {
			r.failures.note(errorType, err)
		}
	})
}

// conclude tells how the run went.
func conclude(cfg config, result *report.Report, stdout io.Writer) error {
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
	if !result.Passed {
		return program.Errorf(exitThreshold, "threshold missed: %s", strings.Join(result.Shortfalls(), "; "))
	}
	return nil
}

// failureLog logs the first error of each type: the types are bounded, and the
// counts are in the report.
type failureLog struct {
	logger *slog.Logger
	mu     sync.Mutex // guards seen
	seen   map[string]bool
}

func newFailureLog(logger *slog.Logger) *failureLog {
	return &failureLog{logger: logger, seen: map[string]bool{}}
}

func (l *failureLog) note(errorType string, err error) {
	l.mu.Lock()
	first := !l.seen[errorType]
	l.seen[errorType] = true
	l.mu.Unlock()
	if first {
		l.logger.Warn("operations fail; further errors of this type are only counted", "type", errorType, "error", err)
	}
}
