package pubsub

import (
	"fmt"
	"strings"
	"testing"
)

// mailbox is a receiver that keeps what it gets.
type mailbox struct {
	Subscriber
	proto int
	got   []string
	seen  []*byte // where each message's encoding lies
}

func newMailbox(proto int) *mailbox {
	m := &mailbox{proto: proto}
	m.Receiver = m
	return m
}

func (m *mailbox) Deliver(msg *Message) {
	b := msg.Encoded(m.proto)
	m.got = append(m.got, string(b))
	m.seen = append(m.seen, &b[0])
}

func (m *mailbox) take() []string {
	got := m.got
	m.got = nil
	return got
}

func publish(t *testing.T, h *Hub, channel, payload string, want int) {
	t.Helper()
	if got := h.Publish([]byte(channel), []byte(payload)); got != want {
		t.Errorf("%q reached %d, want %d", channel, got, want)
	}
}

func TestPublish(t *testing.T) {
	h := NewHub()
	old, young := newMailbox(2), newMailbox(3)
	publish(t, h, "news", "x", 0)
	h.Subscribe(&old.Subscriber, "news")
	h.Subscribe(&young.Subscriber, "news")
	h.PSubscribe(&young.Subscriber, "n*")
	publish(t, h, "news", "hi", 3)
	publish(t, h, "nothing", "hi", 1)
	publish(t, h, "other", "hi", 0)
	want2 := "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
	if got := old.take(); len(got) != 1 || got[0] != want2 {
		t.Errorf("RESP2 got %q", got)
	}
	want3 := []string{
		">" + want2[1:],
		">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
		">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$7\r\nnothing\r\n$2\r\nhi\r\n",
	}
	if got := young.take(); strings.Join(got, "") != strings.Join(want3, "") {
		t.Errorf("RESP3 got %q", got)
	}
}

func TestSubscriptionsAreSets(t *testing.T) {
	h := NewHub()
	m := newMailbox(2)
	if !h.Subscribe(&m.Subscriber, "a") || h.Subscribe(&m.Subscriber, "a") {
		t.Error("a second subscription counts")
	}
	if !h.PSubscribe(&m.Subscriber, "a") || h.PSubscribe(&m.Subscriber, "a") {
		t.Error("a second pattern counts")
	}
	if m.Count() != 2 || h.Subscribers([]byte("a")) != 1 || h.PatternCount() != 1 {
		t.Errorf("%d subscriptions, %d subscribers, %d patterns", m.Count(), h.Subscribers([]byte("a")), h.PatternCount())
	}
	if !h.Unsubscribe(&m.Subscriber, "a") || h.Unsubscribe(&m.Subscriber, "a") || h.Unsubscribe(&m.Subscriber, "b") {
		t.Error("a channel is left not once")
	}
	if !h.PUnsubscribe(&m.Subscriber, "a") || h.PUnsubscribe(&m.Subscriber, "a") {
		t.Error("a pattern is left not once")
	}
	if h.ChannelCount() != 0 || h.PatternCount() != 0 || len(h.order) != 0 {
		t.Error("the hub remembers what nobody listens to")
	}
}

func TestLeave(t *testing.T) {
	h := NewHub()
	stays, goes := newMailbox(2), newMailbox(2)
	for i := range 100 {
		name := fmt.Sprint("channel", i)
		h.Subscribe(&stays.Subscriber, name)
		h.Subscribe(&goes.Subscriber, name)
		h.PSubscribe(&goes.Subscriber, name+"*")
	}
	h.Leave(&goes.Subscriber)
	if goes.Count() != 0 || h.PatternCount() != 0 || h.ChannelCount() != 100 {
		t.Errorf("left with %d, the hub knows %d patterns, %d channels", goes.Count(), h.PatternCount(), h.ChannelCount())
	}
	publish(t, h, "channel7", "x", 1)
	n := 0
	h.Channels(func(string) { n++ })
	if n != 100 {
		t.Errorf("%d channels listed", n)
	}
}

