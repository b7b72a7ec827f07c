package pubsub

// Hub knows all subscriptions.
type Hub struct {
	channels map[string]*topic
	patterns map[string]*topic
	order    set[string] // the patterns, in the order messages are matched with them
	watcher  Watcher     // nil: nobody
}

// topic is a channel or a pattern that somebody listens to.
type topic struct {
	subs    set[*Subscriber]
	watched Watched // nil: nobody watches
}

// Watcher is told of channels and patterns as they get their first subscriber.
type Watcher interface {
	// Opened returns who is told the rest, nil for nobody.
	Opened(name string, pattern bool) Watched
}

// Watched is told what happens to one channel or pattern: who comes to listen and
// who goes, of each message, and of its end when nobody listens any more.
type Watched interface {
	Joined(s *Subscriber)
	Left(s *Subscriber)
	Published()
	Closed()
}

// NewHub makes a hub without subscriptions.
func NewHub() *Hub {
	return &Hub{channels: map[string]*topic{}, patterns: map[string]*topic{}}
}

// Watch lets w know of subscriptions from now on.
func (h *Hub) Watch(w Watcher) { h.watcher = w }

// Subscribe adds a channel to s, and reports whether it was not there yet.
func (h *Hub) Subscribe(s *Subscriber, channel string) bool {
	return s.channels.add(channel) && h.join(h.channels, s, channel, false)
}

// Unsubscribe removes a channel from s, and reports whether it was there.
func (h *Hub) Unsubscribe(s *Subscriber, channel string) bool {
	return s.channels.remove(channel) && leave(h.channels, s, channel)
}

// PSubscribe adds a pattern to s, and reports whether it was not there yet.
func (h *Hub) PSubscribe(s *Subscriber, pattern string) bool {
	h.order.add(pattern)
	return s.patterns.add(pattern) && h.join(h.patterns, s, pattern, true)
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
	if t := h.channels[string(channel)]; t != nil {
		m := Message{channel: channel, payload: payload}
		n += deliver(t, &m)
	}
	for _, pattern := range h.order.list {
		if Match([]byte(pattern), channel) {
			m := Message{pattern: pattern, matched: true, channel: channel, payload: payload}
			n += deliver(h.patterns[pattern], &m)
		}
	}
	return n
}

func deliver(t *topic, m *Message) int {
	if t.watched != nil {
		t.watched.Published()
	}
	for _, s := range t.subs.list {
		s.Receiver.Deliver(m)
	}
	return len(t.subs.list)
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
	if t := h.channels[string(channel)]; t != nil {
		return len(t.subs.list)
	}
	return 0
}

func (h *Hub) join(m map[string]*topic, s *Subscriber, name string, pattern bool) bool {
	t := m[name]
	if t == nil {
		t = &topic{}
		if h.watcher != nil {
			t.watched = h.watcher.Opened(name, pattern)
		}
		m[name] = t
	}
	added := t.subs.add(s)
	if added && t.watched != nil {
		t.watched.Joined(s)
	}
	return added
}

func leave(m map[string]*topic, s *Subscriber, name string) bool {
	t := m[name]
	if !t.subs.remove(s) {
		return false
	}
	if t.watched != nil {
		t.watched.Left(s)
	}
	if len(t.subs.list) == 0 {
		delete(m, name)
		if t.watched != nil {
			t.watched.Closed()
		}
	}
	return true
}
