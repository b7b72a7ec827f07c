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

// config holds the options of the command line.
type config struct {
	specs    []source.Spec
	pods     podsConfig
	source   source.Options
	ui       ui.Options
	output   string        // -o: the file to write
	input    string        // replay: the file to read
	speed    float64       // replay
	duration time.Duration // record, export: how long to collect; 0: no limit is set
	spans    bool          // record, export: include spans
	events   bool          // record, export: include events
	routines bool          // record, export: include goroutines
}

const about = `console shows the tasks, resources, async operations, goroutines, spans and events of running programs.

  console [flags] [TARGET...]          show the targets (default: ` + console.DefaultAddr + `)
  console record [flags] [TARGET...]   write everything that is received to a file
  console replay [flags] FILE          show a recording
  console export [flags] [TARGET...]   print everything as JSON and exit

A TARGET is [NAME=]ADDRESS[,pprof=ADDRESS]: the address of a program's console, of its net/http/pprof server, or both.
An https:// address uses TLS. NAME defaults to the address.`

// rawFlags holds flag values that need further parsing.
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
	fs.StringVar(&c.output, "o", defaultOutput[command], "file to write; record: the recording; export: the JSON (default: standard output); otherwise: record while showing")
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
	tlsConfig, err := raw.tlsConfig()
	if err != nil {
		return nil, program.Errorf(exitUsage, "%w", err)
	}
	targets := fs.Args()
	if len(targets) == 0 && c.pods.selector == "" {
		targets = []string{console.DefaultAddr}
	}
	for _, text := range targets {
		s, err := source.ParseSpec(text, tlsConfig, raw.token)
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
	fs.StringVar(&raw.retain, "retain-for", "6s", "how long ended items stay in the tables, as a duration; none: until the console exits")
	fs.StringVar(&raw.warn, "warn", "all", "warnings to enable, separated by commas; all or some of: "+strings.Join(lint.All, ", "))
	fs.StringVar(&raw.warn, "W", "all", "short for -warn")
	fs.StringVar(&raw.allow, "allow", "", "warnings to disable, separated by commas; all: disable every warning")
	fs.StringVar(&raw.allow, "A", "", "short for -allow")
	fs.Float64Var(&l.SelfWakes, "self-wakes-percent", l.SelfWakes, "warn about a task that causes more than this percentage of its wakes itself, from 10 wakes on")
	fs.DurationVar(&l.NeverYielded, "never-yielded-after", l.NeverYielded, "warn about a task whose first poll has run for at least this long")
	fs.DurationVar(&l.LockHeld, "lock-held-after", l.LockHeld, "warn about a lock that has been held for at least this long while an operation waits for it")
	fs.Uint64Var(&l.LargeFuture, "large-future-bytes", l.LargeFuture, "warn about a Rust task whose future has at least this size in bytes; 0: never")
	fs.BoolVar(&raw.noColors, "no-colors", false, "draw without colors")
	fs.StringVar(&raw.palette, "palette", "", "number of colors: 8, 16, 256, all or off (default: detected from NO_COLOR, COLORTERM and TERM)")
	fs.StringVar(&raw.colorterm, "colorterm", "", "overrides COLORTERM; 24bit or truecolor: the terminal supports 24-bit colors")
	fs.StringVar(&raw.lang, "lang", "", "overrides LC_ALL, LC_CTYPE and LANG; without UTF-8 in it the screen is drawn in ASCII")
	fs.BoolVar(&raw.ascii, "ascii-only", false, "draw with ASCII characters only")
	fs.BoolVar(&raw.plainTimes, "no-duration-colors", false, "draw durations without colors")
	fs.BoolVar(&raw.plainDone, "no-terminated-colors", false, "draw ended items in normal colors instead of grey")
	fs.StringVar(&raw.token, "token", "", "bearer token to send to the targets' consoles")
	fs.StringVar(&raw.ca, "ca", "", "PEM file with the CA certificates to trust for https:// targets (default: the system's)")
	fs.BoolVar(&raw.insecure, "insecure", false, "do not verify the certificates of https:// targets")
	fs.IntVar(&c.source.MaxGoroutines, "goroutines", 500, "largest number of goroutines to list individually; above it they are grouped by creation site")
	fs.DurationVar(&c.source.Interval, "interval", time.Second, "time between two reads of a target's pprof profiles")
	fs.StringVar(&c.pods.selector, "pods", "", "label selector of pods to show, reached through kubectl port-forward; for example app.kubernetes.io/component=server")
	fs.StringVar(&c.pods.namespace, "namespace", "", "namespace of the pods (default: the namespace of kubectl's current context)")
	fs.StringVar(&c.pods.kubectl, "kubectl", "kubectl", "kubectl program to run")
	fs.StringVar(&c.pods.ports, "pod-ports", "6669,6060", "ports of the console and of pprof in each pod; a single port is the console's")
	fs.DurationVar(&c.duration, "duration", 0, "record, export: how long to collect; 0 (default): record until interrupted, export until every target has sent data, at most 10s")
	fs.BoolVar(&c.spans, "with-spans", false, "record, export: include spans")
	fs.BoolVar(&c.events, "with-events", false, "record, export: include log events")
	fs.StringVar(&raw.level, "events-level", "info", "lowest level of log events to request: error, warn, info, debug or trace")
	fs.BoolVar(&c.routines, "with-goroutines", false, "record, export: include goroutines")
	fs.Float64Var(&c.speed, "speed", 1, "replay: speed as a factor, 1 is the recorded speed; 0: without delays")
}

