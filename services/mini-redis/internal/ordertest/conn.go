package ordertest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conn is a connection with the requests that wait for their replies. One goroutine
// uses it.
type conn struct {
	nc       net.Conn
	r        *bufio.Reader
	rnd      *rand.Rand
	name     string
	proto    int
	id       int64
	patience time.Duration
	traced   int // one request of so many is sent as TRACED; 0 for none

	out     []byte
	pending []pending

	// onMessage is called for each message, which may stand between any two replies. A
	// nil one makes a message a violation.
	onMessage func(value) error
}

// pending is a request that was sent, and what its reply has to be.
type pending struct {
	words []string
	check func(value) error
}

// ask appends a request to the pipeline. check is called with its reply.
func (c *conn) ask(check func(value) error, words ...string) {
	c.out = appendRequest(c.out, c.maybeTraced(words))
	c.pending = append(c.pending, pending{words, check})
}

// await appends the expectation of one more reply to the previous request.
func (c *conn) await(check func(value) error) { c.pending = append(c.pending, pending{nil, check}) }

// maybeTraced sends a share of the requests with a sampled trace context.
func (c *conn) maybeTraced(words []string) []string {
	if c.traced == 0 || c.rnd.IntN(c.traced) != 0 {
		return words
	}
	parent := fmt.Sprintf("00-%016x%016x-%016x-01", c.rnd.Uint64()|1, c.rnd.Uint64(), c.rnd.Uint64()|1)
	return append([]string{"TRACED", "1", "traceparent", parent}, words...)
}

func appendRequest(out []byte, words []string) []byte {
	out = fmt.Appendf(out, "*%d\r\n", len(words))
	for _, w := range words {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(w), w)
	}
	return out
}

// flush sends the pipeline, sometimes in two parts.
func (c *conn) flush() error {
	out := c.out
	c.out = c.out[:0]
	if len(out) == 0 {
		return nil
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	if c.rnd.IntN(4) == 0 {
		cut := c.rnd.IntN(len(out))
		if _, err := c.nc.Write(out[:cut]); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		out = out[cut:]
		runtime.Gosched()
	}
	if _, err := c.nc.Write(out); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// finish sends the pipeline and checks the replies to it, in order.
func (c *conn) finish() error {
	if err := c.flush(); err != nil {
		return err
	}
	for len(c.pending) > 0 {
		p := c.pending[0]
		v, err := c.reply()
		if err != nil {
			return fmt.Errorf("%s waits for the reply to %q: %w", c.name, p.words, err)
		}
		if err := p.check(v); err != nil {
			return fmt.Errorf("%s: the reply to %q: %w", c.name, p.words, err)
		}
		c.pending = c.pending[1:]
	}
	c.pending = nil
	return nil
}

// reply reads up to the next reply and handles the messages before it.
func (c *conn) reply() (value, error) {
	for {
		if err := c.nc.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
			return value{}, err
		}
		v, err := readValue(c.r)
		if err != nil || !v.isMessage() {
			return v, err
		}
		if c.onMessage == nil {
			return v, fmt.Errorf("the message %v of a channel that is not subscribed", v)
		}
		if err := c.onMessage(v); err != nil {
			return v, err
		}
	}
}

// do sends one request and returns its reply.
func (c *conn) do(words ...string) (reply value, err error) {
	c.ask(func(v value) error { reply = v; return nil }, words...)
	return reply, c.finish()
}

// close closes the connection.
func (c *conn) close() { _ = c.nc.Close() }

// The checks of replies.

func equals(want string) func(value) error {
	return func(v value) error {
		if v.String() != want {
			return fmt.Errorf("%v, want %s", v, want)
		}
		return nil
	}
}

func status(text string) func(value) error { return equals("+" + text) }

func bulk(text string) func(value) error { return equals(strconv.Quote(text)) }

func number(n int64) func(value) error { return equals(":" + strconv.FormatInt(n, 10)) }

// numberTo stores the number that a reply is.
func numberTo(n *int64) func(value) error {
	return func(v value) (err error) {
		if v.null {
			*n = 0
			return nil
		}
		*n, err = v.integer()
		return err
	}
}

// array checks a reply of as many elements as there are checks.
func array(checks ...func(value) error) func(value) error {
	return func(v value) error {
		if v.kind != '*' || len(v.list) != len(checks) {
			return fmt.Errorf("%v, want an array of %d", v, len(checks))
		}
		for i, check := range checks {
			if err := check(v.list[i]); err != nil {
				return fmt.Errorf("element %d of %v: %w", i, v, err)
			}
		}
		return nil
	}
}

func isNull(v value) error {
	if !v.null {
		return fmt.Errorf("%v, want null", v)
	}
	return nil
}

// transaction asks for MULTI, the requests and EXEC; checks are those of EXEC's elements.
func (c *conn) transaction(requests [][]string, checks ...func(value) error) {
	c.ask(status("OK"), "MULTI")
	for _, words := range requests {
		c.ask(status("QUEUED"), words...)
	}
	c.ask(array(checks...), "EXEC")
}

// awaitWaiting waits until the request of another connection waits: CLIENT LIST shows
// flag b.
func (c *conn) awaitWaiting(id int64) error {
	for deadline := time.Now().Add(c.patience); ; time.Sleep(200 * time.Microsecond) {
		v, err := c.do("CLIENT", "LIST", "ID", strconv.FormatInt(id, 10))
		if err != nil {
			return err
		}
		line := strings.Fields(v.text)
		i := slices.IndexFunc(line, func(f string) bool { return strings.HasPrefix(f, "flags=") })
		if i < 0 {
			return fmt.Errorf("%s: connection %d is not listed: %v", c.name, id, v)
		}
		if strings.Contains(line[i], "b") {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the request of connection %d does not wait: %v", c.name, id, v)
		}
	}
}