// TestManySubscribers: a message is encoded once for each version, and leaving
// costs the same however many stay.
func TestManySubscribers(t *testing.T) {
	h := NewHub()
	var all []*mailbox
	for i := range 1000 {
		m := newMailbox(2 + i%2)
		all = append(all, m)
		h.Subscribe(&m.Subscriber, "c")
	}
	publish(t, h, "c", "x", 1000)
	places := map[*byte]bool{}
	for _, m := range all {
		places[m.seen[0]] = true
	}
	if len(places) != 2 {
		t.Errorf("encoded %d times", len(places))
	}
	for i, m := range all {
		if i%3 == 0 {
			h.Leave(&m.Subscriber)
		}
	}
	publish(t, h, "c", "x", 666)
}

func TestSet(t *testing.T) {
	var s set[int]
	for round := range 3 {
		for i := range 40 {
			if !s.add(i) || s.add(i) {
				t.Fatalf("round %d: %d is not added once", round, i)
			}
		}
		for i := range 40 {
			i = i * 7 % 40
			if s.find(i) < 0 || !s.remove(i) || s.remove(i) || s.find(i) >= 0 {
				t.Fatalf("round %d: %d is not removed once", round, i)
			}
		}
		if s.list != nil || s.at != nil {
			t.Fatal("an empty set keeps memory")
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	h := NewHub()
	for range 100 {
		m := &sink{}
		m.Receiver = m
		h.Subscribe(&m.Subscriber, "c")
	}
	channel, payload := []byte("c"), []byte("a payload of some length")
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(channel, payload)
	}
}

type sink struct {
	Subscriber
	n int
}

func (s *sink) Deliver(m *Message) { s.n += len(m.Encoded(2)) }

// watcher writes down what it is told; it watches names that do not begin with x.
type watcher struct{ told []string }

func (w *watcher) Opened(name string, pattern bool) MonitoredTopic {
	if name[0] == 'x' {
		return nil
	}
	w.told = append(w.told, fmt.Sprint("opened ", name, " ", pattern))
	return &watchedTopic{w, name}
}

type watchedTopic struct {
	w    *watcher
	name string
}

func (t *watchedTopic) Joined(*Subscriber) { t.w.told = append(t.w.told, "joined "+t.name) }
func (t *watchedTopic) Left(*Subscriber)   { t.w.told = append(t.w.told, "left "+t.name) }
func (t *watchedTopic) Published()         { t.w.told = append(t.w.told, "published "+t.name) }
func (t *watchedTopic) Closed()            { t.w.told = append(t.w.told, "closed "+t.name) }

func TestAWatcherIsToldOfChannelsAndPatterns(t *testing.T) {
	h, w := NewHub(), &watcher{}
	h.SetMonitor(w)
	a, b := newMailbox(2), newMailbox(3)
	check := func(want ...string) {
		t.Helper()
		if got := strings.Join(w.told, ", "); got != strings.Join(want, ", ") {
			t.Errorf("told %q, want %q", got, want)
		}
		w.told = nil
	}
	h.Subscribe(&a.Subscriber, "news")
	h.Subscribe(&a.Subscriber, "news")
	h.Subscribe(&b.Subscriber, "news")
	check("opened news false", "joined news", "joined news")
	h.PSubscribe(&b.Subscriber, "n*")
	check("opened n* true", "joined n*")
	publish(t, h, "news", "m", 3)
	publish(t, h, "nobody", "m", 1)
	publish(t, h, "elsewhere", "m", 0)
	check("published news", "published n*", "published n*")
	h.Unsubscribe(&a.Subscriber, "news")
	h.Unsubscribe(&a.Subscriber, "news")
	check("left news")
	h.Leave(&b.Subscriber)
	check("left news", "closed news", "left n*", "closed n*")
	h.Subscribe(&a.Subscriber, "x")
	publish(t, h, "x", "m", 1)
	h.Leave(&a.Subscriber)
	check()
}