// apply parses the raw values into the options.
func (raw *rawFlags) apply(c *config, getenv func(string) string) error {
	c.ui.RetainFor = -1
	if raw.retain != "none" {
		d, err := time.ParseDuration(strings.ReplaceAll(raw.retain, " ", ""))
		if err != nil || d < 0 {
			return fmt.Errorf("-retain-for: %q is neither a duration nor \"none\"", raw.retain)
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
		return fmt.Errorf("-events-level %q is not one of error, warn, info, debug, trace", raw.level)
	}
	c.source.Level = commonpb.Metadata_Level(level).Enum()
	if c.speed < 0 {
		return errors.New("-speed is negative")
	}
	return c.pods.parse()
}

// warnings returns the set of disabled warnings. allow takes precedence over warn.
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
				return fmt.Errorf("-%s: unknown warning %q (known: %s)", flagName, name, strings.Join(lint.All, ", "))
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

// colors selects the palette: -no-colors, then -palette, then the environment.
func (raw *rawFlags) colors(getenv func(string) string) (ui.Palette, error) {
	if raw.noColors {
		return ui.NoColors, nil
	}
	palettes := map[string]ui.Palette{"8": ui.Colors8, "16": ui.Colors16, "256": ui.Colors256, "all": ui.AllColors, "off": ui.NoColors}
	if raw.palette != "" {
		p, ok := palettes[raw.palette]
		if !ok {
			return 0, fmt.Errorf("-palette %q is not one of 8, 16, 256, all, off", raw.palette)
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

// utf8 reports whether the terminal can show non-ASCII characters. The first non-empty value of
// -lang, LC_ALL, LC_CTYPE and LANG decides.
func (raw *rawFlags) utf8(getenv func(string) string) bool {
	for _, lang := range []string{raw.lang, getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")} {
		if lang != "" {
			lang = strings.ToLower(lang)
			return strings.Contains(lang, "utf-8") || strings.Contains(lang, "utf8")
		}
	}
	return false
}

// tlsConfig returns the TLS configuration for https:// targets.
func (raw *rawFlags) tlsConfig() (*tls.Config, error) {
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

// targets returns the targets of the command line followed by the selected pods. stop ends the port
// forwards of the pods.
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

// port parses a TCP port number.
func port(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port number", text)
	}
	return n, nil
}
