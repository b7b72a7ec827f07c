package command_test

import (
	"fmt"
	"testing"
	"time"
)

func TestActiveExpiry(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	for i := range 5000 {
		g.do("SET", fmt.Sprint("k", i), "v", "PX", "50")
	}
	h.pass(400 * time.Millisecond)
	g.must("DBSIZE", ":0")
	if got := h.engine.Keyspace().Stats().Expired; got != 5000 {
		t.Errorf("%d expired", got)
	}
}
