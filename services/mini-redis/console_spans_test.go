package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console/consoletest"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/tracepb"
)

// consoleOf connects to the console of a running program.
func consoleOf(t *testing.T, r running) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(r.console, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// request sends an inline request on a new connection.
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

// A command that waits for a key is an open span, for present and for later viewers. It ends
// when the command is served or when its client leaves.
func TestConsoleShowsAWaitingCommand(t *testing.T) {
	r := startRun(t, quiet(), "-console-addr", "127.0.0.1:0", "-trace-roots", "0")
	before := request(t, r.addr, "BLPOP before 0")
	for !strings.Contains(info(t, r.addr), "blocked_clients:1") {
		time.Sleep(time.Millisecond)
	}
	stream, err := tracepb.NewTraceClient(consoleOf(t, r)).Watch(t.Context(), &tracepb.WatchRequest{Filter: "BLPOP"})
	if err != nil {
		t.Fatal(err)
	}
	spans := spanStream{t: t, stream: stream}
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

// spanStream reads a stream of spans.
type spanStream struct {
	t      *testing.T
	stream grpc.ServerStreamingClient[tracepb.TraceEvent]
}

// begins waits for an open span of a client and returns its ID.
func (s *spanStream) begins(client net.Addr) uint64 {
	s.t.Helper()
	for {
		e, err := s.stream.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		if e.GetCloseSpan() != nil {
			s.t.Fatalf("a span ends, want a new one: %v", e)
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
			s.t.Errorf("the span belongs to no task: %v", e)
		}
		return n.GetId().GetId()
	}
}

// ends waits for the end of a span.
func (s *spanStream) ends(id uint64) {
	s.t.Helper()
	for {
		e, err := s.stream.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		if c := e.GetCloseSpan(); c != nil {
			if c.GetSpanId().GetId() != id || c.At == nil {
				s.t.Errorf("%v ends, want span %d", c, id)
			}
			return
		}
	}
}

// Log records are events. A viewer may subscribe to a lower level than the log's. They contain
// no keys and no values.
func TestConsoleShowsLogRecords(t *testing.T) {
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
		if len(all) == 0 { // the viewer is subscribed
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
			t.Errorf("the event contains data: %v", e)
		}
		if e.Message == "client connected" && (e.Task == 0 || consoletest.FieldValue(e.Fields, "peer") == "") {
			t.Errorf("the event has no task: %v", e)
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
