package command_test

import (
	"testing"
	"time"
)

func TestTouchAndNoTouch(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	g.do("SET", "k", "v")
	g.do("CLIENT", "NO-TOUCH", "ON")
	h.clock.elapsed = 10 * time.Second
	g.do("GET", "k")
	g.must("OBJECT IDLETIME k", ":10")
	g.must("TOUCH k", ":1")
	g.must("OBJECT IDLETIME k", ":0")
}
