package resptrace_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace"
)

func TestCallIsOneSpanAndSendsItsContext(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, parent := sampledContext()
	must(t, c.Set(ctx, "k", "secret", 0).Err())

	span := l.takeSpan()
	if span.SpanContext.TraceID() != parent.TraceID() || span.Parent.SpanID() != parent.SpanID() {
		t.Errorf("span %v is not a child of %v", span.SpanContext, parent)
	}
	want := "SET client db.namespace=0 db.operation.name=SET db.system.name=redis"
	if got := describe(span); got != want {
		t.Errorf("span\n got %s\nwant %s", got, want)
	}
	requests := s.all()
	last := requests[len(requests)-1]
	want = "*7\r\n" + bulk("TRACED") + bulk("1") + bulk("traceparent") + bulk(contextOf(span)) + bulk("set") + bulk("k") + bulk("secret")
	if last.raw != want {
		t.Errorf("on the wire\n got %q\nwant %q", last.raw, want)
	}
	mustLines(t, "ran", s.executed(), "SET k secret")
}

func TestServerAndPeerAddress(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, func(o *redis.Options) { o.DB = 3 })
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	span := l.takeSpan()
	host, port := attr(span, "server.address").AsString(), attr(span, "server.port").String()
	peer, peerPort := attr(span, "network.peer.address").AsString(), attr(span, "network.peer.port").String()
	if host+":"+port != s.addr || peer+":"+peerPort != s.addr {
		t.Errorf("server %s:%s, peer %s:%s, want %s", host, port, peer, peerPort, s.addr)
	}
	if got := attr(span, "db.namespace").AsString(); got != "3" {
		t.Errorf("namespace %q", got)
	}
}

func TestUnsampledCallIsSentUnchanged(t *testing.T) {
	calls := func(c *redis.Client, ctx context.Context) {
		must(t, c.Set(ctx, "k", "v", time.Minute).Err())
		must(t, c.Get(ctx, "k").Err())
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Incr(ctx, "n"); return nil })
		must(t, err)
		_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "n"); return nil })
		must(t, err)
	}
	raw := func(s *server) string {
		var b strings.Builder
		for _, r := range s.all() {
			if !isSetupCommand(r.args) {
				b.WriteString(r.raw)
			}
		}
		return b.String()
	}
	plainServer := newServer(t)
	plain := redis.NewClient(&redis.Options{Addr: plainServer.addr, MaxRetries: -1, PipelinePoolSize: -1})
	defer plain.Close()
	calls(plain, unsampledContext())

	l, s := newTestTelemetry(t), newServer(t)
	calls(l.client(s, nil), unsampledContext())
	if got, want := raw(s), raw(plainServer); got != want {
		t.Errorf("on the wire\n got %q\nwant %q", got, want)
	}
	if spans := l.takeSpans(); len(spans) > 0 {
		t.Errorf("spans %q", describeAll(spans))
	}
}

func TestCallWithoutParentIsTraced(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	must(t, c.Ping(context.Background()).Err())
	span := l.takeSpan()
	if span.Parent.IsValid() {
		t.Errorf("parent %v", span.Parent)
	}
	mustLines(t, "sent", s.sent(), "TRACED 1 traceparent <context> ping")
}

func TestErrorReplyIsRecordedAsItsCode(t *testing.T) {
	const before, after = "LPUSH client db.namespace=0 db.operation.name=LPUSH ", "db.system.name=redis"
	for reply, want := range map[string]string{
		"-WRONGTYPE Operation against a key holding\r\n": before + "db.response.status_code=WRONGTYPE " + after + " error.type=WRONGTYPE Error",
		"-ERR secret k v\r\n":                            before + "db.response.status_code=ERR " + after + " error.type=ERR Error",
		"-my script says secret\r\n":                     before + after + " error.type=_OTHER Error",
		"-MOVED 1 127.0.0.1:1\r\n":                       before + "db.response.status_code=MOVED " + after + " error.type=MOVED Error",
		"$-1\r\n":                                        before + after,
	} {
		l := newTestTelemetry(t)
		s := newServer(t, func(s *server) {
			s.answer = func(_ *client, args []string) (string, bool) { return reply, args[0] == "lpush" }
		})
		ctx, _ := sampledContext()
		if err := l.client(s, nil).LPush(ctx, "k", "v").Err(); err == nil {
			t.Errorf("%q: no error", reply)
		}
		span := l.takeSpan()
		if got := describe(span); got != want {
			t.Errorf("%q\n got %s\nwant %s", reply, got, want)
		}
		if len(span.Events) > 0 {
			t.Errorf("%q: events %v", reply, span.Events)
		}
	}
}

