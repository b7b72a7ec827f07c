package display

import (
	"fmt"
	"strings"
	"time"

	"mini-redis/services/stack/internal/build"
)

// Build shows the progress of a build. step is its number among all builds, for example "2/4".
func (d *Display) Build(step string, p build.Progress) {
	if p.Phase == build.Finished {
		d.Printf("[%s] %s: built in %s", step, p.Target, rounded(p.Elapsed))
		return
	}
	text := fmt.Sprintf("[%s] %s: %s", step, p.Target, d.state(p))
	if isBrief(p) {
		d.Transient(text)
		return
	}
	d.Live(p.Target+string(p.Phase), text) // a new subject: each new phase is printed at once
}

// isBrief reports whether a state usually lasts less than a few seconds. Such states are not
// written to a file.
func isBrief(p build.Progress) bool {
	const few = 20 // packages
	switch p.Phase {
	case build.Resolving:
		return p.Modules == 0
	case build.Compiling:
		return p.Total <= few
	}
	return p.Phase == build.Linking
}

func (d *Display) state(p build.Progress) string {
	elapsed := ""
	if p.Elapsed >= time.Second {
		elapsed = ", " + rounded(p.Elapsed)
	}
	switch p.Phase {
	case build.Waiting:
		return "waiting for another process that builds it" + elapsed
	case build.Resolving:
		if p.Modules > 0 {
			return fmt.Sprintf("downloading modules (%d)%s", p.Modules, elapsed)
		}
		return "resolving packages" + elapsed
	case build.Compiling:
		if p.Total == 0 {
			return "compiling" + elapsed
		}
		if d.terminal {
			return fmt.Sprintf("compiling %s %d of %d packages%s", progressBar(p.Done, p.Total), p.Done, p.Total, elapsed)
		}
		return fmt.Sprintf("compiling, %d of %d packages%s", p.Done, p.Total, elapsed)
	case build.Linking:
		return "linking" + elapsed
	}
	return string(p.Phase) + elapsed
}

func progressBar(done, total int) string {
	const width = 24
	full := width * done / total
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

func rounded(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
