package command_test

import (
	"testing"
)

func TestShutdown(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	g.must("SHUTDOWN NOSAVE", "")
	if !h.stopped || !g.session.Closing {
		t.Error("the server was not stopped")
	}
}
