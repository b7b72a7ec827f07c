package resptrace_test

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace"
)

func TestDiscoveryByHello(t *testing.T) {
	for name, protocol := range map[string]int{"RESP2": 2, "RESP3": 3} {
		t.Run(name, func(t *testing.T) {
			l := newTestTelemetry(t)
			ctx, _ := sampledContext()
			use := func(c *redis.Client) { t.Helper(); must(t, c.Ping(ctx).Err()) }
			withProtocol := func(o *redis.Options) { o.Protocol = protocol }

			knows, stock, ancient := newServer(t), newServer(t, isStock), newServer(t, withoutHello)
			use(l.client(knows, withProtocol))
			use(l.client(stock, withProtocol))
			use(l.client(ancient, withProtocol))
			mustLines(t, "with TRACED support", knows.sent(), "TRACED 1 traceparent <context> ping")
			mustLines(t, "stock", stock.sent(), "ping")
			mustLines(t, "without HELLO", ancient.sent(), "ping")
			mustLines(t, "spans", l.takeNames(), "PING", "PING", "PING")
		})
	}
}

func TestHandshakeHasNoSpanAndNoContext(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, func(o *redis.Options) { o.DB, o.ClientName, o.Username, o.Password = 1, "me", "u", "p" })
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	mustLines(t, "spans", l.takeNames(), "PING")
	for _, r := range s.all() {
		if r.args[0] == "TRACED" && r.args[len(r.args)-1] != "ping" {
			t.Errorf("wrapped: %q", r.args)
		}
	}
}

func TestLibraryNameContainsResptrace(t *testing.T) {
	for name, set := range map[string]func(*server){"with TRACED support": func(*server) {}, "stock": isStock} {
		t.Run(name, func(t *testing.T) {
			l, s := newTestTelemetry(t), newServer(t, set)
			c := l.client(s, func(o *redis.Options) { o.IdentitySuffix = "app" })
			must(t, c.Ping(unsampledContext()).Err())
			var names, versions int
			for _, r := range s.all() {
				switch {
				case len(r.args) == 4 && r.args[2] == "LIB-NAME":
					names++
					if got := r.args[3]; !strings.HasPrefix(got, "go-redis(app,go1.") || !strings.HasSuffix(got, ",resptrace)") {
						t.Errorf("library name %q", got)
					}
				case len(r.args) == 4 && r.args[2] == "LIB-VER":
					versions++
				}
			}
			if names != 1 || versions != 1 {
				t.Errorf("sent %d library names and %d versions, want 1 and 1", names, versions)
			}
		})
	}
}

// TestReplacedServer replaces the server behind an address several times. Calls on
// an open connection fail as without a hook. Calls after the next HELLO need no
// failed attempt.
func TestReplacedServer(t *testing.T) {
	l, first := newTestTelemetry(t), newServer(t)
	c := l.client(first, nil)
	ctx, _ := sampledContext()
	use := func() error {
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "a"); p.Incr(ctx, "b"); return nil })
		if err != nil {
			return err
		}
		return c.Incr(ctx, "c").Err()
	}
	must(t, use())
	const traced = "TRACED 1 traceparent <context> incr "
	mustLines(t, "first", first.sent(), traced+"a", traced+"b", traced+"c")

	second := first.replaceBy(isStock)
	_ = c.Ping(ctx).Err() // fails on the closed connection, or already uses a new one
	second.sent()
	must(t, use())
	mustLines(t, "stock", second.sent(), "incr a", "incr b", "incr c")

	third := second.replaceBy()
	_ = c.Ping(ctx).Err()
	third.sent()
	must(t, use())
	mustLines(t, "third", third.sent(), traced+"a", traced+"b", traced+"c")

	ancient := third.replaceBy(withoutHello)
	_ = c.Ping(ctx).Err()
	must(t, use())
	for _, line := range ancient.sent() {
		if strings.HasPrefix(line, "TRACED") {
			t.Errorf("sent to a server without HELLO: %q", line)
		}
	}
}

func TestCommandFallback(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t, claimsTraced)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	if n, err := c.Incr(ctx, "n").Result(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	mustLines(t, "sent", s.sent(), "TRACED 1 traceparent <context> incr n", "incr n")
	mustLines(t, "ran", s.executed(), "INCR n")
	must(t, c.Incr(ctx, "n").Err())
	mustLines(t, "then sent", s.sent(), "incr n")
	for _, span := range l.takeSpans() {
		if got := describe(span); got != "INCR client db.namespace=0 db.operation.name=INCR db.system.name=redis" {
			t.Error(got)
		}
	}
}

