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

// connectTimeout is the timeout for connecting. There is no timeout for a reply,
// because commands such as BLPOP may block without a limit.
const connectTimeout = 5 * time.Second

// connection is a connection to the server.
type connection struct {
	conn    net.Conn
	replies *reply.Reader
	options *options
	traced  bool // the server supports RESP Trace Context
	release func() bool
}

// connect opens a connection and sends the commands that the options require.
// The connection closes when ctx ends. If detect is true, connect determines
// whether the server supports TRACED.
func connect(ctx context.Context, o options, detect bool, stderr io.Writer) (*connection, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", o.address())
	if err != nil {
		var system syscall.Errno
		if errors.As(err, &system) {
			err = system // "connection refused", without repeating the address
		}
		return nil, fmt.Errorf("cannot connect to Redis at %s: %w", o.address(), err)
	}
	s := &connection{conn: conn, replies: reply.NewReader(conn), options: &o}
	s.release = context.AfterFunc(ctx, func() { conn.Close() })
	if err := s.handshake(detect, stderr); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *connection) close() {
	s.release()
	s.conn.Close()
}

// handshake sends AUTH, HELLO and SELECT as the options require. Like redis-cli
// it only prints a warning if AUTH fails, because the reply of the command shows
// whether that matters. Unlike redis-cli it returns an error if SELECT fails, so
// that the command does not run in a different database.
func (s *connection) handshake(detect bool, stderr io.Writer) error {
	o := s.options
	if o.passOnCommand {
		fmt.Fprintln(stderr, "Warning: other users can see a password on the command line; use REDISCLI_AUTH instead.")
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
	if err := s.hello(detect); err != nil {
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

// hello selects the protocol version. The reply also says whether the server
// supports RESP Trace Context (resptrace/SPEC.md, section 6.1).
func (s *connection) hello(detect bool) error {
	protocol := "2"
	if s.options.resp3 {
		protocol = "3"
	} else if !detect {
		return nil // a connection starts with RESP2
	}
	r, err := s.roundTrip(toBytes([]string{"HELLO", protocol}))
	if err != nil {
		return err
	}
	if r.Kind == reply.Error && s.options.resp3 {
		return fmt.Errorf("the server does not support RESP3: %s", r.Text)
	}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if string(r.Elems[i].Text) == wire.Capability {
			s.traced = true
		}
	}
	return nil
}

func (s *connection) roundTrip(words [][]byte) (reply.Reply, error) {
	if err := s.send(words); err != nil {
		return reply.Reply{}, err
	}
	for {
		r, err := s.receive()
		if err != nil || r.Kind != reply.Push {
			return r, err
		} // skip push messages: they are not replies to a command
	}
}

func (s *connection) send(words [][]byte) error {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n", len(w))
		b = append(append(b, w...), '\r', '\n')
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("sending to Redis at %s: %w", s.options.address(), err)
	}
	return nil
}

func (s *connection) receive() (reply.Reply, error) {
	r, err := s.replies.Read()
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, io.EOF):
		err = errClosed
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w in the middle of a reply", errClosed)
	}
	return r, fmt.Errorf("receiving from Redis at %s: %w", s.options.address(), err)
}

// errClosed means that the server closed the connection.
var errClosed = errors.New("the server closed the connection")

func toBytes(words []string) [][]byte {
	b := make([][]byte, len(words))
	for i, w := range words {
		b[i] = []byte(w)
	}
	return b
}
