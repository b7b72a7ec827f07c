package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// digits formats a number below 1000 with three digits. It truncates and does not round, so that a
// number below 1000 is never shown as 1000 of a unit.
func digits(v float64) string {
	switch {
	case v >= 100 || v == float64(int(v)):
		return strconv.Itoa(int(v))
	case v >= 10:
		return strconv.FormatFloat(float64(int(v*10))/10, 'f', 1, 64)
	}
	return strconv.FormatFloat(float64(int(v*100))/100, 'f', 2, 64)
}

func twoUnits(d, unit time.Duration, name string, sub time.Duration, subName string) string {
	return fmt.Sprintf("%d%s%02d%s", d/unit, name, d%unit/sub, subName)
}

// Constructors of cells.
func text(s string) table.Cell                { return table.Cell{Text: s} }
func number(n uint64) table.Cell              { return table.Cell{Text: strconv.FormatUint(n, 10), Num: float64(n)} }
func faint(s string) table.Cell               { return table.Cell{Text: s, Tone: table.Faint} }
func emptyCell() table.Cell                   { return table.Cell{} }
func sortable(s string, n float64) table.Cell { return table.Cell{Text: s, Num: n} }

func (s Styles) time(d time.Duration) table.Cell {
	txt, tone := s.duration(d)
	return table.Cell{Text: txt, Num: float64(d), Tone: tone}
}

// share formats part as a percentage of whole.
func share(part, whole time.Duration) string {
	if whole <= 0 {
		return "0%"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + "%"
}

// fieldsText formats fields as name=value pairs, as in logfmt.
func fieldsText(list []model.Field) string {
	var b strings.Builder
	for i, f := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.Name + "=" + f.Value + f.Unit)
	}
	return b.String()
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "s") {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

var stateTones = map[model.State]table.Tone{model.Running: table.Good, model.Scheduled: table.Warn, model.Idle: table.Plain, model.Done: table.Faint}

var stateWords = map[model.State]string{model.Running: "run", model.Scheduled: "sched", model.Idle: "idle", model.Done: "done"}

func state(s model.State) table.Cell {
	return table.Cell{Text: stateWords[s], Num: float64(s), Tone: stateTones[s]}
}
