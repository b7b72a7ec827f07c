package server

import "time"

// systemClock is the clock of the machine.
type systemClock struct{ start time.Time }

// NewClock returns the clock of the machine as an engine.Clock.
func NewClock() *systemClock { return &systemClock{start: time.Now()} }

// Now implements engine.Clock.
func (c *systemClock) Now() time.Time { return time.Now() }

// Mono implements engine.Clock. It is never 0: 0 means that there is no time.
func (c *systemClock) Mono() int64 { return int64(time.Since(c.start)) + 1 }
