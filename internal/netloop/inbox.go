package netloop

import (
	"sync"
	"sync/atomic"
)

type effectKind uint8

const (
	effectPush     effectKind = iota // append data to the output
	effectReply                      // append data and continue with the requests behind
	effectComplete                   // completion belongs to the output so far
	effectKill                       // drop the output and close
)

// effect is what execution on another loop causes on a connection.
type effect struct {
	kind       effectKind
	c          *Conn
	data       []byte
	completion any
	update     Update
	overflow   bool // effectKill: because of an output limit
}

type controlKind uint8

const (
	controlAdopt controlKind = iota // a new connection
	controlDrain                    // the server stops
	controlAbort                    // close all connections now
	controlSweep                    // end the completions of stalled connections
)

// control is a message to a loop that does not come from execution.
type control struct {
	kind controlKind
	c    *Conn
}

// inbox holds what other goroutines want of a loop. Effects are appended under
// the handler's lock, in the order of execution. The mutex guards them against
// the loop, which also drains them without the handler's lock. An inbox is not
// bounded: what it holds for a connection is charged to that connection.
type inbox struct {
	mu       sync.Mutex
	effects  []effect
	controls []control
	closed   bool
	nonEmpty atomic.Bool // effects is not empty
}

// putResult is what became of an effect.
type putResult uint8

const (
	putNone  putResult = iota // appended; the loop has been woken already
	putFirst                  // appended; the loop has to be woken
	putOver                   // not appended: too many bytes wait for the connection
	putEnded                  // not appended: the loop has ended
)

// putEffect appends an effect whose data is charged to its connection, up to limit
// bytes.
func (b *inbox) putEffect(e effect, limit int) putResult {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return putEnded
	case e.kind == effectPush && e.c.posted+len(e.data) > limit:
		return putOver
	}
	e.c.posted += len(e.data)
	b.effects = append(b.effects, e)
	if len(b.effects) > 1 {
		return putNone
	}
	b.nonEmpty.Store(true)
	return putFirst
}

// putControl appends a control message; ok is false if the loop has ended.
func (b *inbox) putControl(m control) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.controls = append(b.controls, m)
	}
	return !b.closed
}

// takeEffects returns the effects and leaves spare in their place.
func (b *inbox) takeEffects(spare []effect) []effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.effects
	for i := range list {
		list[i].c.posted -= len(list[i].data)
	}
	b.effects = spare[:0]
	b.nonEmpty.Store(false)
	return list
}

func (b *inbox) takeControls() []control {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.controls
	b.controls = nil
	return list
}

// close makes every later put fail and returns what is left.
func (b *inbox) close() ([]effect, []control) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	effects, controls := b.effects, b.controls
	b.effects, b.controls = nil, nil
	b.nonEmpty.Store(false)
	return effects, controls
}

// len returns the number of effects.
func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.effects)
}
