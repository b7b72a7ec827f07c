package resptrace_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const tracedWord = "TRACED 1 traceparent <context> "

func TestABatchIsOneSpanWhoseContextAllCommandsCarry(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, parent := inTrace()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "k", "v", 0)
		p.Get(ctx, "k")
		p.Incr(ctx, "n")
		return nil
	})
	must(t, err)
	span := l.one()
	want := "PIPELINE client db.namespace=0 db.operation.batch.size=3 db.operation.name=PIPELINE db.system.name=redis"
	if got := described(span); got != want || span.Parent.SpanID() != parent.SpanID() {
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
		t.Errorf("%d commands with a context", n)
	}
}

func TestNamesOfBatches(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
	one := func(p redis.Pipeliner) error { p.Get(ctx, "k"); return nil }
	same := func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Get(ctx, "l"); return nil }
	mixed := func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Incr(ctx, "n"); return nil }
	for _, fn := range []func(redis.Pipeliner) error{one, same, mixed} {
		_, err := c.Pipelined(ctx, fn)
		must(t, err, redis.Nil)
		_, err = c.TxPipelined(ctx, fn)
		must(t, err, redis.Nil)
	}
	const attrs = " client db.namespace=0 db.operation.batch.size=2 db.operation.name="
	mustLines(t, "spans", text(l.ended()),
		"GET client db.namespace=0 db.operation.name=GET db.system.name=redis",
		"MULTI GET client db.namespace=0 db.operation.name=MULTI GET db.system.name=redis",
		"PIPELINE GET"+attrs+"PIPELINE GET db.system.name=redis",
		"MULTI GET"+attrs+"MULTI GET db.system.name=redis",
		"PIPELINE"+attrs+"PIPELINE db.system.name=redis",
		"MULTI"+attrs+"MULTI db.system.name=redis")
}

func TestATransactionKeepsMultiAndExecPlain(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
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
	mustLines(t, "sent", s.sent(), "multi", tracedWord+"set n 1", tracedWord+"incr n", "exec")
}

func TestOneErrorMakesABatchFail(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Get(ctx, "none")
		p.LPush(ctx, "k", "v")
		p.Incr(ctx, "n")
		return nil
	})
	if !errors.Is(err, redis.Nil) { // go-redis returns the first of all, ours must not change it
		t.Errorf("error %v", err)
	}
	want := "PIPELINE client db.namespace=0 db.operation.batch.size=3 db.operation.name=PIPELINE " +
		"db.response.status_code=WRONGTYPE db.system.name=redis error.type=WRONGTYPE Error"
	if got := described(l.one()); got != want {
		t.Errorf("span\n got %s\nwant %s", got, want)
	}
}

func TestFallbackOfAPipelineRepeatsOnlyWhatWasRefused(t *testing.T) {
	l, s := newLab(t), newServer(t, pretends)
	c := l.client(s, nil)
	ctx, _ := inTrace()
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
	mustLines(t, "sent", s.sent(), tracedWord+"incr a", "unwatch", tracedWord+"incr b", tracedWord+"get none", "incr a", "incr b", "get none")
	mustLines(t, "ran", s.executed(), "INCR a", "INCR b", "GET none")
	if got := described(l.one()); strings.Contains(got, "Error") {
		t.Error(got)
	}
	_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "a"); p.Incr(ctx, "b"); return nil })
	must(t, err)
	mustLines(t, "then sent", s.sent(), "incr a", "incr b")
}

// TestARefusedTransactionIsNotRepeated: EXECABORT has let go of the watched key,
// and to commit now would write over what another client wrote meanwhile.
func TestARefusedTransactionIsNotRepeated(t *testing.T) {
	l, s := newLab(t), newServer(t, pretends)
	c := l.client(s, nil)
	ctx, _ := inTrace()
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
	mustLines(t, "sent", s.sent(), "watch k", "multi", tracedWord+"set k ours", "exec")
	mustLines(t, "ran", s.executed())
	must(t, deposit())
	mustLines(t, "then sent", s.sent(), "watch k", "multi", "set k ours", "exec")
	mustLines(t, "then ran", s.executed(), "SET k ours")
}

func TestALostWatchIsNoError(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
	err := c.Watch(ctx, func(tx *redis.Tx) error {
		s.set(func(s *server) { s.put("k", "theirs") })
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "k", "ours", 0); return nil })
		return err
	}, "k")
	if !errors.Is(err, redis.TxFailedErr) {
		t.Errorf("error %v", err)
	}
	for _, span := range l.ended() {
		if strings.Contains(described(span), "rror") {
			t.Error(described(span))
		}
	}
}

// TestABatchThatDiesIsNotRepeated: nobody knows how much of it ran.
func TestABatchThatDiesIsNotRepeated(t *testing.T) {
	l := newLab(t)
	s := newServer(t, pretends, func(s *server) {
		s.answer = func(c *client, args []string) (string, bool) {
			c.drop = args[0] == "unwatch"
			return "", c.drop
		}
	})
	c := l.client(s, nil)
	ctx, _ := inTrace()
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "a"); p.Do(ctx, "unwatch"); p.Incr(ctx, "b"); return nil })
	if err == nil {
		t.Fatal("no error")
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err == nil || strings.Contains(err.Error(), "TRACED") {
			t.Errorf("%s: error %v", cmd.Name(), err)
		}
	}
	mustLines(t, "sent", s.sent(), tracedWord+"incr a", "unwatch")
	mustLines(t, "ran", s.executed())
}

func TestAnEmptyPropagatorSendsPlainCommands(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil, noPropagator())
	ctx, _ := inTrace()
	must(t, c.Ping(ctx).Err())
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); p.Incr(ctx, "n"); return nil })
	must(t, err)
	mustLines(t, "sent", s.sent(), "ping", "ping", "incr n")
	mustLines(t, "spans", l.names(), "PING", "PIPELINE")
}

func TestPubSubIsNotDisturbed(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	must(t, c.Publish(ctx, "news", "hello").Err())
	mustLines(t, "sent", s.sent(), "subscribe news", tracedWord+"publish news hello")
	mustLines(t, "spans", l.names(), "PUBLISH")
}

func TestAutoPipeline(t *testing.T) {
	for _, deferred := range []bool{false, true} {
		l, s := newLab(t), newServer(t)
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
			t.Errorf("%d ran", n)
		}
		if len(l.ended()) == 0 {
			t.Error("no span")
		}
	}
}
