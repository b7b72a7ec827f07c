package observe

import (
	"testing"

	"mini-redis/services/mini-redis/internal/engine"
)

// countingPeer counts how often its address is read.
type countingPeer struct {
	peer
	reads *int
}

func (p countingPeer) Addr() string { *p.reads++; return p.peer.Addr() }

func TestAddressesOfAConnectionAreReadOnce(t *testing.T) {
	r := newRig(t)
	reads := 0
	session := func(id int64, remote string) *engine.Session {
		return &engine.Session{ID: id, Peer: countingPeer{peer{remote, "192.0.2.1:6379"}, &reads}}
	}
	mustHaveClient := func(s *engine.Session, want string) {
		t.Helper()
		r.sink.records = nil
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		call.Session, call.Parent, call.Traced = s, sampled(), true
		r.run(turn, call)
		_, attrs := attributes(t, r.mustRecord(t))
		if got := attrs["client.address"].AsString(); got != want {
			t.Errorf("client.address of session %d is %s, want %s", s.ID, got, want)
		}
	}
	first, second := session(7, "192.0.2.7:1"), session(8, "192.0.2.8:1")
	for range 5 {
		mustHaveClient(first, "192.0.2.7")
		mustHaveClient(second, "192.0.2.8")
	}
	if reads != 2 {
		t.Errorf("the addresses of 2 connections were read %d times", reads)
	}
}
