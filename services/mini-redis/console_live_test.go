package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console"
	"mini-redis/console/consoletest"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/mini-redis/internal/consoleview"
	"mini-redis/services/mini-redis/internal/server"
)

// watchedServer is a server whose console is watched, both on one clock.
func watchedServer(t *testing.T) (dial func(first string) net.Conn, v *consoletest.Viewer, s *server.Server, clock *consoletest.Clock) {
	t.Helper()
	clock = consoletest.NewClock()
	c := console.New(console.Options{Clock: clock, PublishInterval: 5 * time.Millisecond})
	connect, _, s := traced(t, 0, func(cfg *server.Config) { cfg.Loops, cfg.Console, cfg.Engine.Clock = 1, consoleview.New(c), clock })
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

// state is an attribute of a resource, "" where there is none.
func state(v *consoletest.Viewer, resource, name string) string {
	if r := v.Resource(resource); r != nil {
		return consoletest.AttributeValue(r.Attributes, name)
	}
	return ""
}

func until(t *testing.T, v *consoletest.Viewer, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); v.Look() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A channel is a resource from its first subscriber to its last, and says how
// many there are, who they are, and how many messages came.
func TestConsoleShowsChannels(t *testing.T) {
	dial, v, _, _ := watchedServer(t)
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
	until(t, v, "the channels' end", func() bool {
		return v.Resource("news").DroppedAt != nil && v.Resource("n*").DroppedAt != nil
	})
	until(t, v, "no channels", func() bool { return state(v, "channels", "channels") == "0" && state(v, "channels", "other") == "0" })
}

// A thousand channels are shown one by one, and the rest as a number.
func TestConsoleBoundsChannels(t *testing.T) {
	dial, v, _, _ := watchedServer(t)
	var names strings.Builder
	for i := range 1007 {
		fmt.Fprintf(&names, " c%d", i)
	}
	nc := dial("SUBSCRIBE" + names.String())
	until(t, v, "all channels", func() bool { return state(v, "channels", "channels") == "1007" })
	if other := state(v, "channels", "other"); other != "7" || v.Resource("c999") == nil || v.Resource("c1000") != nil {
		t.Errorf("%s others", other)
	}
	_ = nc.Close()
	until(t, v, "none", func() bool { return v.Resource("c999").DroppedAt != nil && state(v, "channels", "other") == "0" })
}

func TestConsoleShowsLoopsAndTheLock(t *testing.T) {
	dial, v, s, clock := watchedServer(t)
	nc := dial("PING")
	mustRead(t, nc, "+PONG\r\n")
	until(t, v, "a connection of the loop", func() bool { return state(v, "event loop 0", "connections") == "1" })
	if locked, held := state(v, "execution lock", "locked"), state(v, "execution lock", "held"); locked != "false" || held != "" {
		t.Errorf("a free lock: locked=%s held=%s", locked, held)
	}
	s.Locked(func() {
		fmt.Fprint(nc, "PING\r\n")
		until(t, v, "a loop that waits", func() bool { return len(v.Ops(v.Resource("execution lock"))) > 0 })
		clock.Pass(1500 * time.Millisecond)
		v.Look()
		if locked, held := state(v, "execution lock", "locked"), state(v, "execution lock", "held"); locked != "true" || held != "1500" {
			t.Errorf("locked=%s held=%s", locked, held)
		}
		for _, op := range v.Ops(v.Resource("execution lock")) {
			if op.Source != "Mutex.Lock" || op.TaskId.GetId() == 0 {
				t.Errorf("%v", op)
			}
		}
	})
	mustRead(t, nc, "+PONG\r\n")
	until(t, v, "a free lock", func() bool {
		return state(v, "execution lock", "locked") == "false" && len(v.Ops(v.Resource("execution lock"))) == 0
	})
}

// The terminal program warns of the execution lock when it is held long while
// others wait, and not when it is held for a moment.
func TestALockThatIsHeldLongIsWarnedOf(t *testing.T) {
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
	dial, _, s := traced(t, 0, func(cfg *server.Config) { cfg.Loops, cfg.Console, cfg.Engine.Clock = 1, consoleview.New(c), clock })
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
		for range 20 { // until the loop waits, too
			if got = warnings(); got != "[]" {
				break
			}
		}
		if !strings.Contains(got, "{lock-held mutex execution lock has been held for 1.5s, and ") {
			t.Errorf("after 1.5 s: %s", got)
		}
	})
}

