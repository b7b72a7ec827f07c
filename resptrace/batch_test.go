package resptrace_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const tracedPrefix = "TRACED 1 traceparent <context> "

func TestAllCommandsOfABatchCarryTheContextOfItsSpan(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, parent := sampledContext()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "k", "v", 0)
		p.Get(ctx, "k")
		p.Incr(ctx, "n")
		return nil
	})
	must(t, err)
	span := l.takeSpan()
	want := "PIPELINE client db.namespace=0 db.operation.batch.size=3 db.operation.name=PIPELINE db.system.name=redis"
	if got := describe(span); got != want || span.Parent.SpanID() != parent.SpanID() {
		t.Errorf("span\n got %s\nwant %s", got, want)
	}
	n := 0
	for _, r := range s.all() {
		if r.args[0] == "TRACED" {
			n++
			if r.args[3] != contextOf(span) {
				t.Errorf("context %s, want %s", r.args[3], contextOf(span))
			}
		}
	}
	if n != 3 {
		t.Errorf("%d commands with a context, want 3", n)
	}
}

func TestBatchSpanNames(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	single := func(p redis.Pipeliner) error { p.Get(ctx, "k"); return nil }
	same := func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Get(ctx, "l"); return nil }
	mixed := func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Incr(ctx, "n"); return nil }
	for _, fn := range []func(redis.Pipeliner) error{single, same, mixed} {
		_, err := c.Pipelined(ctx, fn)
		must(t, err, redis.Nil)
		_, err = c.TxPipelined(ctx, fn)
		must(t, err, redis.Nil)
	}
	const attrs = " client db.namespace=0 db.operation.batch.size=2 db.operation.name="
	mustLines(t, "spans", describeAll(l.takeSpans()),
		"GET client db.namespace=0 db.operation.name=GET db.system.name=redis",
		"MULTI GET client db.namespace=0 db.operation.name=MULTI GET db.system.name=redis",
		"PIPELINE GET"+attrs+"PIPELINE GET db.system.name=redis",
		"MULTI GET"+attrs+"MULTI GET db.system.name=redis",
		"PIPELINE"+attrs+"PIPELINE db.system.name=redis",
		"MULTI"+attrs+"MULTI db.system.name=redis")
}

func TestMultiAndExecAreNotWrapped(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	var sum *redis.IntCmd
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "n", "1", 0)
		sum = p.Incr(ctx, "n")
		return nil
	})
	must(t, err)
	if sum.Val() != 2 {
		t.Errorf("n is %d", sum.Val())
	}
	mustLines(t, "sent", s.sent(), "multi", tracedPrefix+"set n 1", tracedPrefix+"incr n", "exec")
}

func TestOneErrorFailsTheBatchSpan(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Get(ctx, "none")
		p.LPush(ctx, "k", "v")
		p.Incr(ctx, "n")
		return nil
	})
	if !errors.Is(err, redis.Nil) { // go-redis returns the first error; the hook must not change it
		t.Errorf("error %v", err)
	}
	want := "PIPELINE client db.namespace=0 db.operation.batch.size=3 db.operation.name=PIPELINE " +
		"db.response.status_code=WRONGTYPE db.system.name=redis error.type=WRONGTYPE Error"
	if got := describe(l.takeSpan()); got != want {
		t.Errorf("span\n got %s\nwant %s", got, want)
	}
}

func TestPipelineFallbackResendsOnlyRejectedCommands(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t, claimsTraced)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, "a")
		p.Do(ctx, "unwatch")
		p.Incr(ctx, "b")
		p.Get(ctx, "none")
		return nil
	})
	must(t, err, redis.Nil)
	if a, b := cmds[0].(*redis.IntCmd).Val(), cmds[2].(*redis.IntCmd).Val(); a != 1 || b != 1 {
		t.Errorf("a=%d b=%d", a, b)
	}
	mustLines(t, "sent", s.sent(), tracedPrefix+"incr a", "unwatch", tracedPrefix+"incr b", tracedPrefix+"get none", "incr a", "incr b", "get none")
	mustLines(t, "ran", s.executed(), "INCR a", "INCR b", "GET none")
	if got := describe(l.takeSpan()); strings.Contains(got, "Error") {
		t.Error(got)
	}
	_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "a"); p.Incr(ctx, "b"); return nil })
	must(t, err)
	mustLines(t, "then sent", s.sent(), "incr a", "incr b")
}

