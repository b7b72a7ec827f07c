package netloop

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// conversation is a pipeline of every kind of request, with the replies.
const (
	conversation = "*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n" + "ECHO c\r\n" + "\r\n" + "*0\r\n" +
		"*12\r\n$3\r\nLEN\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$2\r\n10\r\n$3\r\n111\r\n" +
		"ECHO 'd e'\n" + "*1\r\n$4\r\nNONE\r\n"
	answers = "$4\r\na\r\nb\r\n" + "$1\r\nc\r\n" + ":3\r\n" + "$3\r\nd e\r\n" + "-ERR unknown\r\n"
)

func TestSplitsAtEveryByte(t *testing.T) {
	b := newBench(t, Limits{})
	for i := range len(conversation) {
		b.feed(conversation[:i])
		b.feed(conversation[i:])
		b.mustHaveSent(answers)
	}
	for i := range len(conversation) {
		b.feed(conversation[i : i+1])
	}
	b.mustHaveSent(answers)
	if b.conn.in != nil {
		t.Error("an idle connection keeps an input buffer")
	}
}

// Pipelines of requests of every size in parts of every size, while requests wait
// and the client reads slowly.
func TestRandomPartsOfPipelines(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t, Limits{Backlog: 5000})
		var in, out strings.Builder
		for i := range 200 {
			text := strings.Repeat(string(rune('a'+i%26)), rnd.IntN(40)*rnd.IntN(40)*rnd.IntN(40)*rnd.IntN(3))
			in.WriteString(request("ECHO", text))
			out.WriteString(bulk(text))
			if rnd.IntN(10) == 0 {
				in.WriteString("PAUSE\r\n")
				out.WriteString("+resumed\r\n")
			}
		}
		rest := in.String()
		for steps := 0; len(b.link.took) < out.Len(); steps++ {
			if steps > 1_000_000 {
				t.Fatalf("seed %d: %d of %d bytes sent, the connection is %v", seed, len(b.link.took), out.Len(), b.conn.state)
			}
			b.link.room = rnd.IntN(100_000)
			if n := min(len(rest), rnd.IntN(70_000)); n > 0 && b.link.reading {
				b.feed(rest[:n])
				rest = rest[n:]
			}
			if b.conn.state == Paused && rnd.IntN(2) == 0 {
				b.elsewhere(func() { b.conn.Reply([]byte("+resumed\r\n"), Update{Trusted: true}) })
				b.wake()
			}
			b.allow(b.conn, rnd.IntN(100_000))
		}
		if got := string(b.link.took); got != out.String() {
			t.Fatalf("seed %d: the replies differ at %d", seed, difference(got, out.String()))
		}
	}
}

// A large argument is received in the memory in which the handler gets it, and may
// keep it.
func TestLargeArgumentIsReceivedInPlace(t *testing.T) {
	const size = 8 << 20
	value := strings.Repeat("v", size)
	for name, before := range map[string]string{"alone": "", "behind another request": "ECHO a\r\n"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Limits{})
			input := before + request("LEN", value)
			allocated := allocatedBy(func() { b.feed(input) })
			if !strings.HasSuffix(string(b.link.took), fmt.Sprintf(":%d\r\n", size)) {
				t.Fatalf("sent %q", clip(string(b.link.took)))
			}
			if !b.handler.owned {
				t.Error("the handler may not keep the argument")
			}
			if allocated > size*5/4 {
				t.Errorf("%d MiB allocated for an argument of %d MiB", allocated>>20, size>>20)
			}
			if b.conn.in != nil {
				t.Error("the connection keeps the input")
			}
			at := b.handler.largest
			b.feed("ECHO overwritten?\r\n")
			if got := unsafe.Slice(at, 16); string(got) != value[:16] {
				t.Errorf("an owned argument now begins with %q", got)
			}
		})
	}
}

// Reading a request of many large arguments copies each byte a few times, however many
// there are.
func TestManyLargeArguments(t *testing.T) {
	for _, size := range []int{100_000, 300_000, 1_000_000} {
		b := newBench(t, Limits{})
		words := []string{"LEN"}
		for range 6_000_000 / size {
			words = append(words, strings.Repeat("v", size))
		}
		input := request(words...)
		allocated := allocatedBy(func() { b.feed(input) })
		b.mustHaveSent(fmt.Sprintf(":%d\r\n", size))
		if allocated > 10*uint64(len(input)) {
			t.Errorf("arguments of %d bytes: %d MB allocated for a request of %d MB", size, allocated/1e6, len(input)/1e6)
		}
	}
}

func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A client that announces a large argument and sends little of it takes little memory.
func TestALengthAloneReservesLittle(t *testing.T) {
	b := newBench(t, Limits{})
	b.feed("*2\r\n$3\r\nLEN\r\n$500000000\r\nabc")
	b.feed("d")
	if got := cap(b.conn.in); got > firstReserve {
		t.Errorf("%d bytes are reserved", got)
	}
}

// While a request waits, a connection reads ahead up to a limit.
func TestInputBehindAWaitingRequestIsBounded(t *testing.T) {
	for _, wait := range []string{"WAIT", "PAUSE"} {
		b := newBench(t, Limits{})
		b.feed(wait + "\r\n")
		line := request("ECHO", strings.Repeat("x", 1000))
		sent := 0
		for ; b.link.reading && sent < 10_000; sent++ {
			b.feed(line)
		}
		if got := len(b.conn.in); got > waitingInput+maxRead {
			t.Errorf("%s: %d bytes are buffered", wait, got)
		}
		b.elsewhere(func() { b.conn.Reply([]byte("+x\r\n"), Update{Trusted: true}) })
		b.wake()
		b.mustHaveSent("+x\r\n" + strings.Repeat(bulk(strings.Repeat("x", 1000)), sent))
		if !b.link.reading || b.conn.in != nil {
			t.Errorf("%s: reading %v, %d bytes buffered afterwards", wait, b.link.reading, len(b.conn.in))
		}
	}
}

func TestRequestBeyondTheInputLimit(t *testing.T) {
	b := newBench(t, Limits{Input: 100_000})
	b.feed("ECHO a\r\n*1000\r\n" + strings.Repeat("$1000\r\n"+strings.Repeat("x", 1000)+"\r\n", 200))
	b.mustBe(Closed)
	b.mustHaveSent(bulk("a") + "-ERR Protocol error: too big request\r\n")
}

// A batch has at most MaxBatch requests, and the requests of all connections of a turn
// share it.
func TestBatches(t *testing.T) {
	b := newBench(t, Limits{})
	n := 5*MaxBatch + 7
	b.feed(strings.Repeat("ECHO a\r\n", n))
	b.mustHaveSent(strings.Repeat(bulk("a"), n))
	if c := cap(b.loop.requests); c > 2*MaxBatch {
		t.Errorf("a batch has room for %d requests", c)
	}
}
