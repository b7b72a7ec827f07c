package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// idleConnections measures what a connection that does nothing costs, and
// whether the one that works is slowed down by the others.
func (b *bench) idleConnections(ctx context.Context) error {
	rows := [][]string{{"", "KiB a connection", "p50 ms alone", "p50 ms among them", "ratio"}}
	for _, p := range b.installed() {
		if !p.mset {
			continue
		}
		var kib, alone, among, ratio figure
		for range b.rounds {
			k, a, m, err := b.measureIdle(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			kib, alone, among, ratio = append(kib, k), append(alone, a), append(among, m), append(ratio, m/a)
		}
		rows = append(rows, []string{p.name, kib.String(), alone.String(), among.String(), ratio.String()})
	}
	table(b.out, fmt.Sprintf("%d idle connections (resident memory; one connection works, without pipelining; median of %d rounds)", b.idle, b.rounds), rows)
	return nil
}

func (b *bench) measureIdle(ctx context.Context, p peer) (kib, alone, among float64, err error) {
	if p.name == "redis-server" {
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
	if alone, err = workAlone(ctx, pr.addr); err != nil {
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
	among, err = workAlone(ctx, pr.addr)
	return float64(after-before) / 1024 / float64(b.idle), alone, among, err
}

// connect opens idle connections, each of which has sent one request.
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

// workAlone is the median round trip of one connection, in milliseconds.
func workAlone(ctx context.Context, addr string) (float64, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	var took figure
	for range 5000 {
		start := time.Now()
		if err := ping(nc); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(start).Nanoseconds())/1e6)
	}
	return took.median(), nil
}
