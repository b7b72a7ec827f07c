package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"mini-redis/console"
	"mini-redis/console/wire/commonpb"
	"mini-redis/internal/program"
	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/source"
	"mini-redis/services/console/internal/ui"
)

// config is what the command line asks for.
type config struct {
	specs    []source.Spec
	pods     podsConfig
	source   source.Options
	ui       ui.Options
	output   string        // record: the file
	input    string        // replay: the file
	speed    float64       // replay
	duration time.Duration // record, export; 0: until stopped
	spans    bool          // record, export
	events   bool
	routines bool
}

const about = `console is a live view of what programs do: tasks, resources, async operations, goroutines, spans, events.

  console [flags] [TARGET...]          watch (default target: ` + console.DefaultAddr + `)
  console record [flags] [TARGET...]   write what is heard into a file
  console replay [flags] FILE          show a recording
  console export [flags] [TARGET...]   print everything as JSON, once

A TARGET is [NAME=]ADDRESS[,pprof=ADDRESS]: the address of a program's console, of its net/http/pprof, or both.
An https:// address is spoken to by TLS. Without a name the address is the name.`

// rawFlags are flags before they are understood.
type rawFlags struct {
	retain, warn, allow, palette, colorterm, lang string
	ca, token, level                              string
	noColors, ascii, plainTimes, plainDone        bool
	insecure                                      bool
}

func parseConfig(command string, args []string, getenv func(string) string, stdout io.Writer) (*config, error) {
	c, raw := &config{}, &rawFlags{}
	c.ui.Lint = lint.Defaults()
	fs := program.Flags("console", about)
	flags(fs, c, raw)
	fs.StringVar(&c.output, "o", defaultOutput[command], "record: the file to write (console -o FILE records while it shows); export: default standard output")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return nil, err
	}
	if err := raw.apply(c, getenv); err != nil {
		return nil, program.Errorf(exitUsage, "%w", err)
	}
	if command == "replay" {
		if fs.NArg() != 1 {
			return nil, program.Errorf(exitUsage, "replay takes one file")
		}
		c.input = fs.Arg(0)
		return c, nil
	}
	security, err := raw.security()
	if err != nil {
		return nil, program.Errorf(exitUsage, "%w", err)
	}
	targets := fs.Args()
	if len(targets) == 0 && c.pods.selector == "" {
		targets = []string{console.DefaultAddr}
	}
	for _, text := range targets {
		s, err := source.ParseSpec(text, security, raw.token)
		if err != nil {
			return nil, program.Errorf(exitUsage, "%w", err)
		}
		c.specs = append(c.specs, s)
	}
	return c, nil
}

var defaultOutput = map[string]string{"record": "console.recording"}

func flags(fs *flag.FlagSet, c *config, raw *rawFlags) {
	l := &c.ui.Lint
	fs.StringVar(&raw.retain, "retain-for", "6s", "how long what has ended stays in the tables; none: for ever")
	fs.StringVar(&raw.warn, "warn", "all", "warnings to give, separated by commas: "+strings.Join(lint.All, ", "))
	fs.StringVar(&raw.warn, "W", "all", "the same as -warn")
	fs.StringVar(&raw.allow, "allow", "", "warnings not to give; all: none at all")
	fs.StringVar(&raw.allow, "A", "", "the same as -allow")
	fs.Float64Var(&l.SelfWakes, "self-wakes-percent", l.SelfWakes, "warn of a task that causes more of its wakes itself")
	fs.DurationVar(&l.NeverYielded, "never-yielded-after", l.NeverYielded, "warn of a task whose first poll takes as long")
	fs.DurationVar(&l.LockHeld, "lock-held-after", l.LockHeld, "warn of a lock that is held as long while others wait")
	fs.Uint64Var(&l.LargeFuture, "large-future-bytes", l.LargeFuture, "warn of a Rust task whose future is as large")
	fs.BoolVar(&raw.noColors, "no-colors", false, "no colours")
	fs.StringVar(&raw.palette, "palette", "", "colours: 8, 16, 256, all, off (default: what the terminal can)")
	fs.StringVar(&raw.colorterm, "colorterm", "", "24bit or truecolor: the terminal can show all colours")
	fs.StringVar(&raw.lang, "lang", "", "language, in place of LANG: without UTF-8 in it nothing but ASCII is drawn")
	fs.BoolVar(&raw.ascii, "ascii-only", false, "draw nothing but ASCII")
	fs.BoolVar(&raw.plainTimes, "no-duration-colors", false, "durations without colours")
	fs.BoolVar(&raw.plainDone, "no-terminated-colors", false, "what has ended is not drawn grey")
	fs.StringVar(&raw.token, "token", "", "the token that the targets ask for")
	fs.StringVar(&raw.ca, "ca", "", "file with the certificates to trust, for https:// targets")
	fs.BoolVar(&raw.insecure, "insecure", false, "trust any certificate")
	fs.IntVar(&c.source.Goroutines, "goroutines", 500, "how many goroutines are shown one by one; more are shown by site")
	fs.DurationVar(&c.source.Interval, "interval", time.Second, "time between looks at a target's pprof")
	fs.StringVar(&c.pods.selector, "pods", "", "watch every pod with these labels (app.kubernetes.io/component=server), through kubectl port-forward")
	fs.StringVar(&c.pods.namespace, "namespace", "", "the pods' namespace (default: kubectl's)")
	fs.StringVar(&c.pods.kubectl, "kubectl", "kubectl", "the kubectl program")
	fs.StringVar(&c.pods.ports, "pod-ports", "6669,6060", "the pods' ports of console and pprof; one alone is the console's")
	fs.DurationVar(&c.duration, "duration", 0, "record, export: how long (default: until stopped; export: until something is heard of each target)")
	fs.BoolVar(&c.spans, "with-spans", false, "record, export: spans, too")
	fs.BoolVar(&c.events, "with-events", false, "record, export: events, too")
	fs.StringVar(&raw.level, "events-level", "info", "the lowest level of events to ask for: error, warn, info, debug, trace")
	fs.BoolVar(&c.routines, "with-goroutines", false, "record, export: goroutines, too")
	fs.Float64Var(&c.speed, "speed", 1, "replay: how fast; 0: at once")
}

