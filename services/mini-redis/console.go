package main

import (
	"context"
	"fmt"

	"mini-redis/console"
	"mini-redis/console/goroutines"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/consoleview"
	"mini-redis/services/mini-redis/internal/server"
)

// startConsole creates and serves the console, if there is an address for it.
func (in *instance) startConsole() (err error) {
	if in.flags.consoleAddr == "" {
		return nil
	}
	in.console = console.New(console.Options{
		Clock: in.clock, Logger: in.log, Logs: in.tap, Spans: sinkSpans{in.tel.Sink()}, Goroutines: &goroutines.Local{},
	})
	in.consoleServer, err = in.console.Listen(console.ServeOptions{Addr: in.flags.consoleAddr})
	if err != nil {
		return fmt.Errorf("cannot serve the console: %w", err)
	}
	return nil
}

// consoleView returns the view of the server in the console, nil without a console.
func (in *instance) consoleView() server.Console {
	if in.console == nil {
		return nil
	}
	return consoleview.New(in.console)
}

// showOpen makes the commands that wait visible to a viewer that subscribes to spans.
func (in *instance) showOpen() {
	in.tel.Sink().SetOpen(func(show func([]telemetry.Record)) {
		in.server.Locked(func() { in.observer.ShowOpen(in.server.Engine(), show) })
	})
}

// sinkSpans gives the console the spans that the exporter gets, and the open ones.
type sinkSpans struct{ sink *telemetry.Sink }

// Subscribe implements [console.SpanSource].
func (s sinkSpans) Subscribe(buffer int) console.SpanStream {
	return &sinkStream{sub: s.sink.Subscribe(buffer)}
}

type sinkStream struct {
	sub     *telemetry.Subscription
	scratch []telemetry.Span
}

// Next implements [console.SpanStream].
func (s *sinkStream) Next(ctx context.Context, dst []console.Span) (n int, missed uint64, err error) {
	if len(s.scratch) < len(dst) {
		s.scratch = make([]telemetry.Span, len(dst))
	}
	n, missed, err = s.sub.Next(ctx, s.scratch[:len(dst)])
	for i := range n {
		dst[i] = consoleSpan(&s.scratch[i])
	}
	clear(s.scratch[:n])
	return n, missed, err
}

func consoleSpan(s *telemetry.Span) console.Span {
	out := console.Span{
		Name: s.Name, Context: s.Context, Parent: s.Parent, Kind: s.Kind, Start: s.Start, End: s.End, Status: s.Status,
		Attributes: s.Attributes, Scope: s.Scope, Open: s.Open, DroppedEvents: s.DroppedEvents,
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, console.SpanEvent(e))
	}
	return out
}

// Close implements [console.SpanStream].
func (s *sinkStream) Close() { s.sub.Close() }