// consoleOf connects to a running server's console.
func consoleOf(t *testing.T, r running) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(r.console, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func request(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	fmt.Fprint(nc, text+"\r\n")
	return nc
}

// A command that waits for a key is an open span: for who watches already, and
// for who comes later. It ends with the pop, or with its client.
func TestConsoleShowsACommandThatWaits(t *testing.T) {
	r := startRun(t, quiet(), "-console-addr", "127.0.0.1:0", "-trace-roots", "0")
	before := request(t, r.addr, "BLPOP before 0")
	for !strings.Contains(info(t, r.addr), "blocked_clients:1") {
		time.Sleep(time.Millisecond)
	}
	stream, err := tracepb.NewTraceClient(consoleOf(t, r)).Watch(t.Context(), &tracepb.WatchRequest{Filter: "BLPOP"})
	if err != nil {
		t.Fatal(err)
	}
	spans := spanStory{t: t, stream: stream, open: map[uint64]string{}}
	first := spans.begins(before.LocalAddr())
	after := request(t, r.addr, "BLPOP after 0")
	second := spans.begins(after.LocalAddr())
	ask(t, r.addr, "RPUSH before v")
	spans.ends(first)
	_ = after.Close()
	spans.ends(second)
}

func info(t *testing.T, addr string) string {
	t.Helper()
	nc := request(t, addr, "INFO clients")
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	text := make([]byte, 4096)
	n, err := nc.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

// spanStory follows a stream of spans.
type spanStory struct {
	t      *testing.T
	stream grpc.ServerStreamingClient[tracepb.TraceEvent]
	open   map[uint64]string // the peer of each
}

// begins waits for an open span of the client.
func (s *spanStory) begins(client net.Addr) uint64 {
	s.t.Helper()
	for {
		e, err := s.stream.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		if e.GetCloseSpan() != nil {
			s.t.Fatalf("ended: %v", e)
		}
		n := e.GetNewSpan()
		if n == nil {
			continue
		}
		fields := n.GetFields()
		peer := net.JoinHostPort(consoletest.FieldValue(fields, "network.peer.address"), consoletest.FieldValue(fields, "network.peer.port"))
		if trace, err := hex.DecodeString(consoletest.FieldValue(fields, "trace_id")); err != nil || len(trace) != 16 || binary.BigEndian.Uint64(trace) == 0 {
			s.t.Errorf("no trace id: %v", fields)
		}
		if peer != client.String() {
			s.t.Fatalf("a span of %s, not %s", peer, client)
		}
		e, err = s.stream.Recv()
		for err == nil && e.GetRegisterThread() != nil {
			e, err = s.stream.Recv()
		}
		if e.GetEnterSpan().GetThreadId() == 0 {
			s.t.Errorf("it runs in no task: %v", e)
		}
		return n.GetId().GetId()
	}
}

func (s *spanStory) ends(id uint64) {
	s.t.Helper()
	for {
		e, err := s.stream.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		if c := e.GetCloseSpan(); c != nil {
			if c.GetSpanId().GetId() != id || c.At == nil {
				s.t.Errorf("%v ends, not %d", c, id)
			}
			return
		}
	}
}

// What the server logs are events; a viewer may ask for more than it writes. No
// key and no value is among it.
func TestConsoleShowsWhatTheServerLogs(t *testing.T) {
	r := startRun(t, quiet(), "-console-addr", "127.0.0.1:0")
	debug := commonpb.Metadata_DEBUG
	stream, err := eventspb.NewEventsClient(consoleOf(t, r)).Watch(t.Context(), &eventspb.WatchRequest{Level: &debug})
	if err != nil {
		t.Fatal(err)
	}
	var all []*eventspb.Event
	for gone := false; !gone; {
		b, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 { // it has begun to listen
			ask(t, r.addr, "SET secretkey secretvalue")
		}
		all = append(all, b.Events...)
		gone = strings.Contains(messages(all), "client disconnected")
	}
	if got := messages(all); !strings.HasPrefix(got, "ready, client connected") {
		t.Errorf("%s", got)
	}
	for _, e := range all {
		if strings.Contains(e.String(), "secret") {
			t.Errorf("data: %v", e)
		}
		if e.Message == "client connected" && (e.Task == 0 || consoletest.FieldValue(e.Fields, "peer") == "") {
			t.Errorf("no task: %v", e)
		}
	}
}

func messages(list []*eventspb.Event) string {
	var words []string
	for _, e := range list {
		words = append(words, e.Message)
	}
	return strings.Join(words, ", ")
}