// apply turns flags into options.
func (raw *rawFlags) apply(c *config, getenv func(string) string) error {
	c.ui.RetainFor = -1
	if raw.retain != "none" {
		d, err := time.ParseDuration(strings.ReplaceAll(raw.retain, " ", ""))
		if err != nil || d < 0 {
			return fmt.Errorf("-retain-for %q is neither a duration nor none", raw.retain)
		}
		c.ui.RetainFor = d
	}
	off, err := warnings(raw.warn, raw.allow)
	if err != nil {
		return err
	}
	c.ui.Lint.Off = off
	palette, err := raw.colors(getenv)
	if err != nil {
		return err
	}
	c.ui.Styles = ui.Styles{Palette: palette, ASCII: raw.ascii || !raw.utf8(getenv), PlainTimes: raw.plainTimes, PlainDone: raw.plainDone}
	c.ui.Export = exportFiles
	level, ok := commonpb.Metadata_Level_value[strings.ToUpper(raw.level)]
	if !ok {
		return fmt.Errorf("-events-level %q is none of error, warn, info, debug, trace", raw.level)
	}
	c.source.Level = commonpb.Metadata_Level(level).Enum()
	if c.speed < 0 {
		return errors.New("-speed is negative")
	}
	return c.pods.parse()
}

// warnings returns the lints that are off.
func warnings(warn, allow string) (map[string]bool, error) {
	off := map[string]bool{}
	names := func(flagName, list string, f func(name string)) error {
		for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
			switch {
			case name == "all":
				for _, n := range lint.All {
					f(n)
				}
			case slices.Contains(lint.All, name):
				f(name)
			default:
				return fmt.Errorf("-%s: no warning is called %q (%s)", flagName, name, strings.Join(lint.All, ", "))
			}
		}
		return nil
	}
	for _, n := range lint.All {
		off[n] = true
	}
	return off, errors.Join(
		names("warn", warn, func(n string) { off[n] = false }),
		names("allow", allow, func(n string) { off[n] = true }),
	)
}

// colors is how many colours to draw with.
func (raw *rawFlags) colors(getenv func(string) string) (ui.Palette, error) {
	if raw.noColors {
		return ui.NoColors, nil
	}
	palettes := map[string]ui.Palette{"8": ui.Colors8, "16": ui.Colors16, "256": ui.Colors256, "all": ui.AllColors, "off": ui.NoColors}
	if raw.palette != "" {
		p, ok := palettes[raw.palette]
		if !ok {
			return 0, fmt.Errorf("-palette %q is none of 8, 16, 256, all, off", raw.palette)
		}
		return p, nil
	}
	colorterm := raw.colorterm
	if colorterm == "" {
		colorterm = getenv("COLORTERM")
	}
	term := getenv("TERM")
	switch {
	case getenv("NO_COLOR") != "" || term == "dumb":
		return ui.NoColors, nil
	case colorterm == "truecolor" || colorterm == "24bit":
		return ui.AllColors, nil
	case strings.Contains(term, "256"):
		return ui.Colors256, nil
	}
	return ui.Colors8, nil
}

// utf8 reports whether the terminal shows more than ASCII.
func (raw *rawFlags) utf8(getenv func(string) string) bool {
	for _, lang := range []string{raw.lang, getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")} {
		if lang != "" {
			lang = strings.ToLower(lang)
			return strings.Contains(lang, "utf-8") || strings.Contains(lang, "utf8")
		}
	}
	return false
}

// security is for https targets.
func (raw *rawFlags) security() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: raw.insecure}
	if raw.ca != "" {
		pem, err := os.ReadFile(raw.ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", raw.ca)
		}
	}
	return c, nil
}

// targets are the targets of the command line, and the pods. stop ends what
// leads to them.
func (c *config) targets(ctx context.Context) (specs []source.Spec, stop func(), err error) {
	if c.pods.selector == "" {
		return c.specs, func() {}, nil
	}
	found, stop, err := c.pods.forward(ctx)
	if err != nil {
		return nil, nil, program.Errorf(exitFailed, "%w", err)
	}
	return append(slices.Clone(c.specs), found...), stop, nil
}

// port reads a port's number.
func port(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is no port", text)
	}
	return n, nil
}
