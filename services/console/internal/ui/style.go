package ui

import (
	"strings"
	"time"

	"mini-redis/services/console/internal/table"
)

// Palette is the number of colors that are used.
type Palette int

// The palettes.
const (
	NoColors Palette = iota
	Colors8
	Colors16
	Colors256
	AllColors
)

// Styles defines how the screen is drawn.
type Styles struct {
	Palette    Palette
	ASCII      bool // use ASCII characters only
	PlainTimes bool // draw durations without colors
	PlainDone  bool // draw ended items like others
}

const reset = "\x1b[m"

func (s Styles) paint(sgr, text string) string {
	if sgr == "" || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + reset
}

// sgr returns the SGR parameter of a tone, "" without colors. Bold and reverse are not colors and
// are used in every palette.
func (s Styles) sgr(tone table.Tone) string {
	if s.Palette == NoColors {
		return ""
	}
	switch tone {
	case table.Faint:
		return s.faint()
	case table.Good:
		return "32"
	case table.Warn:
		return "33"
	case table.Bad:
		return "31"
	case table.Key:
		return "36"
	case table.Nanos, table.Micros, table.Millis, table.Seconds:
		if s.PlainTimes {
			return ""
		}
		return [...]string{"32", "34", "36", "33"}[tone-table.Nanos]
	}
	return ""
}

func (s Styles) faint() string {
	switch {
	case s.Palette == NoColors:
		return ""
	case s.Palette >= Colors256:
		return "38;5;244"
	case s.Palette >= Colors16:
		return "90"
	}
	return "2"
}

// Tone draws text in a tone.
func (s Styles) Tone(text string, tone table.Tone) string { return s.paint(s.sgr(tone), text) }

// Bold draws bold text, and Reverse draws text in reverse video.
func (s Styles) Bold(text string) string    { return s.paint("1", text) }
func (s Styles) Reverse(text string) string { return s.paint("7", text) }

// Heading draws a title.
func (s Styles) Heading(text string) string {
	if s.Palette == NoColors {
		return s.Bold(text)
	}
	return s.paint("1;36", text)
}

func (s Styles) theme() table.Theme {
	l := table.Theme{Marker: "> ", Up: "▴", Down: "▾", Branch: "└ ", Ellipsis: "…"}
	if s.ASCII {
		l.Up, l.Down, l.Branch, l.Ellipsis = "^", "v", "- ", "~"
	}
	l.Cell = func(text string, tone table.Tone, done, selected bool) string {
		sgr := s.sgr(tone)
		if done && !s.PlainDone && s.faint() != "" {
			sgr = s.faint()
		}
		if selected {
			sgr = strings.TrimPrefix(sgr+";1", ";")
		}
		return s.paint(sgr, text)
	}
	l.Header = func(text string, chosen bool) string {
		switch {
		case chosen && s.Palette == NoColors:
			return s.paint("1;7", text)
		case chosen:
			return s.paint("1;36;7", text)
		}
		return s.Bold(text)
	}
	return l
}

// pick returns utf8, or plain if only ASCII is used.
func (s Styles) pick(utf8, plain string) string {
	if s.ASCII {
		return plain
	}
	return utf8
}

// bars returns the glyphs of a bar chart, for heights of zero to eight eighths.
func (s Styles) bars() []string {
	if s.ASCII {
		return strings.Split(" ,,..::||", "")
	}
	return strings.Split(" ▁▂▃▄▅▆▇█", "")
}

// duration formats d with three digits or two units, and returns its tone.
func (s Styles) duration(d time.Duration) (string, table.Tone) {
	switch {
	case d < time.Microsecond:
		return digits(float64(d)) + "ns", table.Nanos
	case d < time.Millisecond:
		return digits(float64(d)/1e3) + s.pick("µs", "us"), table.Micros
	case d < time.Second:
		return digits(float64(d)/1e6) + "ms", table.Millis
	case d < time.Minute:
		return digits(d.Seconds()) + "s", table.Seconds
	case d < time.Hour:
		return twoUnits(d, time.Minute, "m", time.Second, "s"), table.Seconds
	case d < 24*time.Hour:
		return twoUnits(d, time.Hour, "h", time.Minute, "m"), table.Seconds
	}
	return twoUnits(d, 24*time.Hour, "d", time.Hour, "h"), table.Seconds
}
