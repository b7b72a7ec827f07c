//go:build race

package observe

// raceEnabled says that the race detector is on, which makes pools forget at random.
const raceEnabled = true
