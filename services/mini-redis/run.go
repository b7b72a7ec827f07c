package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"mini-redis/console"
	"mini-redis/internal/program"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/observe"
	"mini-redis/services/mini-redis/internal/server"
)

// instance is the running server with the parts around it.
type instance struct {
	flags    flags
	log      *slog.Logger
	runID    string
	commands []*engine.Spec
	clock    engine.Clock
	tel      *telemetry.Telemetry
	observer *observe.Observer
	server   *server.Server
	admin    *telemetry.Admin
	pprof    *telemetry.Pprof
	ready    readiness

	tap           *console.LogTap // nil without a console
	console       *console.Console
	consoleServer *console.Server
}

// run runs the server with all commands.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	return runWith(ctx, command.All(), args, getenv, stdout)
}

// runWith starts the parts in order, waits until ctx ends, a client sends SHUTDOWN or the
// listener fails, and stops the parts in the opposite order. commands is the command table.
func runWith(
	ctx context.Context, commands []*engine.Spec, args []string, getenv func(string) string, stdout io.Writer,
) error {
	f, err := parseFlags(args, getenv, stdout)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(stdout, getenv)
	if err != nil {
		return program.Errorf(program.ExitUsage, "%w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := &instance{flags: f, log: log, clock: server.NewClock(), runID: newRunID(), commands: commands}
	if f.consoleAddr != "" {
		in.tap = console.NewLogTap(log.Handler())
		in.log = slog.New(in.tap)
	}
	if err := in.start(ctx, getenv, cancel); err != nil {
		in.stop()
		return err
	}
	served := make(chan error, 1)
	go func() { served <- in.server.Serve() }()
	in.ready.set(nil)
	in.logReady()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	}
	in.stop()
	return err
}

func (in *instance) start(ctx context.Context, getenv func(string) string, shutdown func()) (err error) {
	in.ready.set(errors.New("starting"))
	in.tel, err = telemetry.Start(ctx, telemetry.Options{
		Service: "mini-redis", Version: program.Number(), Getenv: getenv, Logger: in.log,
	})
	if err != nil {
		return program.Errorf(program.ExitUsage, "telemetry: %w", err)
	}
	listener, err := net.Listen("tcp", in.flags.addr)
	if err != nil {
		return fmt.Errorf("cannot serve RESP: %w", err)
	}
	if err := in.startConsole(); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := in.startServer(listener, shutdown); err != nil {
		return err
	}
	if in.flags.adminAddr != "" {
		in.admin, err = telemetry.StartAdmin(telemetry.AdminOptions{
			Addr: in.flags.adminAddr, Registry: in.tel.Registry(),
			Healthy: in.server.Healthy, Ready: in.ready.get, Logger: in.log,
		})
		if err != nil {
			return fmt.Errorf("cannot serve the admin endpoint: %w", err)
		}
	}
	if in.flags.pprofAddr != "" {
		if in.pprof, err = telemetry.StartPprof(in.flags.pprofAddr, in.log); err != nil {
			return fmt.Errorf("cannot serve pprof: %w", err)
		}
	}
	return nil
}

func (in *instance) startServer(listener net.Listener, shutdown func()) (err error) {
	propagator := in.tel.Propagator()
	if in.flags.traceContexts == "ignore" {
		propagator = nil
	}
	in.observer = observe.New(observe.Options{
		Clock: in.clock, Sink: in.tel.Sink(), Propagator: propagator, Version: program.Number(),
		Roots: in.flags.traceRoots, MaxSpans: in.flags.traceSpansMax, Keys: in.flags.traceKeys,
	})
	in.server, err = server.New(server.Config{
		Listener: listener, Observer: in.observer, Logger: in.log,
		MaxClients: in.flags.maxClients, Loops: in.flags.loops, WatchdogLimit: in.flags.watchdogLimit,
		Console: in.consoleView(),
		Engine: engine.Config{
			Commands: in.commands, Password: in.flags.requirePass, Clock: in.clock, RunID: in.runID,
		},
		Info:       func(sections []string) string { return in.observer.Info(in.facts(), sections) },
		ResetStat:  func() { in.observer.ResetStat(in.facts()) },
		Tick:       func() { in.tick() },
		OnShutdown: shutdown,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	in.showOpen()
	in.tel.Registry().MustRegister(in.observer.Collector(observe.Source{Locked: in.server.Locked, Facts: in.facts}))
	return nil
}

func (in *instance) logReady() {
	attrs := []any{"addr", in.server.Addr().String(), "version", program.Version(), "loops", in.server.Stats().Loops}
	if in.admin != nil {
		attrs = append(attrs, "admin_addr", in.admin.Addr())
	}
	if in.pprof != nil {
		attrs = append(attrs, "pprof_addr", in.pprof.Addr())
	}
	if in.consoleServer != nil {
		attrs = append(attrs, "console_addr", in.consoleServer.Addr().String())
	}
	in.log.Info("ready", attrs...)
}

// stop stops the parts that were started, in the opposite order, and logs how long each
// took. A part that does not stop within the deadline is left behind: the process ends in
// any case.
func (in *instance) stop() {
	in.ready.set(errors.New("stopping"))
	ctx, cancel := context.WithTimeout(context.Background(), in.flags.shutdownTimeout)
	defer cancel()
	step := func(name string, f func() error) {
		began := time.Now()
		err := within(ctx, f)
		in.log.Info("stopped", "part", name, "elapsed", time.Since(began).String())
		if err != nil {
			in.log.Warn("stop was not clean", "part", name, "error", err)
		}
	}
	if in.server != nil {
		step("server", func() error { return in.server.Shutdown(ctx) })
	}
	if in.consoleServer != nil {
		step("console", func() error { return in.consoleServer.Close(ctx) })
	}
	if in.tel != nil {
		step("telemetry", func() error { return in.tel.Shutdown(ctx) })
	}
	if in.pprof != nil {
		step("pprof", func() error { return in.pprof.Close(ctx) })
	}
	if in.admin != nil {
		step("admin", func() error { return in.admin.Close(ctx) })
	}
}

// stopGrace is how long a part may take beyond the deadline: it closes what is open then.
const stopGrace = 1500 * time.Millisecond

// within calls f and returns its error. It returns an error of its own if f has not
// returned stopGrace after ctx ended.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return fmt.Errorf("it does not stop: %w", ctx.Err())
	}
}

// newRunID returns an identifier of this process in the form of redis-server: 40
// hexadecimal digits.
func newRunID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
