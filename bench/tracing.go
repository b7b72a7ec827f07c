package main

import (
	"context"
	"fmt"
	"net"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// mode is a configuration of the server and of the load.
type mode struct {
	name    string
	env     []string
	args    []string
	sampled float64
	aware   bool
	console bool // the server serves its console
}

// tracing measures the cost of tracing: without telemetry, with telemetry but no
// sampled requests, and with 1 % and 100 % of the requests in a sampled trace.
func (b *bench) tracing(ctx context.Context) error {
	sink, stop, err := startSpanSink()
	if err != nil {
		return err
	}
	defer stop()
	on := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + sink, "OTEL_METRICS_EXPORTER=none"}
	return b.compare(ctx, "tracing", []mode{
		{name: "off", env: telemetryOff},
		{name: "on, unsampled", env: on, aware: true},
		{name: "on, 1 % sampled", env: on, aware: true, sampled: 0.01},
		{name: "on, 100 % sampled", env: on, aware: true, sampled: 1},
	})
}

// compare measures the modes in turn in each round, without and with pipelining, and
// prints a table for each.
func (b *bench) compare(ctx context.Context, what string, modes []mode) error {
	for _, pipeline := range []int{1, 16} {
		results := make([]series, len(modes))
		for round := range b.rounds {
			for i := range modes {
				i := (i + round) % len(modes)
				s, err := b.measureMode(ctx, modes[i], pipeline)
				if err != nil {
					return fmt.Errorf("%s: %w", modes[i].name, err)
				}
				results[i] = append(results[i], s)
			}
		}
		printModes(b, what, pipeline, modes, results)
	}
	return nil
}

func (b *bench) measureMode(ctx context.Context, m mode, pipeline int) (sample, error) {
	pr, _, err := b.startMode(ctx, m)
	if err != nil {
		return sample{}, err
	}
	defer pr.stop()
	l := m.load(b.requests, pipeline)
	if err := l.warmUp(ctx, pr.addr); err != nil {
		return sample{}, err
	}
	return pr.measure(ctx, l)
}

// startMode starts a server in mode m. consoleAddr is the address of its console, or ""
// if it has none.
func (b *bench) startMode(ctx context.Context, m mode) (pr *process, consoleAddr string, err error) {
	if m.console {
		if consoleAddr, err = freeAddr(); err != nil {
			return nil, "", err
		}
	}
	pr, err = b.start(ctx, peer{
		name: m.name, command: b.binary, env: m.env,
		args: func(port string) []string {
			return append([]string{"-addr", "127.0.0.1:" + port, "-admin-addr", "", "-console-addr", consoleAddr}, m.args...)
		},
	})
	return pr, consoleAddr, err
}

// load returns the load for the mode. Pipelined loads have 5 times as many requests.
func (m mode) load(requests, pipeline int) load {
	l := load{pipeline: pipeline, requests: requests, sampled: m.sampled, aware: m.aware}
	if pipeline > 1 {
		l.requests *= 5
	}
	return l
}

// warmUp sends a tenth of the requests.
func (l load) warmUp(ctx context.Context, addr string) error {
	l.requests /= 10
	_, err := l.run(ctx, addr)
	return err
}

// measure runs the load and returns its results and the server's CPU time per request.
func (p *process) measure(ctx context.Context, l load) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := l.run(ctx, p.addr)
	if err != nil {
		return sample{}, err
	}
	after, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	s.cpu = float64((after - before).Microseconds()) / float64(l.sent()+loadConnections*loadKeys)
	return s, nil
}

func printModes(b *bench, what string, pipeline int, modes []mode, results []series) {
	rows := [][]string{{what, "CPU us/op", "op/s", "p50 ms", "p99 ms", "CPU ratio to off"}}
	for i, m := range modes {
		r := results[i]
		row := []string{m.name, r.pick(cpuOf).String(), r.pick(rateOf).String(), r.pick(p50Of).String(), r.pick(p99Of).String(), "-"}
		if i > 0 {
			row[5] = r.ratios(results[0], cpuOf).String()
		}
		rows = append(rows, row)
	}
	table(b.out, fmt.Sprintf("%s, pipeline %d (half SET, half GET of 64 bytes on 50 connections; median of %d rounds, min-max)",
		what, pipeline, len(results[0])), rows)
}

// startSpanSink starts a collector that accepts and discards all spans.
func startSpanSink() (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, spanSink{})
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), s.Stop, nil
}

type spanSink struct {
	collector.UnimplementedTraceServiceServer
}

// Export implements the collector's service.
func (spanSink) Export(context.Context, *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	return &collector.ExportTraceServiceResponse{}, nil
}
