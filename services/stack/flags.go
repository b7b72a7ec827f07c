package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/stack/internal/backends"
)

// Exit codes in addition to those of package program.
const (
	exitBuild       = 3   // a build failed
	exitChild       = 4   // a program did not start, did not become ready, or exited unexpectedly
	exitLost        = 5   // the counts of the summary do not agree, or operations failed
	exitInterrupted = 130 // stopped before it was complete
)

const about = `stack runs the complete mini-redis stack on this machine: Prometheus, Jaeger,
the OpenTelemetry Collector, the server and a low load.

Each program is a process on loopback. A program without a given path is built
from source. The first build takes several minutes; the binaries are stored in
the user's cache directory. Ctrl-C stops all programs in order. With -duration,
the stack stops after the load and prints a summary that shows whether every
operation arrived in Jaeger and Prometheus.

Exit codes: 0 success; 1 any other error; 2 invalid flag; 3 a build failed; 4 a
program did not start or exited unexpectedly; 5 data was lost between the load
and Jaeger or Prometheus, or operations failed; 130 stopped before completion.`

// flags holds the values of the flags. parseFlags describes each of them.
type flags struct {
	duration time.Duration
	rate     float64
	noLoad   bool
	binaries map[string]*string // paths of existing programs by name; "" means build it
	overlays []string           // absolute paths of additional collector configurations
	keepLogs bool
	json     bool
}

func parseFlags(args []string, getenv func(string) string, stdout io.Writer) (flags, error) {
	f := flags{binaries: map[string]*string{}}
	fs := program.Flags("stack", about)
	fs.DurationVar(&f.duration, "duration", 0, "stop after this `time` of load and print a summary; 0 runs until Ctrl-C")
	fs.Float64Var(&f.rate, "rate", 50, "load in `operations` per second")
	fs.BoolVar(&f.noLoad, "no-load", false, "do not start the load")
	f.binaries[backends.Jaeger] = fs.String("jaeger", "", "`path` of a Jaeger v2 binary; empty builds Jaeger")
	f.binaries[backends.Prometheus] = fs.String("prometheus", "", "`path` of a Prometheus 3 binary; empty builds Prometheus")
	f.binaries[backends.Collector] = fs.String("collector", "", "`path` of a collector binary, the project's or the contrib distribution's; empty builds the project's")
	fs.Func("collector-config", "`path` of an additional collector configuration, for example a file of otel-collector/overlays; the flag can be repeated", f.addOverlay)
	fs.BoolVar(&f.keepLogs, "keep-logs", false, "keep the programs' logs after the stack has stopped")
	fs.BoolVar(&f.json, "json", false, "print the events ready (with the addresses) and summary as JSON lines to stdout, and all other output to stderr")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return f, err
	}
	if fs.NArg() > 0 {
		return f, program.Errorf(program.ExitUsage, "unexpected argument %q: only flags are supported (--help lists them)", fs.Arg(0))
	}
	return f, f.check()
}

// addOverlay adds the path of a configuration. It checks that the file can be read, because the
// collector would report an error only after the builds.
func (f *flags) addOverlay(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_ = file.Close()
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	f.overlays = append(f.overlays, path)
	return nil
}

func (f flags) check() error {
	switch {
	case f.duration < 0:
		return program.Errorf(program.ExitUsage, "-duration must not be negative, not %v", f.duration)
	case !(f.rate > 0) || math.IsInf(f.rate, 0):
		return program.Errorf(program.ExitUsage, "-rate must be above 0, not %v (use -no-load to run without a load)", f.rate)
	}
	for name, path := range f.binaries {
		if *path == "" {
			continue
		}
		if err := isExecutable(*path); err != nil {
			return program.Errorf(program.ExitUsage, "-%s: %w", name, err)
		}
	}
	return nil
}

// loadRate returns the load's rate, or 0 with -no-load.
func (f flags) loadRate() float64 {
	if f.noLoad {
		return 0
	}
	return f.rate
}

func (f flags) describeLoad() string {
	if f.noLoad {
		return "none (-no-load)"
	}
	text := fmt.Sprintf("%g operations/s, GET and SET", f.rate)
	if f.duration > 0 {
		text += fmt.Sprintf(", for %v", f.duration)
	}
	return text
}
