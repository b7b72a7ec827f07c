package main

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/services/client-load/internal/measure"
	"mini-redis/services/client-load/internal/scenario"
)

// Pauses between the attempts of one operation. Each is twice as long as the previous one.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// attempt executes an operation. With -retry-for it retries until the operation
// succeeds, the error is not retryable, -retry-for has passed since the operation
// was due, or ctx is done. The last attempt starts when -retry-for has passed,
// and it is finished.
//
// If only the reply was lost, the server executes the operation twice. Therefore
// the operations of a scenario must be idempotent.
func (r *runner) attempt(ctx, callCtx context.Context, op scenario.Operation, due time.Time, recorder *measure.Worker) (retried bool, err error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err = op.Do(callCtx, r.client)
		left := r.retryFor - time.Since(due)
		if err == nil || left <= 0 || !isRetryable(err) || !sleep(ctx, min(pause, left)) {
			return retried, err
		}
		retried = true
		r.failures.logFirst(msgAttemptFailed, recorder.Retry(op.Command, err), err)
	}
}

// sleep waits for d and reports whether ctx is still active.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isRetryable reports whether a later attempt may succeed. That is so for
// connection errors and for error replies that depend on the server's state, such
// as LOADING, but not for other error replies.
func isRetryable(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true
	}
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) || redis.IsMaxClientsError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) || redis.IsNoReplicasError(err)
}
