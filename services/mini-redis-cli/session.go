package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis-cli/internal/reply"
)

// connectTimeout bounds the wait for a server that does not answer at all. A
// reply may take as long as it takes: BLPOP waits for ever if asked to.
const connectTimeout = 5 * time.Second

// session is a connection to the server.
type session struct {
	conn    net.Conn
	replies *reply.Reader
	options *options
	traced  bool // the server said that it speaks RESP Trace Context
	release func() bool
}

// connect opens a connection, which closes when ctx ends, and introduces itself
// as the options say. ask makes it find out whether the server knows TRACED.
func connect(ctx context.Context, o options, ask bool, stderr io.Writer) (*session, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", o.address())
	if err != nil {
		var system syscall.Errno
		if errors.As(err, &system) {
			err = system // "connection refused", without the address a second time
		}
		return nil, fmt.Errorf("cannot connect to the Redis at %s: %w", o.address(), err)
	}
	s := &session{conn: conn, replies: reply.NewReader(conn), options: &o}
	s.release = context.AfterFunc(ctx, func() { conn.Close() })
	if err := s.introduce(ask, stderr); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	s.release()
	s.conn.Close()
}

// introduce does what the options ask for before the command. Like redis-cli it
// goes on with a warning when the password was wrong, or not needed: the
// command's own reply tells. Unlike it, it does not go on in another database.
func (s *session) introduce(ask bool, stderr io.Writer) error {
	o := s.options
	if o.passOnCommand {
		fmt.Fprintln(stderr, "Warning: a password on the command line can be seen by others; REDISCLI_AUTH cannot.")
	}
	if o.pass != "" {
		auth := []string{"AUTH", o.pass}
		if o.user != "" {
			auth = []string{"AUTH", o.user, o.pass}
		}
		r, err := s.roundTrip(toBytes(auth))
		if err != nil {
			return err
		}
		if r.Kind == reply.Error {
			fmt.Fprintf(stderr, "AUTH failed: %s\n", r.Text)
		}
	}
	if err := s.hello(ask); err != nil {
		return err
	}
	if o.db == 0 {
		return nil
	}
	r, err := s.roundTrip(toBytes([]string{"SELECT", strconv.Itoa(o.db)}))
	if err == nil && r.Kind == reply.Error {
		err = fmt.Errorf("SELECT %d failed: %s", o.db, r.Text)
	}
	return err
}

// hello asks for the protocol, and learns from the answer whether the server
// speaks RESP Trace Context (resptrace/SPEC.md, 6.1).
func (s *session) hello(ask bool) error {
	protocol := "2"
	if s.options.resp3 {
		protocol = "3"
	} else if !ask {
		return nil // RESP2 is what a connection begins with
	}
	r, err := s.roundTrip(toBytes([]string{"HELLO", protocol}))
	if err != nil {
		return err
	}
	if r.Kind == reply.Error && s.options.resp3 {
		return fmt.Errorf("the server does not speak RESP3: %s", r.Text)
	}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if string(r.Elems[i].Text) == wire.Capability {
			s.traced = true
		}
	}
	return nil
}

func (s *session) roundTrip(words [][]byte) (reply.Reply, error) {
	if err := s.send(words); err != nil {
		return reply.Reply{}, err
	}
	for {
		r, err := s.receive()
		if err != nil || r.Kind != reply.Push {
			return r, err
		} // a push was not asked for: it belongs to no command
	}
}

func (s *session) send(words [][]byte) error {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n", len(w))
		b = append(append(b, w...), '\r', '\n')
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("sending to the Redis at %s: %w", s.options.address(), err)
	}
	return nil
}

func (s *session) receive() (reply.Reply, error) {
	r, err := s.replies.Read()
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, io.EOF):
		err = errClosed
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w in the middle of a reply", errClosed)
	}
	return r, fmt.Errorf("the Redis at %s: %w", s.options.address(), err)
}

// errClosed says that the server ended the connection.
var errClosed = errors.New("the server closed the connection")

func toBytes(words []string) [][]byte {
	b := make([][]byte, len(words))
	for i, w := range words {
		b[i] = []byte(w)
	}
	return b
}
