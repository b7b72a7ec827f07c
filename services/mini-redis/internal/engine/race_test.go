//go:build race

package engine_test

// raceEnabled reports whether the race detector is on. Times mean nothing then.
const raceEnabled = true
