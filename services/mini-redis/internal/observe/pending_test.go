package observe

import (
	"testing"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestPendingSpansAreBounded(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxPending = 3 })
	turn := turnAt(1000)
	var pending []engine.Pending
	for range 5 {
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		if p := r.Command(turn, call); p != nil {
			pending = append(pending, p)
		}
	}
	if len(pending) != 3 || r.overPending != 2 {
		t.Fatalf("%d pending, %d refused", len(pending), r.overPending)
	}
	r.Flushed(pending, 5000)
	if n := r.pending.count.Load(); n != 0 {
		t.Errorf("%d still pending", n)
	}
	call := callIn(turn, specGet)
	call.Parent, call.Traced = sampled(), true
	if r.Command(turn, call) == nil {
		t.Error("no span although there is room again")
	}
}
