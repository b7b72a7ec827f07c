package ordertest

import (
	"context"
	"fmt"
	"strconv"
)

// pipeline sends pipelines to keys that no other connection uses. All replies are known
// in advance.
func (r *round) pipeline(ctx context.Context, index int) error {
	c, err := r.dial(ctx, fmt.Sprintf("pipeline %d", index), 2+index%2)
	if err != nil {
		return err
	}
	p := &ownKeys{c: c, counter: fmt.Sprintf("private:%d:counter", index), list: fmt.Sprintf("private:%d:list", index)}
	for !r.stopped() {
		for range 1 + c.rnd.IntN(30) {
			p.act()
		}
		n := int64(len(c.pending))
		if err := c.finish(); err != nil {
			return err
		}
		r.count(&r.report.Pipelined, n)
	}
	return nil
}

// ownKeys is the model of a connection's own keys.
type ownKeys struct {
	c             *conn
	counter, list string
	n             int64
	elements      []string
}

// act appends a random request.
func (p *ownKeys) act() {
	c := p.c
	token := strconv.Itoa(c.rnd.Int())
	switch c.rnd.IntN(10) {
	case 0, 1, 2:
		p.n++
		c.ask(number(p.n), "INCR", p.counter)
	case 3:
		c.ask(bulk(token), "ECHO", token)
	case 4:
		c.ask(status("PONG"), "PING")
	case 5:
		p.elements = append(p.elements, token)
		c.ask(number(int64(len(p.elements))), "RPUSH", p.list, token)
	case 6:
		p.blockingPop()
	case 7:
		n := p.n + 1
		p.n += 2
		c.transaction([][]string{{"INCR", p.counter}, {"ECHO", token}, {"INCR", p.counter}}, number(n), bulk(token), number(n+1))
	case 8:
		c.ask(status("OK"), "MULTI")
		c.ask(status("QUEUED"), "INCR", p.counter)
		c.ask(status("OK"), "DISCARD")
	case 9:
		c.ask(number(int64(len(p.elements))), "LLEN", p.list)
	}
}

// blockingPop asks for an element. An empty list makes it wait for 1 to 5 ms, in which
// the requests behind it wait too.
func (p *ownKeys) blockingPop() {
	c := p.c
	command := []string{"BLPOP", "BRPOP"}[c.rnd.IntN(2)]
	timeout := fmt.Sprintf("0.00%d", 1+c.rnd.IntN(5))
	n := len(p.elements)
	if n == 0 {
		c.ask(isNull, command, p.list, timeout)
		return
	}
	popped := p.elements[0]
	if command == "BRPOP" {
		popped, p.elements = p.elements[n-1], p.elements[:n-1]
	} else {
		p.elements = p.elements[1:]
	}
	c.ask(array(bulk(p.list), bulk(popped)), command, p.list, timeout)
}
