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

	"mini-redis/internal/program"
)

// options are bench's settings.
type options struct {
	only     string
	rounds   int
	requests int
	idle     int
	server   string
}

// bench is one run.
type bench struct {
	options
	dir    string // for binaries and the servers' files
	binary string // mini-redis
	out    io.Writer
	log    io.Writer
}

// sections are what can be measured, in order.
var sections = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"peers", (*bench).peers},
	{"tracing", (*bench).tracing},
	{"console", (*bench).console},
	{"idle", (*bench).idleConnections},
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	var o options
	fs := program.Flags("bench", "bench measures mini-redis beside redis-server and Tokio's mini-redis, where they are installed.")
	fs.StringVar(&o.only, "only", "", "measure only these `sections` of peers, tracing, console, idle (comma between them)")
	fs.IntVar(&o.rounds, "rounds", 5, "how often each measurement is repeated")
	fs.IntVar(&o.requests, "requests", 200000, "requests of a measurement")
	fs.IntVar(&o.idle, "idle", 10000, "idle connections")
	fs.StringVar(&o.server, "server", "", "measure this `binary` of mini-redis; empty: build one")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	if o.rounds < 1 || o.requests < 1000 {
		return program.Errorf(program.ExitUsage, "at least 1 round and 1000 requests are needed")
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

// build makes the server's binary, as a release is built.
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
