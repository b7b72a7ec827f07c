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

// How late an operation may begin; the help text says the same.
const (
	maxLag = 10 * time.Second
	grace  = time.Second
	// retryLag is added to -retry-for: what fell due while every worker was
	// trying again must still begin once the server is back.
	retryLag = 5 * time.Second
)

// plan is the schedule of a run.
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

// load makes the run, until its time is over or ctx ends. Its progress goes to
// stdout, if it is asked for.
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
	stopProgress := r.tellProgress(cfg.progress, stdout)
	started, took := r.run(ctx, cfg.concurrency)
	stopProgress()

	result := &report.Report{
		RunID: cfg.runID, Address: cfg.server(), Started: started,
		Interrupted: ctx.Err() != nil,
		TargetRate:  cfg.rate, Thresholds: cfg.limits, Missed: pacer.Missed(),
	}
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
// after ctx has ended; the client's timeouts bound it. It is not tried again then.
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
			r.failures.note(operationsFail, errorType, err)
		}
	})
}

// conclude tells how the run went. A report to stdout is the last thing there.
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
	if cfg.whole && result.Interrupted { // what a part of a run kept to is no verdict on the whole
		return program.Errorf(exitFailed, "stopped after %.1f s of %v", result.Seconds, cfg.duration)
	}
	if !result.Passed {
		return program.Errorf(exitThreshold, "threshold missed: %s", strings.Join(result.Shortfalls(), "; "))
	}
	return nil
}

// What a failureLog tells of.
const (
	operationsFail = "operations fail; further errors of this type are only counted"
	attemptsFail   = "attempts fail and are made again; further ones for this type of error are only counted"
)

// failureLog logs the first error of each type: the types are bounded, and the
// counts are in the report.
type failureLog struct {
	logger *slog.Logger
	mu     sync.Mutex // guards seen
	seen   map[failure]bool
}

// failure is what is logged once.
type failure struct{ what, errorType string }

func newFailureLog(logger *slog.Logger) *failureLog {
	return &failureLog{logger: logger, seen: map[failure]bool{}}
}

func (l *failureLog) note(what, errorType string, err error) {
	f := failure{what, errorType}
	l.mu.Lock()
	first := !l.seen[f]
	l.seen[f] = true
	l.mu.Unlock()
	if first {
		l.logger.Warn(what, "type", errorType, "error", err)
	}
}
