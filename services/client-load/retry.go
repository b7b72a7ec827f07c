package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/services/client-load/internal/scenario"
)

// Pauses between the attempts of one operation: each is twice the one before.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// attempt does an operation: once, or with -retry-for until it succeeds, the
// time is over or the run is stopped. The operations of a Mix may be done twice
// without harm, which a reply that was lost makes them.
func (r *runner) attempt(run, call context.Context, op scenario.Operation, due time.Time) error {
	pause := firstPause
	for tries := 1; ; tries++ {
		err := op.Do(call, r.client)
		if tries == 2 {
			r.retried.Add(1)
		}
		if err == nil || !maySucceedLater(err) || time.Since(due)+pause > r.retryFor {
			return err
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		case <-run.Done():
			return err
		}
	}
}

// maySucceedLater says whether an error is one of the way to the server or of
// its state, and not an answer that would be given again.
func maySucceedLater(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true
	}
	for _, code := range []string{"LOADING ", "READONLY ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN "} {
		if strings.HasPrefix(reply.Error(), code) {
			return true
		}
	}
	return false
}
