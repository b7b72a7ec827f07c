// Package scenario says what the operations of a load run are: which command
// comes next, on which key, with which value.
//
// services/client-load's workers draw from a [Scenario] when package pace says
// that an operation is due, and hand what came of it to package measure.
package scenario

import (
	"context"
	"math/rand/v2"

	"github.com/redis/go-redis/v9"
)

// Scenario decides what comes next. Its methods may be called by any number of
// goroutines; what varies between calls comes from the source they are given.
type Scenario interface {
	// Commands lists the names of the commands that Next may return.
	Commands() []string
	// Next draws one operation.
	Next(source *rand.Rand) Operation
}

// Operation is one call to the server.
type Operation struct {
	// Command is the name of the Redis command, upper case.
	Command string
	// Do sends it. A key that does not exist is an answer, not an error.
	Do func(ctx context.Context, client redis.Cmdable) error
}
