package ordertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// channels are the channels of a round, patterns what the subscribers listen to.
// Channels of victims have other names, which no pattern matches.
var (
	channels = []string{"a:0", "a:1", "a:2", "b:0", "b:1"}
	patterns = []struct {
		text    string
		matches []int // indexes of channels
	}{
		{"a:*", []int{0, 1, 2}}, {"?:0", []int{0, 3}}, {"[ab]:1", []int{1, 4}}, {"b:0", []int{3}},
	}
)

// victimChannel returns the channel of a victim. Its index follows those of channels.
func victimChannel(victim int64) string { return "victim:" + strconv.FormatInt(victim, 10) }

// published is a message.
type published struct {
	publisher, seq int32
	channel        int32 // index of channels; beyond them the number of a victim
	stamp, number  int64
	receivers      int64
	delivered      int64 // counted by check
}

// id returns the payload of the message.
func (p *published) id() string { return fmt.Sprintf("%d-%d", p.publisher, p.seq) }

// messageID parses a payload.
func messageID(payload string) (publisher, seq int32, err error) {
	a, b, _ := strings.Cut(payload, "-")
	x, err1 := strconv.ParseInt(a, 10, 32)
	y, err2 := strconv.ParseInt(b, 10, 32)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q is no payload of a publisher", payload)
	}
	return int32(x), int32(y), nil
}

// publisher publishes on one connection.
type publisher struct {
	round *round
	index int
	sent  []published
	own   int64 // the value of its own counter

	complete bool // it ended without a violation
}

func (p *publisher) run(ctx context.Context) error {
	c, err := p.round.dial(ctx, fmt.Sprintf("publisher %d", p.index), 2+p.index%2)
	if err != nil {
		return err
	}
	own := fmt.Sprintf("own:%d", p.index)
	last := int64(0)
	for !p.round.stopped() {
		from := len(p.sent)
		for range 1 + c.rnd.IntN(8) {
			p.publish(c)
			switch c.rnd.IntN(4) {
			case 0:
				token := strconv.Itoa(c.rnd.Int())
				c.ask(bulk(token), "ECHO", token)
			case 1:
				p.own++
				c.ask(number(p.own), "INCR", own)
			}
		}
		if err := c.finish(); err != nil {
			return err
		}
		for _, m := range p.sent[from:] {
			if m.stamp <= last {
				return fmt.Errorf("%s: its message of stamp %d follows that of stamp %d", c.name, m.stamp, last)
			}
			last = m.stamp
		}
	}
	p.complete = true
	return nil
}

// publish asks for one message. The replies fill in its stamp and number.
func (p *publisher) publish(c *conn) {
	i := len(p.sent)
	m := published{publisher: int32(p.index), seq: int32(i), channel: int32(c.rnd.IntN(len(channels)))}
	if victim := p.round.target.Load(); victim > 0 && c.rnd.IntN(2) == 0 {
		m.channel = int32(len(channels)) + int32(victim)
	}
	p.sent = append(p.sent, m)
	fill := func(field func(*published) *int64) func(value) error {
		return func(v value) error { return numberTo(field(&p.sent[i]))(v) }
	}
	channel := channelName(m.channel)
	c.transaction([][]string{{"INCR", "stamp"}, {"INCR", "number:" + channel}, {"PUBLISH", channel, m.id()}},
		fill(func(m *published) *int64 { return &m.stamp }),
		fill(func(m *published) *int64 { return &m.number }),
		fill(func(m *published) *int64 { return &m.receivers }))
}

func channelName(index int32) string {
	if int(index) < len(channels) {
		return channels[index]
	}
	return victimChannel(int64(index) - int64(len(channels)))
}

// log is what was published, in order.
type log struct {
	publishers []*publisher
	order      []*published
	channels   map[int32][]*published // by channel, in order
}

// newLog sorts the messages by stamp, and checks that the stamps and the numbers agree.
func newLog(publishers []*publisher) (*log, error) {
	l := &log{publishers: publishers, channels: map[int32][]*published{}}
	for _, p := range publishers {
		for i := range p.sent {
			l.order = append(l.order, &p.sent[i])
		}
	}
	slices.SortFunc(l.order, func(a, b *published) int { return cmp.Compare(a.stamp, b.stamp) })
	last := int64(0)
	for _, m := range l.order {
		if m.stamp <= last {
			return nil, fmt.Errorf("two transactions got the stamp %d", m.stamp)
		}
		last = m.stamp
		list := append(l.channels[m.channel], m)
		if m.number != int64(len(list)) {
			return nil, fmt.Errorf("message %d of %s has the number %d", len(list), channelName(m.channel), m.number)
		}
		l.channels[m.channel] = list
	}
	return l, nil
}

// find returns the message of a payload.
func (l *log) find(publisher, seq int32) (*published, error) {
	if int(publisher) >= len(l.publishers) || int(seq) >= len(l.publishers[publisher].sent) || publisher < 0 || seq < 0 {
		return nil, fmt.Errorf("the message %d-%d was not published", publisher, seq)
	}
	return &l.publishers[publisher].sent[seq], nil
}

// numberAt returns the number of messages of a channel up to a stamp.
func (l *log) numberAt(channel int32, stamp int64) int64 {
	n, found := slices.BinarySearchFunc(l.channels[channel], stamp, func(m *published, stamp int64) int {
		return cmp.Compare(m.stamp, stamp)
	})
	if found {
		n++
	}
	return int64(n)
}

// checkReceivers checks the replies to PUBLISH: every receiver has got its message.
func (l *log) checkReceivers() error {
	for _, m := range l.order {
		if int(m.channel) < len(channels) && m.delivered != m.receivers {
			return fmt.Errorf("the message %s on %s has the stamp %d and %d receivers, and was received %d times",
				m.id(), channelName(m.channel), m.stamp, m.receivers, m.delivered)
		}
	}
	return nil
}
