package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"mini-redis/internal/program"
)

// options holds the values of the flags.
type options struct {
	only     string
	rounds   int
	requests int
	idle     int
	settle   time.Duration
	server   string
	old      string
}

// bench is one run of the program.
type bench struct {
	options
	dir    string // temporary directory for binaries and the servers' files
	binary string // path of the mini-redis binary
	out    io.Writer
	log    io.Writer // output of go build
}

// sections are the measurements, in order.
var sections = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"peers", (*bench).peers},
	{"tracing", (*bench).tracing},
	{"console", (*bench).console},
	{"idle", (*bench).idleConnections},
	{"publish", (*bench).publish},
	{"loops", (*bench).loops},
	{"memory", (*bench).memory},
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	var o options
	fs := program.Flags("bench", "bench compares mini-redis with redis-server and Tokio's mini-redis, if they are installed.")
	fs.StringVar(&o.only, "only", "", "comma-separated list of the `sections` to run: peers, tracing, console, idle, publish, loops, memory; empty runs all")
	fs.IntVar(&o.rounds, "rounds", 5, "`number` of repetitions of each measurement")
	fs.IntVar(&o.requests, "requests", 200000, "`number` of requests per measurement without pipelining; with pipelining it is scaled per server")
	fs.IntVar(&o.idle, "idle", 10000, "`number` of idle connections in the section idle")
	fs.DurationVar(&o.settle, "settle", 10*time.Second, "`duration` without requests before the section memory reads the resident memory")
	fs.StringVar(&o.server, "server", "", "`path` of a mini-redis binary; empty builds one")
	fs.StringVar(&o.old, "old", "", "`path` of an older mini-redis binary, which is measured in the same rounds; empty measures none")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	if o.rounds < 1 || o.requests < 1000 || o.settle < 0 {
		return program.Errorf(program.ExitUsage, "-rounds must be at least 1, -requests at least 1000 and -settle not negative")
	}
	dir, err := os.MkdirTemp("", "mini-redis-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, out: stdout, log: stderr}
	if err := b.build(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s/%s, %d processors, %s; %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), program.Version())
	for _, s := range sections {
		if o.only != "" && !contains(strings.Split(o.only, ","), s.name) {
			continue
		}
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if strings.TrimSpace(l) == s {
			return true
		}
	}
	return false
}

// build builds the server with -trimpath, as for a release.
func (b *bench) build(ctx context.Context) error {
	if b.server != "" {
		b.binary = b.server
		return nil
	}
	b.binary = filepath.Join(b.dir, "mini-redis")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.binary, "mini-redis/services/mini-redis")
	cmd.Stderr = b.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the server: %w", err)
	}
	return nil
}
