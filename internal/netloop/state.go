package netloop

import "fmt"

// State is the state of a connection.
//
//	Open      requests are read and executed
//	Blocked   a request waits for data; the requests behind it wait
//	Paused    a request waits for the end of a pause; the requests behind it wait
//	Draining  nothing more is read; the requests that have arrived are executed,
//	          and the connection closes when the output is sent
//	Closing   no request is executed; the connection closes when the output is sent
//	Closed    the socket is closed
type State uint8

// The states of a connection.
const (
	Open State = iota
	Blocked
	Paused
	Draining
	Closing
	Closed
)

var stateNames = [...]string{"open", "blocked", "paused", "draining", "closing", "closed"}

// String returns the state's name.
func (s State) String() string { return stateNames[s] }

// transitions lists the states that may follow a state.
var transitions = [...][]State{
	Open:     {Blocked, Paused, Draining, Closing, Closed},
	Blocked:  {Open, Paused, Draining, Closing, Closed},
	Paused:   {Open, Blocked, Draining, Closing, Closed},
	Draining: {Closing, Closed},
	Closing:  {Closed},
	Closed:   {},
}

// setState is the only function that changes a connection's state. It is called
// by the owning loop. A transition that is not listed is a programming error.
func (c *Conn) setState(next State) {
	for _, allowed := range transitions[c.state] {
		if allowed == next {
			c.state = next
			return
		}
	}
	panic(fmt.Sprintf("netloop: a connection changes from %v to %v", c.state, next))
}

// State returns the connection's state. Only its loop may call it.
func (c *Conn) State() State { return c.state }

// wait makes the requests behind the current one wait. A draining connection
// has nothing to wait for: it closes.
func (c *Conn) wait(next State) {
	switch c.state {
	case Open, Blocked, Paused:
		if c.state != next {
			c.setState(next)
		}
	case Draining:
		c.setState(Closing)
	}
}

// closeAfterOutput makes the connection close when its output is sent.
func (c *Conn) closeAfterOutput() {
	if c.state < Closing {
		c.setState(Closing)
	}
}

// continueAfterWait ends the states Blocked and Paused.
func (c *Conn) continueAfterWait() {
	if c.state != Blocked && c.state != Paused {
		return
	}
	if c.loop.draining {
		c.setState(Draining)
		return
	}
	c.setState(Open)
}

// executes reports whether the connection's next request may be executed now.
func (c *Conn) executes() bool {
	return (c.state == Open || c.state == Draining) && !c.backlogged()
}

// backlogged reports whether requests wait because the client does not read.
func (c *Conn) backlogged() bool {
	return !c.subscriber && c.out.unsent() > c.loop.server.limits.Backlog
}
