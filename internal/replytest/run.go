package replytest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Target is a server, empty at first.
type Target interface {
	// Open connects a new client.
	Open() (Client, error)
	// Pass waits for d.
	Pass(d time.Duration)
	// Now returns the server's wall clock.
	Now() time.Time
}

// Client is one connection.
type Client interface {
	ID() int64
	Addr() string
	Send(words [][]byte) error
	// Reply returns the next reply or push, nil if there is none within timeout. A
	// target whose replies are available at once does not have to wait.
	Reply(timeout time.Duration) ([]byte, error)
}

// The timeouts for a reply that is expected, and for the check that none arrives.
const (
	expectedTimeout = 5 * time.Second
	silentTimeout   = 30 * time.Millisecond
)

// Turn is the result of one step: the replies, by connection.
type Turn struct {
	Step *Step
	Got  []Got
}

// Got is a received reply.
type Got struct {
	Conn  int
	Lines []string
	Want  *Reply // nil if it was not expected
	OK    bool
}

// Run runs a conversation. Expected replies that did not arrive are in the turns too,
// without lines.
func Run(c *Case, target Target) ([]Turn, error) {
	r := &run{target: target, clients: map[int]Client{}, began: target.Now()}
	for conn := 1; conn <= c.connections(); conn++ { // in order, so that the IDs are the same everywhere
		if _, err := r.client(conn); err != nil {
			return nil, err
		}
	}
	var turns []Turn
	for i := range c.Steps {
		turn, err := r.step(&c.Steps[i])
		if err != nil {
			return turns, fmt.Errorf("%s:%d: %w", c.File, c.Steps[i].Line, err)
		}
		turns = append(turns, turn)
	}
	return turns, nil
}

// connections returns the highest number of a connection in the case.
func (c *Case) connections() int {
	n := 1
	for _, s := range c.Steps {
		n = max(n, s.Conn)
		for _, r := range s.Replies {
			n = max(n, r.Conn)
		}
	}
	return n
}

type run struct {
	target  Target
	clients map[int]Client
	began   time.Time
}

func (r *run) client(conn int) (Client, error) {
	if c := r.clients[conn]; c != nil {
		return c, nil
	}
	c, err := r.target.Open()
	if err != nil {
		return nil, err
	}
	r.clients[conn] = c
	return c, nil
}

func (r *run) step(s *Step) (Turn, error) {
	turn := Turn{Step: s}
	if s.Sleep > 0 {
		r.target.Pass(s.Sleep)
	}
	if s.Words != nil {
		words := make([][]byte, len(s.Words))
		for i, w := range s.Words {
			words[i] = []byte(r.expand(string(w)))
		}
		if err := r.clients[s.Conn].Send(words); err != nil {
			return turn, err
		}
	}
	for i := range s.Replies {
		want := &s.Replies[i]
		got, err := r.clients[want.Conn].Reply(expectedTimeout)
		if err != nil {
			return turn, err
		}
		g := Got{Conn: want.Conn, Want: want}
		if got != nil {
			g.Lines = Lines(got)
			g.OK = r.matches(want, g.Lines)
		}
		turn.Got = append(turn.Got, g)
	}
	for conn := 1; conn <= len(r.clients); conn++ {
		timeout := time.Duration(0)
		if conn == s.Conn && len(s.Replies) == 0 {
			timeout = silentTimeout
		}
		for {
			got, err := r.clients[conn].Reply(timeout)
			if err != nil {
				return turn, err
			}
			if got == nil {
				break
			}
			turn.Got = append(turn.Got, Got{Conn: conn, Lines: Lines(got)})
		}
	}
	return turn, nil
}

func (r *run) matches(want *Reply, got []string) bool {
	if want.Any {
		return true
	}
	if len(want.Lines) != len(got) {
		return false
	}
	for i, l := range want.Lines {
		if l.Pattern != nil && !l.Pattern.MatchString(got[i]) || l.Pattern == nil && r.expand(l.Text) != got[i] {
			return false
		}
	}
	return true
}

var placeholder = regexp.MustCompile(`\{(id|addr):([1-9])\}|\{now([+-][0-9]+)(s|ms)\}`)

// expand replaces the placeholders.
func (r *run) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		if m[1] == "" {
			n, _ := strconv.ParseInt(m[3], 10, 64)
			if m[4] == "s" {
				return strconv.FormatInt(r.began.Unix()+n, 10)
			}
			return strconv.FormatInt(r.began.UnixMilli()+n, 10)
		}
		c := r.clients[int(m[2][0]-'0')]
		switch {
		case c == nil:
			return found
		case m[1] == "id":
			return strconv.FormatInt(c.ID(), 10)
		}
		return c.Addr()
	})
}

// Differences describes the replies that differ from the expected ones.
func (t *Turn) Differences() []string {
	var list []string
	for _, g := range t.Got {
		if g.OK {
			continue
		}
		want := "  nothing\n"
		if g.Want != nil {
			want = g.Want.String()
		}
		got := "  nothing\n"
		if g.Lines != nil {
			got = show(g.Conn, g.Lines)
		}
		list = append(list, "got\n"+got+"want\n"+want)
	}
	return list
}

// String formats the reply as a conversation has it; in its expected form if it matches.
func (g Got) String() string {
	switch {
	case g.OK:
		return g.Want.String()
	case g.Lines == nil:
		return ""
	}
	return show(g.Conn, g.Lines)
}

// String formats the reply as a conversation has it.
func (r *Reply) String() string {
	if r.Any {
		return connPrefix(r.Conn) + "<*\n"
	}
	var b strings.Builder
	for i, l := range r.Lines {
		mark, text := "<", Show(l.Text)
		if i > 0 {
			mark = "|"
		}
		if l.Pattern != nil {
			mark, text = mark+"~", l.Text
		}
		b.WriteString(strings.TrimRight(connPrefix(r.Conn)+mark+" "+text, " ") + "\n")
	}
	return b.String()
}

func show(conn int, lines []string) string {
	r := Reply{Conn: conn}
	for _, l := range lines {
		r.Lines = append(r.Lines, Line{Text: l})
	}
	return r.String()
}

func connPrefix(conn int) string {
	if conn == 1 {
		return ""
	}
	return strconv.Itoa(conn)
}
