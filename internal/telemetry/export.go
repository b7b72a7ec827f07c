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

// run is the exporting goroutine: a batch as soon as one is full, everything when the schedule delay has passed or a flush is asked
// for, and the rest at the end.
func (s *Sink) run() {
	defer close(s.done)
	timer := time.NewTimer(s.options.ScheduleDelay)
	defer timer.Stop()
	always := make(chan struct{})
	close(always)
	for {
		full := (<-chan struct{})(s.queue.wake)
		if s.queue.arm(len(s.batch)) {
			full = always // and still give stop and flush their turn
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
					runtime.Gosched() // a producer that reserved before the close is still copying
				}
			}
			return
		}
	}
}

// exportQueued exports what is there now, and not what comes meanwhile.
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
	s.convert.forget()
	clear(s.batch[:n])
	return n
}

// Between two attempts for a batch: the first pause, and the longest.
const (
	retryFirst = 500 * time.Millisecond
	retryMax   = 5 * time.Second
)

// deliver exports spans, again and again while the error is of the kind the OTLP specification calls retryable and time is left.
// It returns how many were lost, and to what. The retrying is here rather than in the exporter because only here is it known that
// the program wants to end, and because a first failure should be told at once, not after the last attempt.
func (s *Sink) deliver(spans []sdktrace.ReadOnlySpan) (failed int, errType string) {
	ctx := s.ctx
	if s.options.ExportTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.ExportTimeout)
		defer cancel()
	}
	for pause := retryFirst; ; pause = min(2*pause, retryMax) {
		c := &call{last: s.stopping()}
		err := s.exporter.ExportSpans(withCall(ctx, c), spans)
		if c.answered {
			return min(int(c.rejected), len(spans)), errTypeRejected
		}
		if err == nil {
			return 0, ""
		}
		again, after := retryable(err)
		if !again || ctx.Err() != nil || !s.pause(ctx, max(pause, after), c.last) {
			return len(spans), errorType(ctx, err)
		}
	}
}

// pause waits for d; it reports false when ctx ended first. The wish to stop ends the pause too, once: there is one more attempt.
func (s *Sink) pause(ctx context.Context, d time.Duration, stopping bool) bool {
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

// retryable follows "Failures" of the OTLP specification: which gRPC codes may be tried again, and what the server says about when.
// An error that is no gRPC status is final.
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

// The values of error.type that are no gRPC code.
const (
	errTypeRejected = "rejected" // the collector took the batch, but not these spans
	errTypeOther    = "_OTHER"
)

// errorType is the value of error.type for a failed export: the gRPC code of the last attempt, as the protocol spells it. Where that
// attempt was cancelled because ctx ended, the reason for the end counts.
func errorType(ctx context.Context, err error) string {
	st, ok := status.FromError(err)
	if !ok {
		if st = status.FromContextError(err); st.Code() == codes.Unknown {
			return errTypeOther
		}
	}
	if st.Code() == codes.Canceled {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errCollectorAway):
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
