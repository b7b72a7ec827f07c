package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// telemetryOff disables telemetry, which the other servers do not have.
var telemetryOff = []string{"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"}

// reference is the server that ratios are computed to.
const reference = "redis-server"

// own returns a binary of mini-redis as a peer.
func own(name, binary string, flags ...string) peer {
	return peer{name: name, command: binary, env: telemetryOff, pipelines: true, complete: true,
		args: func(port string) []string {
			return append([]string{"-addr", "127.0.0.1:" + port, "-admin-addr", ""}, flags...)
		}}
}

// installed returns the servers that are installed on this machine, mini-redis first.
func (b *bench) installed() []peer {
	all := []peer{own("mini-redis", b.binary)}
	if b.old != "" {
		all = append(all, own("old mini-redis", b.old))
	}
	all = append(all, []peer{
		{name: reference, command: reference, pipelines: true, complete: true,
			args: func(port string) []string {
				return []string{"--port", port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"}
			}},
		{name: "tokio mini-redis", command: "mini-redis-server",
			args: func(port string) []string { return []string{"--port", port} }},
	}...)
	var found []peer
	for _, p := range all {
		if _, err := exec.LookPath(p.command); err != nil {
			fmt.Fprintf(b.out, "%s is not installed: skipped\n", p.name)
			continue
		}
		found = append(found, p)
	}
	return found
}

// complete returns the installed servers that know more than GET and SET.
func (b *bench) complete() []peer {
	return slices.DeleteFunc(b.installed(), func(p peer) bool { return !p.complete })
}

// inRounds measures the servers in turn, in rounds.
func (b *bench) inRounds(peers []peer, measure func(peer) (sample, error)) ([]series, error) {
	results := make([]series, len(peers))
	for round := range b.rounds {
		for i := range peers {
			i := (i + round) % len(peers) // rotate the order, so that no server is always first
			s, err := measure(peers[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peers[i].name, err)
			}
			results[i] = append(results[i], s)
		}
	}
	return results, nil
}

// peers compares the servers with redis-benchmark.
func (b *bench) peers(ctx context.Context) error {
	return b.redisBenchmarks(ctx, "peers", b.installed(), reference)
}

// redisBenchmarks compares servers with redis-benchmark. Ratios are computed to the server
// with the name to.
func (b *bench) redisBenchmarks(ctx context.Context, section string, peers []peer, to string) error {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		fmt.Fprintf(b.out, "%s: skipped, redis-benchmark is not installed (Debian: apt-get install redis-tools)\n", section)
		return nil
	}
	for _, pipeline := range []int{1, 16} {
		for _, op := range []string{"get", "set"} {
			results, err := b.inRounds(peers, func(p peer) (sample, error) { return b.redisBenchmark(ctx, p, op, pipeline) })
			if err != nil {
				return err
			}
			what := fmt.Sprintf("%s, pipeline %d (redis-benchmark -c 50 -d 64 -P %d -t %s", strings.ToUpper(op), pipeline, pipeline, op)
			b.printPeers(what, peers, results, to)
		}
	}
	return nil
}

// redisBenchmark starts a server, runs redis-benchmark and returns its results and the
// server's CPU time.
func (b *bench) redisBenchmark(ctx context.Context, p peer, op string, pipeline int) (sample, error) {
	requests := b.requests
	switch {
	case pipeline > 1 && p.pipelines:
		requests *= 5
	case pipeline > 1:
		requests /= 4
	}
	pr, err := b.start(ctx, p)
	if err != nil {
		return sample{}, err
	}
	defer pr.stop()
	_, port, _ := net.SplitHostPort(pr.addr)
	load := func(n int) ([]byte, error) {
		return exec.CommandContext(ctx, "redis-benchmark", "-h", "127.0.0.1", "-p", port, "-c", "50", "-d", "64",
			"-n", strconv.Itoa(n), "-P", strconv.Itoa(pipeline), "-t", op, "--csv").Output()
	}
	if _, err := load(requests / 10); err != nil { // warm-up
		return sample{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	before, err := pr.cpu()
	if err != nil {
		return sample{}, err
	}
	text, err := load(requests)
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	after, err := pr.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := readCSV(string(text))
	s.cpu = float64((after - before).Microseconds()) / float64(requests)
	return s, err
}

// readCSV parses the output of redis-benchmark --csv. Its columns are the test, requests
// per second, and the average, minimum, p50, p95, p99 and maximum latency in
// milliseconds.
func readCSV(text string) (sample, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[1]) < 8 {
		return sample{}, fmt.Errorf("redis-benchmark printed %q", text)
	}
	row := rows[len(rows)-1]
	var v [3]float64
	for i, column := range []int{1, 4, 6} {
		if v[i], err = strconv.ParseFloat(row[column], 64); err != nil {
			return sample{}, fmt.Errorf("redis-benchmark printed %q", text)
		}
	}
	return sample{rate: v[0], p50: v[1], p99: v[2]}, nil
}

// printPeers prints the results of the servers. what is the beginning of the title, with an
// open parenthesis.
func (b *bench) printPeers(what string, peers []peer, results []series, to string) {
	rows := [][]string{{"", "CPU us/op", "op/s", "p50 ms", "p99 ms", "CPU ratio", "p99 ratio"}}
	base := slices.IndexFunc(peers, func(p peer) bool { return p.name == to })
	for i, p := range peers {
		r := results[i]
		row := []string{p.name, r.pick(cpuOf).String(), r.pick(rateOf).String(), r.pick(p50Of).String(), r.pick(p99Of).String(), "-", "-"}
		if base >= 0 && i != base {
			row[5] = r.ratios(results[base], cpuOf).String()
			row[6] = r.ratios(results[base], p99Of).String()
		}
		rows = append(rows, row)
	}
	table(b.out, fmt.Sprintf("%s; median of %d rounds, min-max; ratios to %s)", what, b.rounds, to), rows)
}
