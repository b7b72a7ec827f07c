package pubsub

import (
	"bytes"

	"mini-redis/internal/glob"
)

// Hub holds all subscriptions.
type Hub struct {
	channels map[string]*topic
	patterns map[string]*topic
	order    []*topic // the patterns, in the order in which messages are matched
	monitor  Monitor  // nil for none
}

// topic is a channel or a pattern with at least one subscriber.
type topic struct {
	name      string
	pattern   []byte // the name of a pattern
	literal   int    // length of the pattern's prefix without special characters
	index     int    // in Hub.order
	subs      set[*Subscriber]
	monitored MonitoredTopic // nil for none
}

// Monitor is informed of channels and patterns that get their first subscriber.
type Monitor interface {
	// Opened returns what is informed of the topic's events, nil for nothing.
	Opened(name string, pattern bool) MonitoredTopic
}

// MonitoredTopic is informed of the subscribers and the messages of a channel or a
// pattern. Closed is called when the last subscriber has left.
type MonitoredTopic interface {
	Joined(s *Subscriber)
	Left(s *Subscriber)
	Published()
	Closed()
}

// NewHub creates a hub without subscriptions.
func NewHub() *Hub {
	return &Hub{channels: map[string]*topic{}, patterns: map[string]*topic{}}
}

// SetMonitor makes m be informed of subscriptions from now on.
func (h *Hub) SetMonitor(m Monitor) { h.monitor = m }

// Subscribe adds a channel to s. It returns false if s is subscribed to it already.
func (h *Hub) Subscribe(s *Subscriber, channel string) bool {
	if !s.channels.add(channel) {
		return false
	}
	h.join(h.channels, s, channel, false)
	return true
}

// Unsubscribe removes a channel from s. It returns false if s is not subscribed to
// it.
func (h *Hub) Unsubscribe(s *Subscriber, channel string) bool {
	if !s.channels.remove(channel) {
		return false
	}
	h.leave(h.channels, s, channel)
	return true
}

// PSubscribe adds a pattern to s. It returns false if s is subscribed to it already.
func (h *Hub) PSubscribe(s *Subscriber, pattern string) bool {
	if !s.patterns.add(pattern) {
		return false
	}
	h.join(h.patterns, s, pattern, true)
	return true
}

// PUnsubscribe removes a pattern from s. It returns false if s is not subscribed to
// it.
func (h *Hub) PUnsubscribe(s *Subscriber, pattern string) bool {
	if !s.patterns.remove(pattern) {
		return false
	}
	h.leave(h.patterns, s, pattern)
	return true
}

// Leave ends all subscriptions of s.
func (h *Hub) Leave(s *Subscriber) {
	for n := len(s.channels.list); n > 0; n = len(s.channels.list) {
		h.Unsubscribe(s, s.channels.list[n-1])
	}
	for n := len(s.patterns.list); n > 0; n = len(s.patterns.list) {
		h.PUnsubscribe(s, s.patterns.list[n-1])
	}
}

// Publish delivers a message to the subscribers of the channel, then to those of
// the patterns that match it. It returns the number of deliveries: a client with
// two matching subscriptions gets the message twice.
func (h *Hub) Publish(channel, payload []byte) int {
	n := 0
	if t := h.channels[string(channel)]; t != nil {
		m := Message{channel: channel, payload: payload}
		n += deliver(t, &m)
	}
	for _, t := range h.order {
		if t.matches(channel) {
			m := Message{pattern: t.name, matched: true, channel: channel, payload: payload}
			n += deliver(t, &m)
		}
	}
	return n
}

// matches reports whether the topic's pattern matches a channel.
func (t *topic) matches(channel []byte) bool {
	if len(channel) < t.literal || !bytes.Equal(channel[:t.literal], t.pattern[:t.literal]) {
		return false
	}
	return glob.Match(t.pattern[t.literal:], channel[t.literal:])
}

func deliver(t *topic, m *Message) int {
	if t.monitored != nil {
		t.monitored.Published()
	}
	for _, s := range t.subs.list {
		s.Receiver.Deliver(m)
	}
	return len(t.subs.list)
}

// Channels calls f for every channel that has a subscriber.
func (h *Hub) Channels(f func(channel string)) {
	for channel := range h.channels {
		f(channel)
	}
}

// ChannelCount returns the number of channels that have a subscriber.
func (h *Hub) ChannelCount() int { return len(h.channels) }

// PatternCount returns the number of distinct patterns that have a subscriber.
func (h *Hub) PatternCount() int { return len(h.patterns) }

// Subscribers returns the number of subscribers of a channel, without those of
// patterns.
func (h *Hub) Subscribers(channel []byte) int {
	if t := h.channels[string(channel)]; t != nil {
		return len(t.subs.list)
	}
	return 0
}

func (h *Hub) join(m map[string]*topic, s *Subscriber, name string, pattern bool) {
	t := m[name]
	if t == nil {
		t = &topic{name: name}
		m[name] = t
		if pattern {
			t.pattern, t.index = []byte(name), len(h.order)
			t.literal = glob.LiteralPrefix(t.pattern)
			h.order = append(h.order, t)
		}
		if h.monitor != nil {
			t.monitored = h.monitor.Opened(name, pattern)
		}
	}
	if t.subs.add(s) && t.monitored != nil {
		t.monitored.Joined(s)
	}
}

func (h *Hub) leave(m map[string]*topic, s *Subscriber, name string) {
	t := m[name]
	t.subs.remove(s)
	if t.monitored != nil {
		t.monitored.Left(s)
	}
	if len(t.subs.list) > 0 {
		return
	}
	delete(m, name)
	if t.pattern != nil {
		h.removePattern(t)
	}
	if t.monitored != nil {
		t.monitored.Closed()
	}
}

// removePattern moves the last pattern to the place of t.
func (h *Hub) removePattern(t *topic) {
	last := len(h.order) - 1
	h.order[t.index] = h.order[last]
	h.order[t.index].index = t.index
	h.order[last] = nil
	h.order = h.order[:last]
	if last == 0 {
		h.order = nil
	}
}
