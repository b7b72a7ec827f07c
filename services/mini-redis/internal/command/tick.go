package command

// Tick is when the last command ended, in nanoseconds of the engine's monotonic
// clock: a look at the time that costs nothing.
func (e *Engine) Tick() int64 { return e.tick }
