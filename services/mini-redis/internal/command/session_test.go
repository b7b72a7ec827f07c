package command_test

import (
	"testing"
)

// TestDrop: a dropped session leaves no subscription, no waiting request, no transaction
// and no postponed request.
func TestDrop(t *testing.T) {
	h := newHarness(t)
	gone, other := h.connect(), h.connect()
	gone.do("SUBSCRIBE", "a")
	gone.do("PSUBSCRIBE", "a*")
	h.engine.Drop(gone.session)
	other.must("PUBLISH a x", ":0")

	gone = h.connect()
	gone.do("BLPOP", "q", "p", "100")
	h.engine.Drop(gone.session)
	other.must("RPUSH q x", ":1")
	other.must("LLEN q", ":1")
	if h.engine.BlockedClients() != 0 || h.engine.NextDeadline() != 0 {
		t.Errorf("%d clients are blocked, a deadline at %d", h.engine.BlockedClients(), h.engine.NextDeadline())
	}

	gone = h.connect()
	gone.do("WATCH", "w")
	gone.do("MULTI")
	gone.do("SET", "w", "1")
	h.engine.Drop(gone.session)
	other.must("GET w", "$-1")

	gone = h.connect()
	other.do("CLIENT", "PAUSE", "60000", "WRITE")
	gone.do("SET", "k", "v")
	h.engine.Drop(gone.session)
	other.must("CLIENT UNPAUSE", "+OK")
	other.must("GET k", "$-1")
	gone.mustHave("the dropped client", "")
}
