package ordertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

type eventKind uint8

const (
	messageEvent      eventKind = iota
	subscribedEvent             // the confirmation; also if the subscription existed
	unsubscribedEvent           // the confirmation; also if there was none
	stampEvent                  // the reply to GET stamp
)

// event is what a subscriber has received, in order.
type event struct {
	kind           eventKind
	route          int32 // an index of routes
	channel        int32 // of a message: an index of channels
	publisher, seq int32 // of a message
	stamp          int64 // of stampEvent
}

// The routes of a message to a subscriber: route i < len(channels) is channel i, the
// others are the patterns.
var routes = len(channels) + len(patterns)

func isPattern(route int) bool { return route >= len(channels) }

func routeName(route int) string {
	if isPattern(route) {
		return patterns[route-len(channels)].text
	}
	return channels[route]
}

// subscriber subscribes and unsubscribes on one connection.
type subscriber struct {
	round  *round
	index  int
	name   string
	open   []bool // by route, when all requests so far are executed
	events []event

	complete bool // it ended without a violation
}

func (s *subscriber) run(ctx context.Context) error {
	s.name = fmt.Sprintf("subscriber %d", s.index)
	c, err := s.round.dial(ctx, s.name, 2+s.index%2)
	if err != nil {
		return err
	}
	c.onMessage = s.message
	s.open = make([]bool, routes)
	for !closed(s.round.quiet) {
		for range 1 + c.rnd.IntN(5) {
			s.act(c)
		}
		if err := c.finish(); err != nil {
			return err
		}
		if c.rnd.IntN(4) == 0 {
			s.round.sleep(time.Duration(c.rnd.IntN(1000)) * time.Microsecond)
		}
	}
	s.unsubscribeAll(c)
	err = c.finish()
	s.complete = err == nil
	return err
}

// act appends a random request.
func (s *subscriber) act(c *conn) {
	route := c.rnd.IntN(routes)
	restricted := c.proto == 2 && s.count() > 0 // RESP2 refuses other commands
	token := strconv.Itoa(c.rnd.Int())
	switch n := c.rnd.IntN(12); {
	case n < 4:
		s.change(c, true, route)
	case n < 6:
		s.change(c, false, route)
	case n == 6:
		s.unsubscribeAll(c)
	case n == 7 && restricted:
		c.ask(array(bulk("pong"), bulk(token)), "PING", token)
	case n == 7:
		c.ask(bulk(token), "PING", token)
	case n == 8 && !restricted:
		c.ask(bulk(token), "ECHO", token)
	case n == 9 && !restricted:
		s.open[route] = true
		command, name := commandOf(true, route)
		c.transaction([][]string{{command, name}, {"GET", "stamp"}}, s.confirmation(c, true, route, s.count()), s.stamp)
	case !restricted:
		s.readStamp(c)
	}
}

// change appends a request to subscribe or unsubscribe.
func (s *subscriber) change(c *conn, subscribe bool, route int) {
	s.open[route] = subscribe
	command, name := commandOf(subscribe, route)
	c.ask(s.confirmation(c, subscribe, route, s.count()), command, name)
}

func commandOf(subscribe bool, route int) (command, name string) {
	command = "SUBSCRIBE"
	if !subscribe {
		command = "UNSUBSCRIBE"
	}
	if isPattern(route) {
		command = "P" + command
	}
	return command, routeName(route)
}

// unsubscribeAll ends all subscriptions of channels in one request and those of patterns
// in another. A read of the stamp follows: no message may come after it.
func (s *subscriber) unsubscribeAll(c *conn) {
	for _, isKind := range []func(int) bool{func(r int) bool { return !isPattern(r) }, isPattern} {
		var request []string
		var checks []func(value) error
		for route := range routes {
			if !s.open[route] || !isKind(route) {
				continue
			}
			command, name := commandOf(false, route)
			if request == nil {
				request = []string{command}
			}
			request = append(request, name)
			s.open[route] = false
			checks = append(checks, s.confirmation(c, false, route, s.count()))
		}
		if request == nil {
			continue
		}
		c.ask(checks[0], request...)
		for _, check := range checks[1:] {
			c.await(check)
		}
	}
	s.readStamp(c)
}

func (s *subscriber) readStamp(c *conn) { c.ask(s.stamp, "GET", "stamp") }

func (s *subscriber) stamp(v value) error {
	e := event{kind: stampEvent}
	err := numberTo(&e.stamp)(v)
	s.events = append(s.events, e)
	return err
}

func (s *subscriber) count() (n int) {
	for _, open := range s.open {
		if open {
			n++
		}
	}
	return n
}

// confirmation checks and keeps the confirmation of a change of subscriptions, after
// which count are left.
func (s *subscriber) confirmation(c *conn, subscribe bool, route, count int) func(value) error {
	command, name := commandOf(subscribe, route)
	kind := subscribedEvent
	if !subscribe {
		kind = unsubscribedEvent
	}
	return func(v value) error {
		want := fmt.Sprintf("*[%q %q :%d]", strings.ToLower(command), name, count)
		if c.proto == 3 {
			want = ">" + want[1:]
		}
		s.events = append(s.events, event{kind: kind, route: int32(route)})
		return equals(want)(v)
	}
}

// message keeps a message.
func (s *subscriber) message(v value) error {
	words := v.strings()
	channel := slices.Index(channels, words[len(words)-2])
	route := channel
	if len(words) == 4 {
		route = -1
		for i := range patterns {
			if patterns[i].text == words[1] {
				route = len(channels) + i
			}
		}
	}
	publisher, seq, err := messageID(words[len(words)-1])
	if err != nil || channel < 0 || route < 0 {
		return fmt.Errorf("a message that was not published: %v", v)
	}
	s.events = append(s.events, event{
		kind: messageEvent, route: int32(route), channel: int32(channel), publisher: publisher, seq: seq,
	})
	return nil
}
