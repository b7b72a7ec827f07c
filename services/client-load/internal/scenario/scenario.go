// Package scenario defines the operations of a load run: the command, the key and
// the value.
//
// The workers of services/client-load take the next operation from a [Scenario] when
// package pace schedules one, and pass its result to package measure.
package scenario

import (
	"context"
	"math/rand/v2"

	"github.com/redis/go-redis/v9"
)

// Scenario generates operations. Its methods are safe for concurrent use. All
// randomness comes from the source that the caller passes.
type Scenario interface {
	// Commands returns the names of the commands that Next may return, in upper case.
	Commands() []string
	// Next returns the next operation.
	Next(source *rand.Rand) Operation
}

// Operation is one call to the server.
type Operation struct {
	// Command is the name of the Redis command in upper case.
	Command string
	// Do executes the operation. It returns nil if the key does not exist. It must be
	// idempotent, because an attempt is retried also if only its reply was lost.
	Do func(ctx context.Context, client redis.Cmdable) error
}
