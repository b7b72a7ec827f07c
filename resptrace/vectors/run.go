package vectors

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// replyTimeout is how long Run waits for the replies of a step.
const replyTimeout = 5 * time.Second

// Run runs the conversation with a server over connections that dial opens. It
// fails t at the first byte that differs, and closes the connections when it
// returns. Each conversation uses its own keys and channels, so all of them can
// run against one server. The caller compares the spans with CompareSpans.
func (c Conversation) Run(t testing.TB, dial func() (net.Conn, error)) {
	t.Helper()
	conns := map[string]net.Conn{}
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	for i, step := range c.Steps {
		conn := conns[step.On]
		if conn == nil {
			var err error
			if conn, err = dial(); err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			conns[step.On] = conn
		}
		if err := step.run(conn); err != nil {
			t.Fatalf("%s: step %d: %v", c.Name, i+1, err)
		}
	}
}

// run sends and then reads exactly as many bytes as expected, so that an
// unexpected byte makes the next step fail.
func (s Step) run(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	if len(s.Send) > 0 {
		if _, err := conn.Write(s.Send); err != nil {
			return err
		}
	}
	if len(s.ExpectTail) > 0 {
		return readTail(conn, s.ExpectTail)
	}
	return readExactly(conn, s.Expect)
}

func readExactly(conn net.Conn, want []byte) error {
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := conn.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		if !bytes.HasPrefix(want, got) || err != nil {
			return fmt.Errorf("got %q, want %q (%v)", got, want, err)
		}
	}
	return nil
}

func readTail(conn net.Conn, tail []byte) error {
	var got []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(got, tail) {
		if _, err := conn.Read(one); err != nil {
			return fmt.Errorf("got %q, want a text that ends with %q (%v)", got, tail, err)
		}
		got = append(got, one[0])
	}
	return nil
}

// CompareSpans fails t unless got contains exactly the conversation's spans, in any order.
func (c Conversation) CompareSpans(t testing.TB, got []Span) {
	t.Helper()
	want, have := sorted(c.Spans), sorted(got)
	if !slices.Equal(want, have) {
		t.Errorf("%s: spans\n got %s\nwant %s", c.Name, list(have), list(want))
	}
}

func sorted(spans []Span) []Span {
	out := slices.Clone(spans)
	slices.SortFunc(out, func(a, b Span) int { return strings.Compare(a.key(), b.key()) })
	return out
}

func (s Span) key() string {
	return s.Operation + " " + s.TraceID + " " + s.ParentID + " " + s.Status
}

func list(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString("\n  " + strings.TrimSpace(s.key()))
	}
	return b.String()
}
