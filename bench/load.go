package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// load describes the load that this program generates: half SET and half GET with
// values of 64 bytes on 50 connections, a fraction of them with a sampled trace
// context.
type load struct {
	pipeline int
	requests int
	sampled  float64 // fraction of the requests with a sampled trace context, 0 to 1
	aware    bool    // each connection first sends a TRACED command, which makes it context-aware
}

const (
	loadConnections = 50
	loadKeys        = 1000
	valueSize       = 64
)

var (
	value    = strings.Repeat("x", valueSize)
	setReply = len("+OK\r\n")
	getReply = len("$64\r\n\r\n") + valueSize
)

// run sends the load and returns its rate and latencies.
func (l load) run(ctx context.Context, addr string) (sample, error) {
	batches := l.requests / loadConnections / l.pipeline
	latencies := make([][]time.Duration, loadConnections)
	errs := make([]error, loadConnections)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range loadConnections {
		wg.Add(1)
		go func() {
			defer wg.Done()
			latencies[i], errs[i] = l.runConnection(ctx, addr, batches, rand.New(rand.NewPCG(uint64(i), 1)))
		}()
	}
	wg.Wait()
	elapsed := time.Since(start).Seconds()
	for _, err := range errs {
		if err != nil {
			return sample{}, err
		}
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
	return sample{rate: float64(l.sent()) / elapsed, p50: at(0.5), p99: at(0.99)}, nil
}

// sent returns the number of requests that run sends: requests rounded down to full
// batches on all connections.
func (l load) sent() int {
	return l.requests / loadConnections / l.pipeline * loadConnections * l.pipeline
}

// runConnection sends batches on one connection. It reads all replies of a batch before
// it sends the next one, and returns the duration of each batch.
func (l load) runConnection(ctx context.Context, addr string, batches int, rnd *rand.Rand) ([]time.Duration, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if err := l.prepare(nc); err != nil {
		return nil, err
	}
	durations := make([]time.Duration, 0, batches)
	var out []byte
	in := make([]byte, l.pipeline*getReply)
	for range batches {
		out = out[:0]
		expect := 0
		for range l.pipeline {
			var n int
			out, n = l.request(out, rnd)
			expect += n
		}
		start := time.Now()
		if _, err := nc.Write(out); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(nc, in[:expect]); err != nil {
			return nil, err
		}
		durations = append(durations, time.Since(start))
	}
	return durations, nil
}

// prepare creates the keys and makes the connection context-aware if l.aware is set.
func (l load) prepare(nc net.Conn) error {
	var out []byte
	n := 0
	if l.aware {
		out = appendRequest(out, "TRACED", "1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "SET", "k", "v")
		n++
	}
	for i := range loadKeys {
		out = appendRequest(out, "SET", key(i), value)
		n++
	}
	if _, err := nc.Write(out); err != nil {
		return err
	}
	reply := make([]byte, n*setReply)
	if _, err := io.ReadFull(nc, reply); err != nil {
		return err
	}
	if got := strings.Count(string(reply), "+OK\r\n"); got != n {
		return fmt.Errorf("%d of %d replies are OK: %.100q", got, n, reply)
	}
	return nil
}

// request appends one request to out. It returns out and the length of the reply.
func (l load) request(out []byte, rnd *rand.Rand) ([]byte, int) {
	words := []string{"SET", key(rnd.IntN(loadKeys)), value}
	reply := setReply
	if rnd.Uint32()&1 == 0 {
		words, reply = []string{"GET", words[1]}, getReply
	}
	if l.sampled > 0 && rnd.Float64() < l.sampled {
		words = append([]string{"TRACED", "1", "traceparent", traceparent(rnd)}, words...)
	}
	return appendRequest(out, words...), reply
}

func traceparent(rnd *rand.Rand) string {
	var id [24]byte
	for i := range id {
		id[i] = byte(rnd.Uint32()) | 1
	}
	return "00-" + hex.EncodeToString(id[:16]) + "-" + hex.EncodeToString(id[16:]) + "-01"
}

func key(i int) string { return fmt.Sprintf("key:%012d", i) }

func appendRequest(out []byte, words ...string) []byte {
	out = fmt.Appendf(out, "*%d\r\n", len(words))
	for _, w := range words {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(w), w)
	}
	return out
}
