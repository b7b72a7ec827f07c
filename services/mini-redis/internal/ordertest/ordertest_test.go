package ordertest

import (
	"bufio"
	"strings"
	"testing"
)

// twoMessages is a log of two publishers: stamps 2 and 5 on channel 0, 3 on channel 1.
func twoMessages(t *testing.T) *log {
	t.Helper()
	l, err := newLog([]*publisher{
		{sent: []published{{publisher: 0, seq: 0, stamp: 2, number: 1, receivers: 1}, {publisher: 0, seq: 1, stamp: 5, number: 2}}},
		{sent: []published{{publisher: 1, seq: 0, channel: 1, stamp: 3, number: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The comparison finds each kind of violation in what a subscriber received.
func TestCheckFindsViolations(t *testing.T) {
	sub := func(route int32) event { return event{kind: subscribedEvent, route: route} }
	unsub := func(route int32) event { return event{kind: unsubscribedEvent, route: route} }
	stamp := func(n int64) event { return event{kind: stampEvent, stamp: n} }
	message := func(publisher, seq, channel int32) event {
		return event{kind: messageEvent, route: channel, channel: channel, publisher: publisher, seq: seq}
	}
	first, second, other := message(0, 0, 0), message(0, 1, 0), message(1, 0, 1)
	byPattern := first
	byPattern.route = int32(len(channels))
	f := func(want string, events ...event) {
		t.Helper()
		s := &subscriber{name: "s", events: events, round: &round{report: &Report{}}}
		err := s.check(twoMessages(t))
		switch {
		case want == "" && err != nil:
			t.Errorf("%v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("", sub(0), sub(1), stamp(1), first, stamp(2), other, second, unsub(0), stamp(5))
	f("", sub(0), sub(int32(len(channels))), first, byPattern, second)
	f("", sub(0), unsub(0), stamp(9), sub(0))
	f("not subscribed", first)
	f("not subscribed", sub(0), unsub(0), first)
	f("after the stamp 5", sub(0), sub(1), second, other)
	f("after the stamp 2", sub(0), stamp(2), first)
	f("twice", sub(0), first, first)
	f("message 2 of a:0 follows message 0", sub(0), stamp(1), second)
	f("instead of after message 1", sub(0), stamp(1), stamp(2))
	f("instead of after message 2", sub(0), first, stamp(5))
	f("the stamp 4 is read after the stamp 5", stamp(5), stamp(4))
	f("was published on a:0 and received on a:1", sub(1), message(0, 0, 1))
	f("was not published", sub(0), message(0, 7, 0))
}

func TestLogFindsViolations(t *testing.T) {
	if _, err := newLog([]*publisher{{sent: []published{{stamp: 2, number: 1}, {stamp: 2, number: 2}}}}); err == nil {
		t.Error("a stamp that two transactions got passes")
	}
	if _, err := newLog([]*publisher{{sent: []published{{stamp: 1, number: 1}, {stamp: 2, number: 3}}}}); err == nil {
		t.Error("a number that is missing passes")
	}
	l := twoMessages(t)
	if err := l.checkReceivers(); err == nil {
		t.Error("a message that was not received passes")
	}
	l.order[0].delivered = 1
	if err := l.checkReceivers(); err != nil {
		t.Error(err)
	}
	for stamp, want := range map[int64]int64{0: 0, 1: 0, 2: 1, 4: 1, 5: 2, 9: 2} {
		if got := l.numberAt(0, stamp); got != want {
			t.Errorf("%d messages up to the stamp %d, want %d", got, stamp, want)
		}
	}
}

func TestVictimCheckFindsViolations(t *testing.T) {
	channel := int32(len(channels)) + 7
	l, err := newLog([]*publisher{{sent: []published{
		{seq: 0, channel: channel, stamp: 2, number: 1},
		{seq: 1, channel: channel, stamp: 4, number: 2, receivers: 1},
		{seq: 2, channel: channel, stamp: 5, number: 3, receivers: 1},
		{seq: 3, channel: channel, stamp: 8, number: 4},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, began, killed int64, seqs ...int32) {
		t.Helper()
		v := &victim{number: 7, name: "v", began: began, killed: killed, seqs: seqs, publishers: make([]int32, len(seqs))}
		err := v.check(l)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", seqs, err, want)
		}
	}
	f("", 3, 6, 1, 2)
	f("", 3, 6, 1) // the second one was on its way
	f("", 3, 6)
	f("follows message 1", 3, 6, 2)
	f("received the message of stamp 8", 3, 6, 1, 2, 3)
	f("has 1 receivers", 3, 4, 1)
	f("has 0 receivers", 3, 9, 1, 2, 3)
}

func TestReadValue(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		v, err := readValue(bufio.NewReader(strings.NewReader(in)))
		if err != nil || v.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, v, err, want)
		}
	}
	f("+OK\r\n", "+OK")
	f("$-1\r\n", "null")
	f("_\r\n", "null")
	f("*2\r\n$1\r\na\r\n>1\r\n:3\r\n", `*["a" >[:3]]`)
	f("%1\r\n+a\r\n*-1\r\n", "%[+a null]")
	for _, in := range []string{"", "+OK\n", "$1\r\nab\r\n", "!x\r\n", "*1\r\n"} {
		if v, err := readValue(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%q: %v, want an error", in, v)
		}
	}
}
