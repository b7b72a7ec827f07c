package pubsub

// Hub knows all subscriptions.
type Hub struct {
	channels map[string]*set[*Subscriber]
	patterns map[string]*set[*Subscriber]
	order    set[string] // the patterns, in the order messages are matched with them
}

// NewHub makes a hub without subscriptions.
func NewHub() *Hub {
	return &Hub{channels: map[string]*set[*Subscriber]{}, patterns: map[string]*set[*Subscriber]{}}
}

// Subscribe adds a channel to s, and reports whether it was not there yet.
func (h *Hub) Subscribe(s *Subscriber, channel string) bool {
	return s.channels.add(channel) && join(h.channels, s, channel)
}

// Unsubscribe removes a channel from s, and reports whether it was there.
func (h *Hub) Unsubscribe(s *Subscriber, channel string) bool {
	return s.channels.remove(channel) && leave(h.channels, s, channel)
}

// PSubscribe adds a pattern to s, and reports whether it was not there yet.
func (h *Hub) PSubscribe(s *Subscriber, pattern string) bool {
	h.order.add(pattern)
	return s.patterns.add(pattern) && join(h.patterns, s, pattern)
}

// PUnsubscribe removes a pattern from s, and reports whether it was there.
func (h *Hub) PUnsubscribe(s *Subscriber, pattern string) bool {
	if !s.patterns.remove(pattern) {
		return false
	}
	leave(h.patterns, s, pattern)
	if h.patterns[pattern] == nil {
		h.order.remove(pattern)
	}
	return true
}

// Leave ends all subscriptions of s.
func (h *Hub) Leave(s *Subscriber) {
	for len(s.channels.list) > 0 {
		h.Unsubscribe(s, s.channels.list[0])
	}
	for len(s.patterns.list) > 0 {
		h.PUnsubscribe(s, s.patterns.list[0])
	}
}

// Publish sends a message to those who listen to the channel, then to those who
// listen to a pattern that matches it. It returns how often it was delivered:
// a client that listens in two ways gets it twice.
func (h *Hub) Publish(channel, payload []byte) int {
	n := 0
	if subs := h.channels[string(channel)]; subs != nil {
		m := Message{channel: channel, payload: payload}
		n += deliver(subs, &m)
	}
	for _, pattern := range h.order.list {
		if Match([]byte(pattern), channel) {
			m := Message{pattern: pattern, matched: true, channel: channel, payload: payload}
			n += deliver(h.patterns[pattern], &m)
		}
	}
	return n
}

func deliver(subs *set[*Subscriber], m *Message) int {
	for _, s := range subs.list {
		s.Receiver.Deliver(m)
	}
	return len(subs.list)
}

// Channels calls f for every channel somebody listens to.
func (h *Hub) Channels(f func(channel string)) {
	for channel := range h.channels {
		f(channel)
	}
}

// ChannelCount is the number of channels somebody listens to.
func (h *Hub) ChannelCount() int { return len(h.channels) }

// PatternCount is the number of different patterns somebody listens to.
func (h *Hub) PatternCount() int { return len(h.patterns) }

// Subscribers is how many listen to a channel, not counting patterns.
func (h *Hub) Subscribers(channel []byte) int {
	if subs := h.channels[string(channel)]; subs != nil {
		return len(subs.list)
	}
	return 0
}

func join(m map[string]*set[*Subscriber], s *Subscriber, name string) bool {
	subs := m[name]
	if subs == nil {
		subs = &set[*Subscriber]{}
		m[name] = subs
	}
	return subs.add(s)
}

func leave(m map[string]*set[*Subscriber], s *Subscriber, name string) bool {
	subs := m[name]
	if len(subs.list) == 1 {
		delete(m, name)
		return true
	}
	return subs.remove(s)
}
