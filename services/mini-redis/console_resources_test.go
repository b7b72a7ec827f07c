package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/consoletest"
	"mini-redis/services/mini-redis/internal/consoleview"
	"mini-redis/services/mini-redis/internal/server"
)

// startWithViewer starts a server whose console has a viewer. They share a clock.
func startWithViewer(t *testing.T) (
	dial func(first string) net.Conn, v *consoletest.Viewer, s *server.Server, clock *consoletest.Clock,
) {
	t.Helper()
	clock = consoletest.NewClock()
	c := console.New(console.Options{Clock: clock, PublishInterval: 5 * time.Millisecond})
	connect, _, s := traced(t, 0, func(cfg *server.Config) {
		cfg.Loops, cfg.Console, cfg.Engine.Clock = 1, consoleview.New(c), clock
	})
	return func(first string) net.Conn {
		t.Helper()
		nc, err := connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		fmt.Fprint(nc, first+"\r\n")
		return nc
	}, consoletest.Watch(t, c), s, clock
}

// state returns an attribute of a resource, "" if it has none.
func state(v *consoletest.Viewer, resource, name string) string {
	if r := v.Resource(resource); r != nil {
		return consoletest.AttributeValue(r.Attributes, name)
	}
	return ""
}

// until waits up to 20 s for a condition, while the viewer gets updates.
func until(t *testing.T, v *consoletest.Viewer, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); v.Look() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// A channel is a resource while it has subscribers. Its attributes are their number, their
// tasks and the number of messages.
func TestConsoleShowsChannels(t *testing.T) {
	dial, v, _, _ := startWithViewer(t)
	first := dial("SUBSCRIBE news")
	mustRead(t, first, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
	second := dial("PSUBSCRIBE n*")
	mustRead(t, second, "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:1\r\n")
	publisher := dial("PUBLISH news hello")
	mustRead(t, publisher, ":2\r\n")
	v.Look()
	peer := ""
	task := func(nc net.Conn) string {
		peer = nc.LocalAddr().String()
		found := v.TaskWith("peer", peer)
		if found == nil {
			t.Fatalf("no task of %s", peer)
		}
		return fmt.Sprint(found.Id.Id)
	}
	for _, x := range []struct {
		name, kind string
		nc         net.Conn
	}{{"news", "Channel", first}, {"n*", "Pattern", second}} {
		r := v.Resource(x.name)
		if r == nil {
			t.Fatalf("no resource %s", x.name)
		}
		if r.Kind.GetOther() != x.kind || state(v, x.name, "subscribers") != "1" || state(v, x.name, "messages") != "1" ||
			state(v, x.name, "subscriber") != task(x.nc) || r.ParentResourceId.GetId() != v.Resource("channels").Id.Id {
			t.Errorf("%s: %v %v", x.name, r.Resource, r.Attributes)
		}
	}
	_ = first.Close()
	fmt.Fprint(second, "PUNSUBSCRIBE\r\n")
	until(t, v, "the resources of the channels are dropped", func() bool {
		return v.Resource("news").DroppedAt != nil && v.Resource("n*").DroppedAt != nil
	})
	until(t, v, "the counts of channels are 0", func() bool { return state(v, "channels", "channels") == "0" && state(v, "channels", "other") == "0" })
}

// 1,000 channels are resources of their own; the others are counted.
func TestConsoleLimitsChannels(t *testing.T) {
	dial, v, _, _ := startWithViewer(t)
	var names strings.Builder
	for i := range 1007 {
		fmt.Fprintf(&names, " c%d", i)
	}
	nc := dial("SUBSCRIBE" + names.String())
	until(t, v, "1,007 channels", func() bool { return state(v, "channels", "channels") == "1007" })
	if other := state(v, "channels", "other"); other != "7" || v.Resource("c999") == nil || v.Resource("c1000") != nil {
		t.Errorf("%s other channels, want 7", other)
	}
	_ = nc.Close()
	until(t, v, "no channel is left", func() bool { return v.Resource("c999").DroppedAt != nil && state(v, "channels", "other") == "0" })
}

func TestConsoleShowsLoopsAndTheLock(t *testing.T) {
	dial, v, s, clock := startWithViewer(t)
	nc := dial("PING")
	mustRead(t, nc, "+PONG\r\n")
	until(t, v, "the loop has a connection", func() bool { return state(v, "event loop 0", "connections") == "1" })
	if locked, held := state(v, "execution lock", "locked"), state(v, "execution lock", "held"); locked != "false" || held != "" {
		t.Errorf("the lock is free: locked=%s held=%s", locked, held)
	}
	s.Locked(func() {
		fmt.Fprint(nc, "PING\r\n")
		until(t, v, "a loop waits for the lock", func() bool { return len(v.Ops(v.Resource("execution lock"))) > 0 })
		clock.Pass(1500 * time.Millisecond)
		v.Look()
		if locked, held := state(v, "execution lock", "locked"), state(v, "execution lock", "held"); locked != "true" || held != "1500" {
			t.Errorf("the lock is held for 1.5 s: locked=%s held=%s", locked, held)
		}
		for _, op := range v.Ops(v.Resource("execution lock")) {
			if op.Source != "Mutex.Lock" || op.TaskId.GetId() == 0 {
				t.Errorf("%v", op)
			}
		}
	})
	mustRead(t, nc, "+PONG\r\n")
	until(t, v, "the lock is free", func() bool {
		return state(v, "execution lock", "locked") == "false" && len(v.Ops(v.Resource("execution lock"))) == 0
	})
}

// services/console warns of an execution lock that is held for long while others wait for it,
// and not of one that is held briefly.
func TestConsoleWarnsOfALockHeldForLong(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "console")
	if out, err := exec.Command("go", "build", "-o", bin, "../console").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	clock := consoletest.NewClock()
	c := console.New(console.Options{Clock: clock, PublishInterval: 5 * time.Millisecond})
	served, err := c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close(t.Context())
	warnings := func() string {
		t.Helper()
		out, err := exec.Command(bin, "export", served.Addr().String()).Output()
		var d struct{ Warnings []struct{ Lint, Text string } }
		if err := errors.Join(err, json.Unmarshal(out, &d)); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return fmt.Sprint(d.Warnings)
	}
	dial, _, s := traced(t, 0, func(cfg *server.Config) {
		cfg.Loops, cfg.Console, cfg.Engine.Clock = 1, consoleview.New(c), clock
	})
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprint(nc, "PING\r\n")
	mustRead(t, nc, "+PONG\r\n")
	s.Locked(func() {
		fmt.Fprint(nc, "PING\r\n")
		clock.Pass(300 * time.Millisecond)
		if got := warnings(); got != "[]" {
			t.Errorf("after 300 ms: %s", got)
		}
		clock.Pass(1200 * time.Millisecond)
		got := ""
		for range 20 { // until the loop waits for the lock
			if got = warnings(); got != "[]" {
				break
			}
		}
		if !strings.Contains(got, "{lock-held mutex execution lock has been held for 1.5s; ") {
			t.Errorf("after 1.5 s: %s", got)
		}
	})
}
