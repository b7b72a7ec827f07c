package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"mini-redis/internal/program"
	"mini-redis/services/console/internal/record"
	"mini-redis/services/console/internal/source"
	"mini-redis/services/console/internal/ui"
)

// Exit codes.
const (
	exitFailed = program.ExitError
	exitUsage  = program.ExitUsage
)

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	command, rest := "watch", args
	if len(args) > 0 && commands[args[0]] != nil {
		command, rest = args[0], args[1:]
	}
	c, err := parseConfig(command, rest, getenv, stdout)
	if err != nil {
		return err
	}
	return commands[command](ctx, c, stdout, stderr)
}

// commands maps the first argument to a command. Without a known command the targets are shown.
var commands = map[string]func(ctx context.Context, c *config, stdout, stderr io.Writer) error{
	"watch": showTargets, "record": recordTargets, "replay": replay, "export": exportTargets,
}

// showTargets shows the targets on the terminal. With -o it also records them.
func showTargets(ctx context.Context, c *config, stdout, _ io.Writer) error {
	if err := needTerminal(stdout); err != nil {
		return err
	}
	specs, stop, err := c.targets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	live := source.NewLive(specs, c.source)
	var tap func(source.Event)
	if c.output != "" {
		f, err := os.Create(c.output)
		if err != nil {
			return program.Errorf(exitFailed, "%w", err)
		}
		w := newRecording(f, specs)
		defer func() { _ = errors.Join(w.Flush(), f.Close()) }()
		tap = w.Write
	}
	return ui.Run(ctx, ui.New(live, c.ui), os.Stdin, stdout, tap)
}

// replay shows a recording on the terminal.
func replay(ctx context.Context, c *config, stdout, _ io.Writer) error {
	if err := needTerminal(stdout); err != nil {
		return err
	}
	f, err := os.Open(c.input)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return program.Errorf(exitFailed, "%s: %w", c.input, err)
	}
	c.ui.Replay = true
	return ui.Run(ctx, ui.New(record.NewReplay(r, c.speed), c.ui), os.Stdin, stdout, nil)
}

// needTerminal returns an error if stdout is not a terminal, on which the screen cannot be drawn.
func needTerminal(stdout io.Writer) error {
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return program.Errorf(exitFailed, "standard output is not a terminal: use `console record` or `console export`")
}

// printLine prints a progress line of a command that does not draw a screen.
func printLine(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
