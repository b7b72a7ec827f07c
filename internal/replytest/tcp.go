package replytest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// TCP is a server at an address. Close closes its connections.
type TCP struct {
	Address string
	open    []net.Conn
}

var _ Target = (*TCP)(nil)

// Open implements Target.
func (t *TCP) Open() (Client, error) {
	conn, err := net.Dial("tcp", t.Address)
	if err != nil {
		return nil, err
	}
	t.open = append(t.open, conn)
	c := &tcpClient{conn: conn}
	reply, err := c.Do("CLIENT", "ID")
	if err != nil {
		return nil, err
	}
	c.id, err = strconv.ParseInt(string(reply[1:len(reply)-2]), 10, 64)
	return c, err
}

// Pass implements Target.
func (t *TCP) Pass(d time.Duration) { time.Sleep(d) }

// Now implements Target.
func (t *TCP) Now() time.Time { return time.Now() }

// Empty deletes all keys and closes the connections of the previous case.
func (t *TCP) Empty() error {
	t.Close()
	conn, err := net.Dial("tcp", t.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = (&tcpClient{conn: conn}).Do("FLUSHALL")
	return err
}

// Close closes the connections.
func (t *TCP) Close() {
	for _, c := range t.open {
		c.Close()
	}
	t.open = nil
}

type tcpClient struct {
	conn net.Conn
	id   int64
	buf  []byte
}

func (c *tcpClient) ID() int64    { return c.id }
func (c *tcpClient) Addr() string { return c.conn.LocalAddr().String() }

// Do sends a request and waits for its reply.
func (c *tcpClient) Do(words ...string) ([]byte, error) {
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	if err := c.Send(list); err != nil {
		return nil, err
	}
	reply, err := c.Reply(expectedTimeout)
	if err == nil && reply == nil {
		err = fmt.Errorf("no reply to %s", words[0])
	}
	return reply, err
}

// Send implements Client.
func (c *tcpClient) Send(words [][]byte) error {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := c.conn.Write(b)
	return err
}

// Reply implements Client.
func (c *tcpClient) Reply(timeout time.Duration) ([]byte, error) {
	chunk := make([]byte, 64<<10)
	deadline := time.Now().Add(max(timeout, time.Millisecond))
	for {
		if n := Frame(c.buf); n > 0 {
			reply := c.buf[:n:n]
			c.buf = c.buf[n:]
			return reply, nil
		}
		if err := c.conn.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		n, err := c.conn.Read(chunk)
		c.buf = append(c.buf, chunk[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, nil
		case err != nil && n == 0:
			return nil, nil // closed: no further reply arrives
		}
	}
}
