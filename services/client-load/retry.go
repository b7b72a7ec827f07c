package main

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/services/client-load/internal/measure"
	"mini-redis/services/client-load/internal/scenario"
)

// Pauses between the attempts of one operation: each is twice the one before.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// attempt does an operation: once, or with -retry-for until it succeeds, cannot
// succeed any more, that long has passed since it was due, or ctx has ended.
// The last attempt is made when the time is over, and is finished. An operation
// may be done twice, when it was its answer that was lost: a scenario's bear it.
func (r *runner) attempt(ctx, call context.Context, op scenario.Operation, due time.Time, recorder *measure.Worker) (retried bool, err error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err = op.Do(call, r.client)
		left := r.retryFor - time.Since(due)
		if err == nil || left <= 0 || !maySucceedLater(err) || !rest(ctx, min(pause, left)) {
			return retried, err
		}
		retried = true
		r.failures.note(attemptsFail, recorder.Retry(op.Command, err), err)
	}
}

// rest pauses, and says whether the run goes on.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maySucceedLater says whether an error is one of the way to the server or of
// its state, and not an answer that would be given again.
func maySucceedLater(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true
	}
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) || redis.IsMaxClientsError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) || redis.IsNoReplicasError(err)
}
