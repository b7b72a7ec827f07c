package main

import (
	"context"
	"fmt"
	"io"

	"mini-redis/internal/program"
	"mini-redis/services/mini-redis-cli/internal/reply"
)

// serviceName is the service.name of the program's traces.
const serviceName = "mini-redis-cli"

// Exit codes.
const (
	exitFailed = program.ExitError // an error reply, or no reply
	exitUsage  = program.ExitUsage
)

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, getenv, stdout)
	if err != nil {
		return err
	}
	if len(o.command) == 0 {
		fmt.Fprint(stderr, about)
		return &program.Error{Code: exitUsage}
	}
	tracing, err := startTracing(ctx, o, getenv, stderr)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	s, err := connect(ctx, o, tracing != nil, stderr)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	defer s.close()

	out := printer{w: stdout, tty: o.forTerminal(stdout)}
	c := tracing.startCall(ctx, s, o.command)
	defer c.report()
	if isStream(o.command) {
		err = runStream(s, c, o.command, out)
	} else {
		err = runOnce(s, c, out, isPlainText(o.command))
	}
	if ctx.Err() == nil {
		return err
	}
	if isStream(o.command) {
		return nil // Ctrl-C is the normal end of a stream
	}
	return program.Errorf(exitFailed, "interrupted before the reply")
}

// runOnce sends a command and prints its reply.
func runOnce(s *connection, c *call, out printer, text bool) error {
	r, err := s.roundTrip(c.words)
	c.endSpan(r, err)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	return out.print(r, text)
}

// runStream sends a command for which [isStream] is true, and prints replies until
// the connection closes.
func runStream(s *connection, c *call, command []string, out printer) error {
	if out.tty {
		fmt.Fprintln(out.w, "Reading messages... (press Ctrl-C to quit)")
	}
	err := s.send(c.words)
	for pending := confirmations(command); err == nil; {
		var r reply.Reply
		if r, err = s.receive(); err != nil {
			break
		}
		if err := out.print(r, false); err != nil {
			c.endSpan(r, nil)
			return err
		}
		if pending--; pending == 0 {
			c.endSpan(r, nil) // the messages that follow are not part of the call
			c.report()
		}
	}
	c.endSpan(reply.Reply{}, err)
	return program.Errorf(exitFailed, "%w", err)
}

// printer prints replies.
type printer struct {
	w   io.Writer
	tty bool
}

// print prints a reply. If text is true, the reply is printed unformatted also on
// a terminal. For an error reply, print returns a [program.Error] without a text,
// so that the program exits with exitFailed and prints nothing more.
func (p printer) print(r reply.Reply, text bool) error {
	var b []byte
	switch {
	case text:
		b = reply.AppendRaw(b, r)
	case p.tty:
		b = reply.AppendTTY(b, r)
	default:
		b = append(reply.AppendRaw(b, r), '\n')
	}
	if _, err := p.w.Write(b); err != nil {
		return program.Errorf(exitFailed, "printing the reply: %w", err)
	}
	if r.Kind == reply.Error {
		return &program.Error{Code: exitFailed}
	}
	return nil
}