func TestErrorTypeOfClientErrors(t *testing.T) {
	ctx, _ := sampledContext()
	kind := func(l *testTelemetry, err error) string {
		t.Helper()
		if err == nil {
			t.Fatal("no error")
		}
		span := l.takeSpan()
		if attr(span, "db.response.status_code").AsString() != "" {
			t.Errorf("status code without a reply: %s", describe(span))
		}
		return attr(span, "error.type").AsString()
	}
	l := newTestTelemetry(t)
	silent := newServer(t, func(s *server) {
		s.answer = func(c *client, args []string) (string, bool) {
			c.drop = args[0] == "get"
			return "", args[0] == "get"
		}
	})
	if got := kind(l, l.client(silent, nil).Get(ctx, "k").Err()); got != "io.EOF" {
		t.Errorf("closed connection: %s", got)
	}
	mustLines(t, "sent once", silent.sent(), "TRACED 1 traceparent <context> get k")

	c := l.client(newServer(t), nil)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if got := kind(l, c.Get(canceled, "k").Err()); got != "context.Canceled" {
		t.Errorf("canceled: %s", got)
	}
	must(t, c.Close())
	if got := kind(l, c.Get(ctx, "k").Err()); got != "redis.ErrClosed" {
		t.Errorf("closed client: %s", got)
	}
	slow := newServer(t, func(s *server) {
		s.answer = func(_ *client, args []string) (string, bool) { return "", args[0] == "get" }
	})
	hasty := l.client(slow, func(o *redis.Options) { o.ReadTimeout = 20 * time.Millisecond })
	if got := kind(l, hasty.Get(ctx, "k").Err()); got != "timeout" {
		t.Errorf("timeout: %s", got)
	}
}

func TestSpanNameIsACommandNameOrOther(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	for _, name := range []string{"get user:42", "", strings.Repeat("x", 40), "käse", "7up"} {
		_ = c.Do(ctx, name, "k").Err()
		if span := l.takeSpan(); span.Name != "_OTHER" {
			t.Errorf("%q became %q", name, span.Name)
		}
	}
	_ = c.Do(ctx, "Json.Set", "k").Err()
	if span := l.takeSpan(); span.Name != "JSON.SET" {
		t.Errorf("Json.Set became %q", span.Name)
	}
}

func TestFilter(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil, resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() != "ping" }))
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); return nil })
	must(t, err)
	_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); p.Incr(ctx, "n"); return nil })
	must(t, err)
	mustLines(t, "spans", l.takeNames(), "PIPELINE")
	mustLines(t, "sent", s.sent(), "ping", "ping", "ping", "TRACED 1 traceparent <context> incr n")
}

func TestWithKeys(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil, resptrace.WithKeys(true))
	ctx, _ := sampledContext()
	query := func() string { t.Helper(); return attr(l.takeSpan(), "db.query.text").AsString() }
	must(t, c.Set(ctx, "user:42", "secret", time.Minute).Err())
	if got := query(); got != "SET user:42 ? ? ?" {
		t.Error(got)
	}
	must(t, c.MSet(ctx, "a", "secret", "b", "secret").Err())
	if got := query(); got != "MSET a ? b ?" {
		t.Error(got)
	}
	_ = c.Eval(ctx, "return secret", []string{"a", "b"}, "secret").Err()
	if got := query(); got != "EVAL ? ? a b ?" {
		t.Error(got)
	}
	_ = c.Do(ctx, "NEWCMD", "secret").Err()
	if got := query(); got != "NEWCMD ?" {
		t.Error(got)
	}
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Del(ctx, "k", "l"); return nil })
	if !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	if got := query(); got != "MULTI; GET k; DEL k l; EXEC" {
		t.Error(got)
	}
	_ = c.Set(ctx, strings.Repeat("é", 2000), "secret", 0).Err()
	if got := query(); len(got) > 1024 || !strings.HasSuffix(got, "é...") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-8:])
	}
}

func TestWaitTimeAttribute(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t, isStock)
	release := make(chan struct{})
	c := l.client(s, func(o *redis.Options) {
		o.PoolSize = 1
		o.OnConnect = func(context.Context, *redis.Conn) error { <-release; return nil }
	})
	ctx, _ := sampledContext()
	const wait = 30 * time.Millisecond
	time.AfterFunc(wait, func() { close(release) })
	must(t, c.Get(ctx, "k").Err(), redis.Nil)
	span := l.takeSpan()
	waited := time.Duration(attr(span, "resptrace.wait_ns").AsInt64())
	if waited < wait/2 || waited > span.EndTime.Sub(span.StartTime) {
		t.Errorf("waited %v of %v", waited, span.EndTime.Sub(span.StartTime))
	}
}

func TestParentSpanIsNotModified(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, outer := l.tracers.Tracer("program").Start(context.Background(), "outer")
	must(t, c.Ping(ctx).Err())
	outer.End()
	spans := l.takeSpans()
	if len(spans) != 2 || spans[0].Name != "PING" || spans[0].Parent.SpanID() != spans[1].SpanContext.SpanID() {
		t.Errorf("spans %q", describeAll(spans))
	}
	if len(spans[1].Attributes)+len(spans[1].Events) > 0 || spans[1].SpanKind != trace.SpanKindInternal {
		t.Errorf("the program's span was changed: %s", describe(spans[1]))
	}
}
