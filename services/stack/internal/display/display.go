// Package display writes the output of the stack: permanent lines and one live line. On a terminal
// the live line is rewritten in place. In a file it is appended at most every 15 s.
package display

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Display writes to one output. Its methods are safe for concurrent use.
type Display struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	now      func() time.Time
	live     bool      // the cursor is at the end of a live line
	last     time.Time // time of the last live line in a file
	subject  string    // subject of that line
}

// liveInterval is the minimum time between live lines about one subject in a file.
const liveInterval = 15 * time.Second

// New returns a Display that writes to out. terminal states whether out is a terminal; now is the
// clock.
func New(out io.Writer, terminal bool, now func() time.Time) *Display {
	return &Display{out: out, terminal: terminal, now: now}
}

// IsTerminal reports whether out is a terminal that supports control sequences: a character device,
// with TERM set to a value other than dumb.
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
	noWrap    = "\x1b[?7l" // disables line wrapping: a wrapped live line could not be rewritten
	wrap      = "\x1b[?7h"
)

// Print writes permanent text, which should end with a newline.
func (d *Display) Print(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.print(text)
}

// Printf formats a permanent line and appends a newline.
func (d *Display) Printf(format string, args ...any) {
	d.Print(fmt.Sprintf(format, args...) + "\n")
}

func (d *Display) print(text string) {
	if d.live {
		text = clearLine + text
		d.live = false
	}
	_, _ = io.WriteString(d.out, text) // an error of the output cannot be reported anywhere else
}

// Live replaces the live line. In a file, the first line about a subject is written at once, and
// further lines about the same subject at most every 15 s.
func (d *Display) Live(subject, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		_, _ = io.WriteString(d.out, clearLine+noWrap+text+wrap)
		d.live = true
		return
	}
	now := d.now()
	if subject == d.subject && now.Sub(d.last) < liveInterval {
		return
	}
	d.subject, d.last = subject, now
	d.print(text + "\n")
}

// Transient shows a short-lived state. It writes only to a terminal.
func (d *Display) Transient(text string) {
	if d.terminal {
		d.Live("", text)
	}
}

// ClearLive removes the live line.
func (d *Display) ClearLive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live {
		d.print("")
	}
}

// Table formats rows in columns, indented by two spaces and separated by two spaces.
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
