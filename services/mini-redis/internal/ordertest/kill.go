package ordertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// end reads up to the end of a connection that was killed, and passes what it reads to
// received.
func (c *conn) end(received func(value) error) error {
	if err := c.nc.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	for {
		v, err := readValue(c.r)
		switch {
		case err == nil:
			if err := received(v); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
			return nil
		default:
			return fmt.Errorf("%s was killed and is not closed: %w", c.name, err)
		}
	}
}

// endSilently is end for a connection that must not have received anything.
func (c *conn) endSilently() error {
	return c.end(func(v value) error { return fmt.Errorf("%v is received after the kill", v) })
}

// victim is a subscriber that was killed.
type victim struct {
	number     int64
	name       string
	began      int64 // the stamp at its subscription
	killed     int64 // the stamp of the kill
	publishers []int32
	seqs       []int32
}

// kill kills connections in turn: subscribers that read and that do not, and one that
// waits for a key.
func (r *round) kill(ctx context.Context) error {
	killer, err := r.dial(ctx, "killing connection", 2)
	if err != nil {
		return err
	}
	for n := int64(1); !r.stopped(); n++ {
		switch killer.rnd.IntN(4) {
		case 0:
			err = r.killWaiting(ctx, killer, n)
		case 1:
			err = r.killTransaction(ctx, killer, n)
		default:
			err = r.killSubscriber(ctx, killer, n)
		}
		if err != nil {
			return err
		}
		r.count(&r.report.Kills, 1)
		r.sleep(time.Duration(killer.rnd.IntN(5)) * time.Millisecond)
	}
	return nil
}

// gone asks for what shows that a connection is not listed.
func gone(killer *conn, id string) { killer.ask(bulk(""), "CLIENT", "LIST", "ID", id) }

func (r *round) killSubscriber(ctx context.Context, killer *conn, n int64) error {
	v := &victim{number: n, name: fmt.Sprintf("victim %d", n)}
	c, err := r.dial(ctx, v.name, 2+int(n%2))
	if err != nil {
		return err
	}
	defer c.close()
	channel, id := victimChannel(n), strconv.FormatInt(c.id, 10)
	c.transaction([][]string{{"SUBSCRIBE", channel}, {"GET", "stamp"}}, func(value) error { return nil }, numberTo(&v.began))
	if err := c.finish(); err != nil {
		return err
	}
	r.target.Store(n)
	defer r.target.Store(0)
	ended := make(chan error, 1)
	read := func() { ended <- c.end(v.received) }
	reads := killer.rnd.IntN(2) == 0
	if reads {
		go read()
	}
	r.sleep(time.Duration(killer.rnd.IntN(4000)) * time.Microsecond)
	killer.transaction([][]string{{"INCR", "stamp"}, {"CLIENT", "KILL", "ID", id}}, numberTo(&v.killed), number(1))
	killer.ask(array(bulk(channel), number(0)), "PUBSUB", "NUMSUB", channel)
	killer.ask(number(0), "PUBLISH", channel, "late")
	gone(killer, id)
	err = killer.finish()
	if !reads {
		go read()
	}
	if err != nil {
		c.close()
		<-ended
		return err
	}
	r.mu.Lock()
	r.victims = append(r.victims, v)
	r.mu.Unlock()
	return <-ended
}

// received keeps a message to the victim.
func (v *victim) received(message value) error {
	words := message.strings()
	if !message.isMessage() || words[1] != victimChannel(v.number) {
		return fmt.Errorf("%v is no message to it", message)
	}
	publisher, seq, err := messageID(words[2])
	if err != nil {
		return fmt.Errorf("%v is received after the kill", message)
	}
	v.publishers, v.seqs = append(v.publishers, publisher), append(v.seqs, seq)
	return nil
}

// check compares what the victim received with what was published: all messages in order
// from its subscription to some message before the kill.
func (v *victim) check(log *log) error {
	channel := int32(len(channels)) + int32(v.number)
	last := log.numberAt(channel, v.began)
	for i := range v.seqs {
		m, err := log.find(v.publishers[i], v.seqs[i])
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", v.name, err)
		case m.channel != channel, m.number != last+1:
			return fmt.Errorf("%s: message %d of %s follows message %d", v.name, m.number, channelName(m.channel), last)
		case m.stamp > v.killed:
			return fmt.Errorf("%s was killed at the stamp %d and received the message of stamp %d", v.name, v.killed, m.stamp)
		}
		last = m.number
	}
	for _, m := range log.channels[channel] {
		want := int64(1)
		if m.stamp > v.killed || m.stamp < v.began {
			want = 0
		}
		if m.receivers != want {
			return fmt.Errorf("the message of stamp %d on %s has %d receivers; %s was subscribed from %d to %d",
				m.stamp, channelName(channel), m.receivers, v.name, v.began, v.killed)
		}
	}
	return nil
}

// killWaiting kills a connection that waits for a key: what is pushed then stays.
func (r *round) killWaiting(ctx context.Context, killer *conn, n int64) error {
	c, err := r.dial(ctx, fmt.Sprintf("waiting victim %d", n), 2+int(n%2))
	if err != nil {
		return err
	}
	defer c.close()
	key, id := fmt.Sprintf("victim:list:%d", n), strconv.FormatInt(c.id, 10)
	c.ask(nil, "BLPOP", key, "0")
	c.ask(nil, "SET", key, "behind")
	if err := c.flush(); err != nil {
		return err
	}
	if err := killer.awaitWaiting(c.id); err != nil {
		return err
	}
	killer.ask(number(1), "CLIENT", "KILL", "ID", id)
	killer.ask(number(1), "RPUSH", key, "x")
	killer.ask(array(bulk("x")), "LRANGE", key, "0", "-1")
	gone(killer, id)
	if err := killer.finish(); err != nil {
		return err
	}
	return c.endSilently()
}

// killTransaction kills a connection between MULTI and EXEC: nothing is executed.
func (r *round) killTransaction(ctx context.Context, killer *conn, n int64) error {
	c, err := r.dial(ctx, fmt.Sprintf("victim %d in a transaction", n), 2+int(n%2))
	if err != nil {
		return err
	}
	defer c.close()
	key, id := fmt.Sprintf("victim:key:%d", n), strconv.FormatInt(c.id, 10)
	c.ask(status("OK"), "MULTI")
	c.ask(status("QUEUED"), "SET", key, "x")
	if err := c.finish(); err != nil {
		return err
	}
	killer.ask(number(1), "CLIENT", "KILL", "ID", id)
	killer.ask(isNull, "GET", key)
	gone(killer, id)
	if err := killer.finish(); err != nil {
		return err
	}
	return c.endSilently()
}
