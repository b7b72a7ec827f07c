package server

import (
	"strings"
	"testing"
)

// pipe is a link to nobody that takes what it is allowed to.
type pipe struct {
	took    []byte
	room    int
	reading bool
}

func (p *pipe) write(b []byte) (int, error) {
	n := min(len(b), p.room)
	p.took, p.room = append(p.took, b[:n]...), p.room-n
	return n, nil
}

func (p *pipe) interest(read, _ bool) { p.reading = read }
func (p *pipe) close()                {}
func (p *pipe) interrupt()            {}
func (p *pipe) remote() string        { return "" }
func (p *pipe) local() string         { return "" }

// alone is a worker with one connection, both driven by the test.
func alone(t *testing.T) (*worker, *conn, *pipe) {
	t.Helper()
	s := start(t, func(c *Config) { c.Limits.Backlog = 100 })
	w := newWorker(s, soloRegion, func() {})
	p := &pipe{}
	c := &conn{link: p}
	w.join(c)
	t.Cleanup(func() { w.drop(c) })
	return w, c, p
}

func (w *worker) feed(c *conn, request string) {
	w.received(c, copy(w.space(), request))
	w.finish()
}

// Requests that were read before the connection was found to owe too much wait
// until what it owes has left, and are not forgotten then.
func TestRequestsWaitForTheOutput(t *testing.T) {
	w, c, p := alone(t)
	w.append(c, []byte(strings.Repeat("x", 101)))
	w.feed(c, "PING\r\nPING\r\n")
	if len(p.took) != 0 || p.reading {
		t.Fatalf("%d bytes sent, reading %v; want none and false", len(p.took), p.reading)
	}
	p.room = 1000
	w.touch(c)
	w.finish()
	if got, want := string(p.took[101:]), "+PONG\r\n+PONG\r\n"; got != want {
		t.Errorf("then %q was sent, want %q", got, want)
	}
	if !p.reading {
		t.Error("the connection is not read from again")
	}
}

// A socket that takes a byte at a time gets every byte once and in order.
func TestPartialWrites(t *testing.T) {
	w, c, p := alone(t)
	var want strings.Builder
	for range 50 {
		w.feed(c, "ECHO 0123456789\r\n")
		want.WriteString("$10\r\n0123456789\r\n")
	}
	for range 4 * want.Len() {
		p.room = 1
		w.touch(c)
		w.finish()
	}
	if string(p.took) != want.String() {
		t.Errorf("sent %q", clip(string(p.took)))
	}
}
