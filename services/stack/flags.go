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

// Exit codes beyond those of every program.
const (
	exitBuild       = 3   // something could not be built
	exitChild       = 4   // a program did not start, did not become ready, or ended by itself
	exitLost        = 5   // the figures of the summary do not fit together, or operations failed
	exitInterrupted = 130 // stopped before it was done
)

const about = `stack runs the whole of mini-redis on this machine: Prometheus, Jaeger, the
OpenTelemetry Collector, the server and a gentle load.

Each is a process of its own on loopback. What is not given is built from source:
the first time that takes minutes, and the result is kept in the user's cache
directory. Ctrl-C stops everything in order. With -duration the load ends by
itself, and the summary says whether all of it arrived.

Exit codes: 0 all went well; 1 something else; 2 a wrong flag; 3 a build failed;
4 a program did not start or died; 5 something was lost between the load and
Jaeger or Prometheus, or operations failed; 130 stopped before it was done.`

// flags are the settings; each is described where it is declared.
type flags struct {
	duration time.Duration
	rate     float64
	noLoad   bool
	given    map[string]*string // paths of ready programs by name
	overlays []string           // further configuration files of the collector, absolute
	keepLogs bool
	json     bool
}

func parseFlags(args []string, getenv func(string) string, stdout io.Writer) (flags, error) {
	f := flags{given: map[string]*string{}}
	fs := program.Flags("stack", about)
	fs.DurationVar(&f.duration, "duration", 0, "end after this `time` of load with a summary; 0: run until Ctrl-C")
	fs.Float64Var(&f.rate, "rate", 50, "the load's `operations` a second")
	fs.BoolVar(&f.noLoad, "no-load", false, "start no load")
	f.given[backends.Jaeger] = fs.String("jaeger", "", "`path` of a Jaeger v2 to use; empty: build it")
	f.given[backends.Prometheus] = fs.String("prometheus", "", "`path` of a Prometheus 3 to use; empty: build it")
	f.given[backends.Collector] = fs.String("collector", "", "`path` of a collector to use, the project's or contrib's; empty: build it")
	fs.Func("collector-config", "`path` of a further configuration for the collector, such as one of otel-collector/overlays; can be given several times", f.addOverlay)
	fs.BoolVar(&f.keepLogs, "keep-logs", false, "keep the programs' logs at the end")
	fs.BoolVar(&f.json, "json", false, "print events as JSON lines to stdout (the addresses when ready, the summary) and everything else to stderr")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return f, err
	}
	if fs.NArg() > 0 {
		return f, program.Errorf(program.ExitUsage, "%q: only flags are understood (--help lists them)", fs.Arg(0))
	}
	return f, f.check()
}

// addOverlay takes the path of a configuration, which the collector would only complain of once it runs.
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
		return program.Errorf(program.ExitUsage, "-duration %v: cannot be negative", f.duration)
	case !(f.rate > 0) || math.IsInf(f.rate, 0):
		return program.Errorf(program.ExitUsage, "-rate %v: above 0 operations a second are needed (-no-load is none)", f.rate)
	}
	for name, path := range f.given {
		if *path == "" {
			continue
		}
		if err := isExecutable(*path); err != nil {
			return program.Errorf(program.ExitUsage, "-%s: %w", name, err)
		}
	}
	return nil
}

// loadRate is the load's rate, 0 for none.
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
