package server

import "time"

// systemClock is the machine's clock.
type systemClock struct{ start time.Time }

// NewClock returns the machine's clock as a [command.Clock].
func NewClock() *systemClock { return &systemClock{start: time.Now()} }

// Now implements [command.Clock].
func (c *systemClock) Now() time.Time { return time.Now() }

// Mono implements [command.Clock]. Zero is a moment before the clock was made,
// so that 0 can stand for no time.
func (c *systemClock) Mono() int64 { return int64(time.Since(c.start)) + 1 }