func TestFallbackForErrorTextBeforeRedis7(t *testing.T) {
	l := newTestTelemetry(t)
	old := newServer(t, func(s *server) {
		s.claims = true
		s.answer = func(_ *client, args []string) (string, bool) {
			return "-ERR unknown command `TRACED`, with args beginning with: `1`, \r\n", args[0] == "get" && len(s.requests[len(s.requests)-1].args) > 2
		}
	})
	ctx, _ := sampledContext()
	must(t, l.client(old, nil).Get(ctx, "k").Err(), redis.Nil)
	mustLines(t, "sent", old.sent(), "TRACED 1 traceparent <context> get k", "get k")
}

func TestNoFallbackForOtherErrors(t *testing.T) {
	for _, reply := range []string{
		"-ERR unknown command 'TRACEDX', with args beginning with: \r\n", "-ERR unknown command 'get', with args\r\n",
		"-ERR syntax error in TRACED: no command\r\n", "-NOAUTH Authentication required.\r\n", "-LOADING Redis is loading\r\n",
	} {
		l := newTestTelemetry(t)
		s := newServer(t, func(s *server) {
			s.answer = func(_ *client, args []string) (string, bool) { return reply, args[0] == "get" }
		})
		ctx, _ := sampledContext()
		if err := l.client(s, nil).Get(ctx, "k").Err(); err == nil || !strings.HasPrefix(reply[1:], err.Error()) {
			t.Errorf("%q became %v", reply, err)
		}
		mustLines(t, reply, s.sent(), "TRACED 1 traceparent <context> get k")
	}
}

// The fallback cannot handle the rejection of these commands. go-redis copies raw
// replies to the caller without parsing them, so the error would become data.
func TestNeverWrappedCommands(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t, claimsTraced)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	raw, err := c.DoRaw(ctx, "get", "k").Result()
	if err != nil || string(raw) != "$-1\r\n" {
		t.Errorf("raw %q, %v", raw, err)
	}
	var out strings.Builder
	if _, err := c.DoRawWriteTo(ctx, &out, "get", "k").Result(); err != nil || out.String() != "$-1\r\n" {
		t.Errorf("written %q, %v", out.String(), err)
	}
	for _, args := range [][]any{{"WATCH", "k"}, {"unwatch"}, {"client", "id"}, {"cluster", "info"}, {"auth", "p"}, {"select", 1}, {"readonly"},
		{"asking"}, {"command"}, {"hello"}, {"multi"}, {"exec"}, {"discard"}, {"reset"}, {"quit"}, {"monitor"}, {"subscribe", "c"}, {"himport"}} {
		conn := c.Conn()
		_ = conn.Do(ctx, args...).Err()
		_ = conn.Close()
	}
	for _, line := range s.sent() {
		if strings.HasPrefix(line, "TRACED") {
			t.Errorf("sent %q", line)
		}
	}
	mustLines(t, "spans", l.takeNames(), "GET", "GET", "WATCH", "UNWATCH", "CLIENT", "CLUSTER", "MULTI", "EXEC", "DISCARD", "RESET", "QUIT",
		"MONITOR", "SUBSCRIBE", "HIMPORT")
}

// The key of client-side caching is Args(), so commands must not be wrapped.
func TestClientSideCaching(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, func(o *redis.Options) {
		o.ClientSideCacheConfig = &redis.ClientSideCacheConfig{}
	})
	s.set(func(s *server) { s.data["k"] = "v" })
	for range 3 {
		ctx, _ := sampledContext()
		if v, err := c.Get(ctx, "k").Result(); v != "v" || err != nil {
			t.Fatal(v, err)
		}
	}
	mustLines(t, "sent", s.sent(), "get k")
	mustLines(t, "spans", l.takeNames(), "GET", "GET", "GET")
}

// The hook is the innermost one, so other hooks see the original commands.
func TestOtherHooksSeePlainCommands(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	defer c.Close()
	var seen recordingHook
	c.AddHook(&seen)
	must(t, resptrace.Instrument(c, l.options()...))
	ctx, _ := sampledContext()
	must(t, c.Set(ctx, "k", "v", 0).Err())
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); return nil })
	must(t, err)
	mustLines(t, "seen", seen.lines, "set k v: OK", "multi", "get k", "exec")
}

// recordingHook is a hook that records the commands it sees.
type recordingHook struct{ lines []string }

func (s *recordingHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *recordingHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if name := cmd.Name(); name != "hello" && name != "client" {
			s.lines = append(s.lines, cmd.String())
		}
		return err
	}
}

func (s *recordingHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() != "client" {
				var words []string
				for _, a := range cmd.Args() {
					words = append(words, a.(string))
				}
				s.lines = append(s.lines, strings.Join(words, " "))
			}
		}
		return next(ctx, cmds)
	}
}
