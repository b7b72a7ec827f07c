// Package display writes what the stack has to say: lines that stay, and one live line that is rewritten in place on a
// terminal and appears only now and then elsewhere.
package display

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Display is safe for use by several goroutines.
type Display struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	now      func() time.Time
	live     bool      // the cursor is behind a live line
	last     time.Time // when a live line was last written where there is no terminal
	subject  string    // of that line
}

// sparse is how often a live line is written where it cannot be rewritten.
const sparse = 15 * time.Second

// New returns a display that writes to out.
func New(out io.Writer, terminal bool, now func() time.Time) *Display {
	return &Display{out: out, terminal: terminal, now: now}
}

// IsTerminal guesses whether somebody looks at out.
func IsTerminal(out io.Writer, getenv func(string) string) bool {
	f, ok := out.(*os.File)
	if !ok || getenv("TERM") == "dumb" || getenv("TERM") == "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	clearLine = "\r\x1b[K"
	noWrap    = "\x1b[?7l" // a live line that is longer than the terminal is wide is cut, or it could not be rewritten
	wrap      = "\x1b[?7h"
)

// Print writes text that stays; it should end with a line break.
func (d *Display) Print(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.print(text)
}

// Printf is Print with a format, and adds the line break.
func (d *Display) Printf(format string, args ...any) {
	d.Print(fmt.Sprintf(format, args...) + "\n")
}

func (d *Display) print(text string) {
	if d.live {
		text = clearLine + text
		d.live = false
	}
	_, _ = io.WriteString(d.out, text) // nobody is left to tell when this fails
}

// Live shows how things are about a subject. Elsewhere than on a terminal the first line about a subject appears at once,
// and others no sooner than 15 seconds after the one before.
func (d *Display) Live(subject, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		_, _ = io.WriteString(d.out, clearLine+noWrap+text+wrap)
		d.live = true
		return
	}
	now := d.now()
	if subject == d.subject && now.Sub(d.last) < sparse {
		return
	}
	d.subject, d.last = subject, now
	d.print(text + "\n")
}

// Transient shows what lasts a moment, on a terminal alone.
func (d *Display) Transient(text string) {
	if d.terminal {
		d.Live("", text)
	}
}

// Done removes the live line.
func (d *Display) Done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live {
		d.print("")
	}
}

// Table writes rows in columns, two spaces apart, indented by two.
func Table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
