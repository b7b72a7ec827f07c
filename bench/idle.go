package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// idleConnections measures the memory of an idle connection, and the latency of an
// active connection with and without the idle ones.
func (b *bench) idleConnections(ctx context.Context) error {
	rows := [][]string{{"", "KiB per connection", "p50 ms without idle", "p50 ms with idle", "ratio"}}
	for _, p := range b.complete() {
		var kib, without, with, ratio values
		for range b.rounds {
			k, a, m, err := b.measureIdle(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			kib, without, with, ratio = append(kib, k), append(without, a), append(with, m), append(ratio, m/a)
		}
		rows = append(rows, []string{p.name, kib.String(), without.String(), with.String(), ratio.String()})
	}
	table(b.out, fmt.Sprintf("%d idle connections (resident memory; one active connection, without pipelining; median of %d rounds, min-max)", b.idle, b.rounds), rows)
	return nil
}

// measureIdle returns the resident memory per idle connection in KiB, and the median
// round trip in milliseconds without and with the idle connections.
func (b *bench) measureIdle(ctx context.Context, p peer) (kib, without, with float64, err error) {
	if p.name == reference {
		args := p.args
		p.args = func(port string) []string { return append(args(port), "--maxclients", fmt.Sprint(b.idle+100)) }
	} else {
		args := p.args
		p.args = func(port string) []string { return append(args(port), "-maxclients", fmt.Sprint(b.idle+100)) }
	}
	pr, err := b.start(ctx, p)
	if err != nil {
		return 0, 0, 0, err
	}
	defer pr.stop()
	if without, err = measureRoundTrip(ctx, pr.addr); err != nil {
		return 0, 0, 0, err
	}
	before, err := pr.resident()
	if err != nil {
		return 0, 0, 0, err
	}
	conns, err := connect(ctx, pr.addr, b.idle)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	if err != nil {
		return 0, 0, 0, err
	}
	after, err := pr.resident()
	if err != nil {
		return 0, 0, 0, err
	}
	with, err = measureRoundTrip(ctx, pr.addr)
	return float64(after-before) / 1024 / float64(b.idle), without, with, err
}

// connect opens n connections and sends one PING on each.
func connect(ctx context.Context, addr string, n int) (conns []net.Conn, err error) {
	for range n {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns)+1, err)
		}
		conns = append(conns, nc)
		if err := ping(nc); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func ping(nc net.Conn) error {
	if _, err := nc.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	var reply [7]byte
	_, err := nc.Read(reply[:])
	return err
}

// measureRoundTrip returns the median of 5000 round trips of PING on one connection, in
// milliseconds.
func measureRoundTrip(ctx context.Context, addr string) (float64, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	var durations values
	for range 5000 {
		start := time.Now()
		if err := ping(nc); err != nil {
			return 0, err
		}
		durations = append(durations, float64(time.Since(start).Nanoseconds())/1e6)
	}
	return durations.median(), nil
}
