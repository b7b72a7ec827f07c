//go:build race

package observe

// raceEnabled reports whether the race detector is on. It makes pools drop items at random.
const raceEnabled = true
