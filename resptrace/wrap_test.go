package resptrace

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace/wire"
)

// args returns the arguments that a command would send now, as one line.
func args(cmd redis.Cmder) string {
	line := ""
	for _, a := range cmd.Args() {
		if s, ok := a.(*string); ok {
			a = *s
		}
		line += fmt.Sprint(a) + " "
	}
	return line
}

// The reply of HELLO on another connection can change hook.traced while a batch is
// being written. A batch with only some wrapped commands could be partly rejected.
func TestBatchUsesOneDecisionPerAttempt(t *testing.T) {
	h := &hook{config: &config{}, canWrap: true}
	h.traced.Store(true)
	b := &batch{hook: h}
	b.carrier.Set("f", "v")
	ctx := context.Background()
	cmds := b.wrap([]redis.Cmder{redis.NewCmd(ctx, "multi"), redis.NewCmd(ctx, "get", "a"), redis.NewCmd(ctx, "get", "b"), redis.NewCmd(ctx, "exec")})
	write := func() (lines string) {
		for i, cmd := range cmds {
			lines += args(cmd)
			if i == 1 {
				h.traced.Store(!h.traced.Load())
			}
		}
		return lines
	}
	for _, want := range []string{
		"multi TRACED 1 f v get a TRACED 1 f v get b exec ", // traced was true at the start of the attempt
		"multi get a get b exec ",                           // traced was false at the start of the attempt
		"multi TRACED 1 f v get a TRACED 1 f v get b exec ",
	} {
		if got := write(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A single command decides in each attempt whether to send TRACED.
func TestCommandDecidesWhenItIsWritten(t *testing.T) {
	h := &hook{config: &config{}}
	w := &tracedCmd{Cmder: redis.NewCmd(context.Background(), "get", "a"), hook: h}
	w.carrier.Set("f", "v")
	for _, knows := range []bool{false, true, false} {
		h.traced.Store(knows)
		want := map[bool]string{false: "get a ", true: "TRACED 1 f v get a "}[knows]
		if got := args(w); got != want || w.sent != knows {
			t.Errorf("got %q (%v), want %q", got, w.sent, want)
		}
	}
}

// TestWrappedArgsMatchWireAppend compares appendTraced with wire.Append.
func TestWrappedArgsMatchWireAppend(t *testing.T) {
	h := &hook{config: &config{}}
	h.traced.Store(true)
	words := []any{"mset"}
	for i := range 20 {
		words = append(words, fmt.Sprint(i))
	}
	w := &tracedCmd{Cmder: redis.NewCmd(context.Background(), words...), hook: h}
	for i := range wire.MaxFields {
		w.carrier.Set(fmt.Sprintf("f%d", i), "v")
	}
	want := ""
	for _, a := range wire.Append(nil, &w.carrier, words...) {
		want += fmt.Sprint(a) + " "
	}
	if got := args(w); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Random command names of a program and random error codes of a script must not
// use unlimited memory.
func TestOperationsAndOutcomesAreLimited(t *testing.T) {
	var ops operations
	ops.init(nil)
	for i := range 2 * maxOperations {
		ops.get(singleCommand, fmt.Sprintf("made-up-%d", i))
	}
	if n := len(*ops.known.Load()); n > maxOperations {
		t.Errorf("%d operations", n)
	}
	if got := ops.get(pipeline, "one-more").name; got != "PIPELINE _OTHER" {
		t.Errorf("operation %q", got)
	}
	op := ops.get(singleCommand, "made-up-1")
	for i := range 2 * maxOutcomes {
		op.recordOptions(outcome{status: fmt.Sprintf("E%d", i), kind: "x"})
	}
	if n := len(*op.outcomes.Load()); n > maxOutcomes+1 {
		t.Errorf("%d outcomes", n)
	}
}
