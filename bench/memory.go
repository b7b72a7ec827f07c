package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// The numbers of keys of the section memory.
const (
	manyStrings = 950_000
	manyLists   = 632_000
)

// memory compares the resident memory of servers that hold many small values.
func (b *bench) memory(ctx context.Context) error {
	peers := b.complete()
	for _, m := range []struct {
		what, command, value string
		n                    int
	}{{"strings of 64 bytes", "SET", value, manyStrings}, {"lists of one element of one byte", "RPUSH", "x", manyLists}} {
		mib := make([]values, len(peers))
		for round := range b.rounds {
			for i := range peers {
				i := (i + round) % len(peers) // rotate the order, so that no server is always first
				v, err := b.measureMemory(ctx, peers[i], m.command, m.value, m.n)
				if err != nil {
					return fmt.Errorf("%s: %w", peers[i].name, err)
				}
				mib[i] = append(mib[i], v)
			}
		}
		rows := [][]string{{"", "MiB", "ratio"}}
		base := slices.IndexFunc(peers, func(p peer) bool { return p.name == reference })
		for i, p := range peers {
			row := []string{p.name, mib[i].String(), "-"}
			if base >= 0 && i != base {
				var ratio values
				for round := range b.rounds {
					ratio = append(ratio, mib[i][round]/mib[base][round])
				}
				row[2] = ratio.String()
			}
			rows = append(rows, row)
		}
		table(b.out, fmt.Sprintf("%d %s (resident memory after %v without requests; median of %d rounds, min-max; ratios to %s)",
			m.n, m.what, b.settle, b.rounds, reference), rows)
	}
	return nil
}

// measureMemory starts a server, sets n keys, and returns its resident memory in MiB.
func (b *bench) measureMemory(ctx context.Context, p peer, command, value string, n int) (mib float64, err error) {
	pr, err := b.start(ctx, p)
	if err != nil {
		return 0, err
	}
	defer pr.stop()
	if err := fill(ctx, pr.addr, command, value, n); err != nil {
		return 0, err
	}
	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	bytes, err := pr.resident()
	return float64(bytes) / (1 << 20), err
}

// fill writes a value to n keys by a command, SET or RPUSH, in pipelines of 1,000.
func fill(ctx context.Context, addr, command, value string, n int) error {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	reply := map[string]string{"SET": "+OK\r\n", "RPUSH": ":1\r\n"}[command]
	if reply == "" {
		return errors.New("fill: unknown command " + command)
	}
	var out []byte
	in := make([]byte, 1000*len(reply))
	for done := 0; done < n; {
		count := min(1000, n-done)
		out = out[:0]
		for i := range count {
			out = appendRequest(out, command, key(done+i), value)
		}
		if _, err := nc.Write(out); err != nil {
			return err
		}
		replies := in[:count*len(reply)]
		if _, err := io.ReadFull(nc, replies); err != nil {
			return err
		}
		if last := string(replies[len(replies)-len(reply):]); last != reply {
			return fmt.Errorf("%s: the reply is %q, want %q", command, last, reply)
		}
		done += count
	}
	return nil
}
