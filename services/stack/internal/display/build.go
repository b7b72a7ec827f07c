package display

import (
	"fmt"
	"strings"
	"time"

	"mini-redis/services/stack/internal/build"
)

// Build shows how far a build is; step says which of how many it is, like "2/4".
func (d *Display) Build(step string, p build.Progress) {
	if p.Phase == build.Finished {
		d.Printf("[%s] %s: built in %s", step, p.Target, roundly(p.Elapsed))
		return
	}
	subject := p.Target + string(p.Phase) // a new phase is news also where lines are sparse
	if !d.terminal && p.Phase == build.Compiling && p.Total <= few || p.Phase == build.Linking {
		subject = d.quietly(p.Target, subject)
	}
	d.Live(subject, fmt.Sprintf("[%s] %s: %s", step, p.Target, d.state(p)))
}

// few packages are compiled in a moment: where lines stay, one that says so is noise.
const few = 20

// quietly keeps the subject of the line before, if it was about the same target, so that Live passes over this one.
func (d *Display) quietly(target, subject string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(d.subject, target) {
		return d.subject
	}
	return subject
}

func (d *Display) state(p build.Progress) string {
	elapsed := ""
	if p.Elapsed >= time.Second {
		elapsed = ", " + roundly(p.Elapsed)
	}
	switch p.Phase {
	case build.Waiting:
		return "another process is building it, waiting" + elapsed
	case build.Resolving:
		if p.Modules > 0 {
			return fmt.Sprintf("downloading modules (%d)%s", p.Modules, elapsed)
		}
		return "looking at what is there" + elapsed
	case build.Compiling:
		if p.Total == 0 {
			return "compiling" + elapsed
		}
		if d.terminal {
			return fmt.Sprintf("compiling %s %d of %d packages%s", gauge(p.Done, p.Total), p.Done, p.Total, elapsed)
		}
		return fmt.Sprintf("compiling, %d of %d packages%s", p.Done, p.Total, elapsed)
	case build.Linking:
		return "linking" + elapsed
	}
	return string(p.Phase) + elapsed
}

func gauge(done, total int) string {
	const width = 24
	full := width * done / total
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

func roundly(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
