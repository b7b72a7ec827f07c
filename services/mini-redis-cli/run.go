package main

import (
	"context"
	"fmt"
	"io"

	"mini-redis/internal/program"
	"mini-redis/services/mini-redis-cli/internal/reply"
)

// serviceName is what the program calls itself in traces.
const serviceName = "mini-redis-cli"

// Exit codes.
const (
	exitFailed = program.ExitError // an error reply, or no reply at all
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
	c := tracing.begin(ctx, s, o.command)
	defer c.report()
	if isStream(o.command) {
		err = stream(s, c, o.command, out)
	} else {
		err = once(s, c, out, isText(o.command))
	}
	if ctx.Err() == nil {
		return err
	}
	if isStream(o.command) {
		return nil // a stream ends when the user has seen enough
	}
	return program.Errorf(exitFailed, "interrupted before the reply")
}

// once sends a command and prints its reply.
func once(s *session, c *call, out printer, text bool) error {
	r, err := s.roundTrip(c.words)
	c.end(r, err)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	return out.print(r, text)
}

// stream sends a command that is answered for as long as the connection lives,
// and prints what comes.
func stream(s *session, c *call, command []string, out printer) error {
	if out.tty {
		fmt.Fprintln(out.w, "Reading messages... (press Ctrl-C to quit)")
	}
	err := s.send(c.words)
	for unconfirmed := confirmations(command); err == nil; {
		var r reply.Reply
		if r, err = s.receive(); err != nil {
			break
		}
		if err := out.print(r, false); err != nil {
			c.end(r, nil)
			return err
		}
		if unconfirmed--; unconfirmed == 0 {
			c.end(r, nil) // what follows was caused by others: it is not part of the call
			c.report()
		}
	}
	c.end(reply.Reply{}, err)
	return program.Errorf(exitFailed, "%w", err)
}

// printer prints replies.
type printer struct {
	w   io.Writer
	tty bool
}

// print prints a reply. text says that it is written for people and shown as it
// is everywhere. The error is that of printing, or a silent one for an error
// reply: it has been printed, and the program fails.
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
