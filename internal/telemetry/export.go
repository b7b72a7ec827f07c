package telemetry

import (
	"context"
	"errors"
	"runtime"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// exportLoop is the exporting goroutine. It exports a batch as soon as it is full, everything
// queued after the schedule delay or on a flush, and the rest after Shutdown.
func (s *Sink) exportLoop() {
	defer close(s.done)
	timer := time.NewTimer(s.options.ScheduleDelay)
	defer timer.Stop()
	always := make(chan struct{})
	close(always)
	for {
		full := (<-chan struct{})(s.queue.wake)
		if s.queue.prepareWait(len(s.batch)) {
			full = always // select still serves stop and flush
		}
		select {
		case <-full:
			if s.queue.ready(len(s.batch)) == len(s.batch) {
				s.exportBatch()
				timer.Reset(s.options.ScheduleDelay)
			}
		case <-timer.C:
			s.exportQueued()
			timer.Reset(s.options.ScheduleDelay)
		case flushed := <-s.flushes:
			s.exportQueued()
			close(flushed)
		case <-s.stop:
			for s.queue.len() > 0 {
				if s.exportBatch() == 0 {
					runtime.Gosched() // a producer that reserved a slot before the close is still copying
				}
			}
			return
		}
	}
}

// exportQueued exports the spans that are queued now. It leaves those that arrive meanwhile.
func (s *Sink) exportQueued() {
	for left := s.queue.len(); left > 0; {
		n := s.exportBatch()
		if n == 0 {
			return
		}
		left -= n
	}
}

// exportBatch takes one batch from the queue, exports it and returns its size.
func (s *Sink) exportBatch() int {
	n := s.queue.take(s.batch)
	spans := s.convert.convert(s.batch[:n])
	if len(spans) > 0 {
		s.stats.processed.Add(uint64(len(spans)))
		s.stats.inflight.Add(int64(len(spans)))
		failed, errType := s.deliver(spans)
		s.stats.inflight.Add(-int64(len(spans)))
		s.stats.exported.add(len(spans), failed, errType)
	}
	s.convert.release()
	clear(s.batch[:n])
	return n
}

// The delay between two attempts to export a batch doubles from retryMinDelay to retryMaxDelay.
const (
	retryMinDelay = 500 * time.Millisecond
	retryMaxDelay = 5 * time.Second
)

// deliver exports spans. It retries until ExportTimeout has passed if the OTLP specification calls
// the error retryable. It returns the number of spans that were not exported, and their error.type.
// The sink retries instead of the exporter, because the exporter does not know that the program is
// shutting down, and it would report a failure only after the last attempt.
func (s *Sink) deliver(spans []sdktrace.ReadOnlySpan) (failed int, errType string) {
	ctx := s.ctx
	if s.options.ExportTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.ExportTimeout)
		defer cancel()
	}
	for delay := retryMinDelay; ; delay = min(2*delay, retryMaxDelay) {
		c := &exportCall{final: s.stopping()}
		err := s.exporter.ExportSpans(withExportCall(ctx, c), spans)
		if c.accepted {
			return min(int(c.rejected), len(spans)), errTypeRejected
		}
		if err == nil {
			return 0, ""
		}
		again, after := retryable(err)
		if !again || ctx.Err() != nil || !s.backoffWait(ctx, max(delay, after), c.final) {
			return len(spans), errorType(ctx, err)
		}
	}
}

// backoffWait waits for d. It returns false if ctx ends first. Unless stopping is set, the start of
// Shutdown ends the wait early, and one more attempt follows.
func (s *Sink) backoffWait(ctx context.Context, d time.Duration, stopping bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	stop := s.stop
	if stopping {
		stop = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-stop:
	case <-timer.C:
	}
	return true
}

func (s *Sink) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// retryable implements the section "Failures" of the OTLP specification: it reports whether the
// gRPC code is retryable, and the delay that the server requests. An error that is not a gRPC
// status is not retryable.
func retryable(err error) (again bool, after time.Duration) {
	st, ok := status.FromError(err)
	if !ok {
		return false, 0
	}
	asked := false
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			after, asked = info.GetRetryDelay().AsDuration(), true
		}
	}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return true, after
	case codes.ResourceExhausted:
		return asked, after
	}
	return false, 0
}

// The values of error.type that are not gRPC codes.
const (
	errTypeRejected = "rejected" // the collector accepted the request but rejected these spans (partial success)
	errTypeOther    = "_OTHER"
)

// errorType returns the value of error.type for a failed export: the name of the gRPC code of the
// last attempt. If that attempt was cancelled because ctx ended, the cause of ctx determines the
// code.
func errorType(ctx context.Context, err error) string {
	st, ok := status.FromError(err)
	if !ok {
		if st = status.FromContextError(err); st.Code() == codes.Unknown {
			return errTypeOther
		}
	}
	if st.Code() == codes.Canceled {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errCollectorUnreachable):
			return codeName(codes.Unavailable)
		case errors.Is(cause, context.DeadlineExceeded):
			return codeName(codes.DeadlineExceeded)
		}
	}
	return codeName(st.Code())
}

func codeName(c codes.Code) string {
	names := [...]string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
		"DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return errTypeOther
}
