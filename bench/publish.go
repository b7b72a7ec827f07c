package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// audience is who listens to the messages of the section publish.
type audience struct {
	subscribers int // connections that are subscribed to the channel
	patterns    int // patterns of one more connection; one of them matches the channel
	messages    int
}

const channel = "news.000000.x"

// publish compares the cost of a message with many subscribers and with many patterns.
func (b *bench) publish(ctx context.Context) error {
	peers := b.complete()
	for _, a := range []audience{
		{subscribers: 1000, messages: b.requests / 500},
		{patterns: 100_000, messages: b.requests / 1000},
	} {
		results, err := b.inRounds(peers, func(p peer) (sample, error) { return b.measurePublish(ctx, p, a) })
		if err != nil {
			return err
		}
		to := fmt.Sprintf("%d subscribers", a.subscribers)
		if a.patterns > 0 {
			to = fmt.Sprintf("one subscriber with %d patterns", a.patterns)
		}
		b.printPeers(fmt.Sprintf("PUBLISH to %s (%d messages of 64 bytes, one after the other", to, a.messages), peers, results, reference)
	}
	return nil
}

// measurePublish starts a server and publishes to an audience.
func (b *bench) measurePublish(ctx context.Context, p peer, a audience) (sample, error) {
	pr, err := b.start(ctx, p)
	if err != nil {
		return sample{}, err
	}
	defer pr.stop()
	conns, err := a.subscribe(ctx, pr.addr)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	if err != nil {
		return sample{}, err
	}
	if _, err := a.run(ctx, pr.addr, conns, max(1, a.messages/10)); err != nil { // warm-up
		return sample{}, err
	}
	before, err := pr.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := a.run(ctx, pr.addr, conns, a.messages)
	if err != nil {
		return sample{}, err
	}
	after, err := pr.cpu()
	s.cpu = float64((after - before).Microseconds()) / float64(a.messages)
	return s, err
}

// subscribe opens the connections of the audience.
func (a audience) subscribe(ctx context.Context, addr string) (conns []net.Conn, err error) {
	for i := range a.subscribers + min(a.patterns, 1) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return conns, err
		}
		conns = append(conns, nc)
		request, names := "SUBSCRIBE", []string{channel}
		if i == a.subscribers {
			request, names = "PSUBSCRIBE", make([]string, a.patterns)
			for i := range names {
				names[i] = fmt.Sprintf("news.%06d.*", i)
			}
		}
		if err := confirm(nc, request, names); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

// confirm subscribes to names, 1,000 in a request, and reads the confirmations.
func confirm(nc net.Conn, command string, names []string) error {
	total := 0
	for batch := range slices.Chunk(names, 1000) {
		if _, err := nc.Write(appendRequest(nil, append([]string{command}, batch...)...)); err != nil {
			return err
		}
		var want strings.Builder
		for _, name := range batch {
			total++
			fmt.Fprintf(&want, "*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n", len(command), strings.ToLower(command), len(name), name, total)
		}
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(nc, got); err != nil {
			return err
		}
		if string(got) != want.String() {
			return fmt.Errorf("%s: the confirmations begin with %.100q", command, got)
		}
	}
	return nil
}

// run publishes n messages and returns when all connections have received all of them.
func (a audience) run(ctx context.Context, addr string, conns []net.Conn, n int) (sample, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return sample{}, err
	}
	defer nc.Close()
	message := len(appendRequest(nil, "message", channel, value))
	if a.patterns > 0 {
		message = len(appendRequest(nil, "pmessage", "news.000000.*", channel, value))
	}
	received := make(chan error, len(conns))
	for _, c := range conns {
		go func() {
			_, err := io.CopyN(io.Discard, c, int64(n*message))
			received <- err
		}()
	}
	request := appendRequest(nil, "PUBLISH", channel, value)
	reply := fmt.Sprintf(":%d\r\n", len(conns))
	in := make([]byte, len(reply))
	var took values
	began := time.Now()
	for range n {
		start := time.Now()
		if _, err := nc.Write(request); err != nil {
			return sample{}, err
		}
		if _, err := io.ReadFull(nc, in); err != nil {
			return sample{}, err
		}
		if string(in) != reply {
			return sample{}, fmt.Errorf("PUBLISH: the reply is %q, want %q", in, reply)
		}
		took = append(took, float64(time.Since(start).Nanoseconds())/1e6)
	}
	var errs []error
	for range conns {
		errs = append(errs, <-received)
	}
	rate := float64(n) / time.Since(began).Seconds()
	slices.Sort(took)
	return sample{rate: rate, p50: took.median(), p99: took[(n-1)*99/100]}, errors.Join(errs...)
}
