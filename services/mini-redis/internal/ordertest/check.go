package ordertest

import (
	"fmt"
	"slices"
	"strings"
)

// window is a subscriber's view of one channel through one route.
type window struct {
	last  int64 // number of the last message; the next one is larger
	exact bool  // the next one is last+1
}

// replay checks the events of a subscriber one after the other.
type replay struct {
	log     *log
	open    []bool     // by route
	windows [][]window // by route and channel, while the route is open
	stamp   int64      // of the last message or read
	read    bool       // it was a read: the next message has a larger stamp
	seen    []int32    // the routes of the message of that stamp
}

// check compares what the subscriber received with what was published.
func (s *subscriber) check(log *log) error {
	r := &replay{log: log, open: make([]bool, routes), windows: make([][]window, routes)}
	report := s.round.report
	for i, e := range s.events {
		var err error
		switch e.kind {
		case messageEvent:
			err = r.message(e)
			report.Received++
		case subscribedEvent:
			r.subscribed(e)
			report.Windows++
		case unsubscribedEvent:
			r.open[e.route] = false
		case stampEvent:
			err = r.readStamp(e.stamp)
			report.Reads++
		}
		if err != nil {
			return fmt.Errorf("%s: event %d: %w\n\tbefore it: %s", s.name, i, err, describe(s.events[max(0, i-8):i+1], log))
		}
	}
	return nil
}

// channelsOf returns the channels whose messages a route delivers.
func channelsOf(route int32) []int {
	if isPattern(int(route)) {
		return patterns[int(route)-len(channels)].matches
	}
	return []int{int(route)}
}

// subscribed opens a route. Its first message follows everything that was published up
// to the last known stamp.
func (r *replay) subscribed(e event) {
	if r.open[e.route] {
		return
	}
	r.open[e.route] = true
	r.windows[e.route] = make([]window, len(channels))
	for _, channel := range channelsOf(e.route) {
		r.windows[e.route][channel].last = r.log.numberAt(int32(channel), r.stamp)
	}
}

func (r *replay) message(e event) error {
	m, err := r.log.find(e.publisher, e.seq)
	if err != nil {
		return err
	}
	m.delivered++
	name := routeName(int(e.route))
	switch {
	case m.channel != e.channel:
		return fmt.Errorf("%s was published on %s and received on %s", m.id(), channelName(m.channel), channelName(e.channel))
	case !r.open[e.route]:
		return fmt.Errorf("%s of stamp %d is received through %s, which is not subscribed", m.id(), m.stamp, name)
	case !slices.Contains(channelsOf(e.route), int(e.channel)):
		return fmt.Errorf("%s is received through %s, which does not match %s", m.id(), name, channelName(e.channel))
	case m.stamp < r.stamp, m.stamp == r.stamp && r.read:
		return fmt.Errorf("%s of stamp %d is received after the stamp %d", m.id(), m.stamp, r.stamp)
	case m.stamp == r.stamp && slices.Contains(r.seen, e.route):
		return fmt.Errorf("%s of stamp %d is received twice through %s", m.id(), m.stamp, name)
	}
	if m.stamp > r.stamp {
		r.seen = r.seen[:0]
	}
	r.stamp, r.read, r.seen = m.stamp, false, append(r.seen, e.route)
	w := &r.windows[e.route][e.channel]
	if m.number <= w.last || w.exact && m.number != w.last+1 {
		return fmt.Errorf("through %s, message %d of %s follows message %d", name, m.number, channelName(e.channel), w.last)
	}
	w.last, w.exact = m.number, true
	return nil
}

// readStamp checks that every message up to a stamp has been received.
func (r *replay) readStamp(stamp int64) error {
	if stamp < r.stamp {
		return fmt.Errorf("the stamp %d is read after the stamp %d", stamp, r.stamp)
	}
	r.stamp, r.read, r.seen = stamp, true, r.seen[:0]
	for route := range routes {
		if !r.open[route] {
			continue
		}
		for _, channel := range channelsOf(int32(route)) {
			w := &r.windows[route][channel]
			at := r.log.numberAt(int32(channel), stamp)
			if w.exact && w.last != at {
				return fmt.Errorf("the stamp %d is read after message %d of %s through %s, instead of after message %d",
					stamp, w.last, channels[channel], routeName(route), at)
			}
			w.last, w.exact = at, true
		}
	}
	return nil
}

// describe writes events in one line.
func describe(events []event, log *log) string {
	var b strings.Builder
	for _, e := range events {
		switch e.kind {
		case messageEvent:
			fmt.Fprintf(&b, "message %d-%d through %s", e.publisher, e.seq, routeName(int(e.route)))
			if m, err := log.find(e.publisher, e.seq); err == nil {
				fmt.Fprintf(&b, " (stamp %d, number %d)", m.stamp, m.number)
			}
		case subscribedEvent:
			fmt.Fprintf(&b, "subscribed to %s", routeName(int(e.route)))
		case unsubscribedEvent:
			fmt.Fprintf(&b, "unsubscribed from %s", routeName(int(e.route)))
		case stampEvent:
			fmt.Fprintf(&b, "stamp %d", e.stamp)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}