// EXECABORT ends WATCH, so a repeated transaction could overwrite what another
// client has written meanwhile.
func TestRejectedTransactionIsNotRepeated(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t, claimsTraced)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	deposit := func() error {
		return c.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "k", "ours", 0); return nil })
			s.set(func(s *server) { s.put("k", "theirs") })
			return err
		}, "k")
	}
	if err := deposit(); !redis.IsExecAbortError(err) {
		t.Errorf("error %v, want EXECABORT", err)
	}
	mustLines(t, "sent", s.sent(), "watch k", "multi", tracedPrefix+"set k ours", "exec")
	mustLines(t, "ran", s.executed())
	must(t, deposit())
	mustLines(t, "then sent", s.sent(), "watch k", "multi", "set k ours", "exec")
	mustLines(t, "then ran", s.executed(), "SET k ours")
}

func TestAbortByWatchIsNotAnError(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	err := c.Watch(ctx, func(tx *redis.Tx) error {
		s.set(func(s *server) { s.put("k", "theirs") })
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "k", "ours", 0); return nil })
		return err
	}, "k")
	if !errors.Is(err, redis.TxFailedErr) {
		t.Errorf("error %v", err)
	}
	for _, span := range l.takeSpans() {
		if strings.Contains(describe(span), "rror") {
			t.Error(describe(span))
		}
	}
}

// After a connection failure it is unknown which commands were executed.
func TestBatchIsNotRepeatedAfterConnectionFailure(t *testing.T) {
	l := newTestTelemetry(t)
	s := newServer(t, claimsTraced, func(s *server) {
		s.answer = func(c *client, args []string) (string, bool) {
			c.drop = args[0] == "unwatch"
			return "", c.drop
		}
	})
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "a"); p.Do(ctx, "unwatch"); p.Incr(ctx, "b"); return nil })
	if err == nil {
		t.Fatal("no error")
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err == nil || strings.Contains(err.Error(), "TRACED") {
			t.Errorf("%s: error %v", cmd.Name(), err)
		}
	}
	mustLines(t, "sent", s.sent(), tracedPrefix+"incr a", "unwatch")
	mustLines(t, "ran", s.executed())
}

func TestEmptyPropagatorSendsPlainCommands(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil, withoutPropagator())
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); p.Incr(ctx, "n"); return nil })
	must(t, err)
	mustLines(t, "sent", s.sent(), "ping", "ping", "incr n")
	mustLines(t, "spans", l.takeNames(), "PING", "PIPELINE")
}

func TestPubSubWorks(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	must(t, c.Publish(ctx, "news", "hello").Err())
	mustLines(t, "sent", s.sent(), "subscribe news", tracedPrefix+"publish news hello")
	mustLines(t, "spans", l.takeNames(), "PUBLISH")
}

func TestAutoPipeline(t *testing.T) {
	for _, deferred := range []bool{false, true} {
		l, s := newTestTelemetry(t), newServer(t)
		c := l.client(s, nil)
		ap, err := c.AutoPipeline()
		if deferred {
			ap, err = c.AsyncAutoPipeline()
		}
		must(t, err)
		ctx := context.Background()
		var cmds []*redis.IntCmd
		for range 20 {
			cmds = append(cmds, ap.Incr(ctx, "n"))
		}
		for _, cmd := range cmds {
			must(t, cmd.Err())
		}
		must(t, ap.Close())
		if n := len(s.executed()); n != 20 {
			t.Errorf("%d commands executed, want 20", n)
		}
		if len(l.takeSpans()) == 0 {
			t.Error("no span")
		}
	}
}
