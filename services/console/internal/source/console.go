package source

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
)

// How long to wait before a program is tried again.
const (
	backoffMin = 500 * time.Millisecond
	backoffMax = 5 * time.Second
)

// console watches one program's console, again and again until ctx ends.
func (l *Live) console(ctx context.Context, target int, s Spec) {
	backoff := backoffMin
	for ctx.Err() == nil {
		began := time.Now()
		err := l.session(ctx, target, s)
		if ctx.Err() != nil {
			return
		}
		l.send(Event{Target: target, Link: &Link{Kind: LinkConsole, Text: reason(err)}})
		if time.Since(began) > backoffMax {
			backoff = backoffMin
		}
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
		}
		backoff = min(2*backoff, backoffMax)
	}
}

// reason is an error as a person reads it.
func reason(err error) string {
	switch s := status.Convert(err); {
	case errors.Is(err, io.EOF):
		return "the program has ended the stream"
	case s.Code() == codes.Unavailable:
		return "not reachable: " + withoutDial(s.Message())
	case s.Code() == codes.Unauthenticated:
		return "refused: " + s.Message()
	default:
		return s.Message()
	}
}

// withoutDial takes what gRPC says about itself and about the address, which is
// told already, off an error of connecting.
func withoutDial(text string) string {
	_, rest, ok := strings.Cut(text, "Error while dialing: ")
	if !ok {
		return text
	}
	rest = strings.TrimSuffix(rest, "\"")
	if _, cause, ok := strings.Cut(rest, ": connect: "); ok {
		return cause
	}
	return rest
}

// session is one connection's life.
type session struct {
	l      *Live
	target int
	client instrumentpb.InstrumentClient
	traces tracepb.TraceClient
	logs   eventspb.EventsClient
	gs     goroutinespb.GoroutinesClient
	pprof  bool // goroutines come by profiles
}

func (l *Live) session(ctx context.Context, target int, s Spec) error {
	conn, err := s.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	var streams sync.WaitGroup
	defer streams.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.Token)
	}
	x := &session{
		l: l, target: target, pprof: s.Pprof != "",
		client: instrumentpb.NewInstrumentClient(conn), traces: tracepb.NewTraceClient(conn),
		logs: eventspb.NewEventsClient(conn), gs: goroutinespb.NewGoroutinesClient(conn),
	}
	updates, err := x.client.WatchUpdates(ctx, &instrumentpb.InstrumentRequest{})
	if err != nil {
		return err
	}
	if _, err := updates.Header(); err != nil {
		return err
	}
	first, err := updates.Recv() // a refusal comes with the first message, not with the headers
	if err != nil {
		return err
	}
	l.send(Event{Target: target, Link: &Link{Kind: LinkConsole, Connected: true}})
	l.send(Event{Target: target, Update: first})
	streams.Go(func() { x.wishes(ctx) })
	streams.Go(func() { x.states(ctx) })
	for {
		u, err := updates.Recv()
		if err != nil {
			return err
		}
		l.send(Event{Target: target, Update: u})
	}
}

// wishes does what the user asks for, as it changes.
func (x *session) wishes(ctx context.Context) {
	var streams sync.WaitGroup
	defer streams.Wait()
	var paused, spans, events, goroutines bool
	var details watched
	endDetails := func() {}
	for ctx.Err() == nil {
		w := x.l.wishes()
		if w.paused != paused {
			paused = w.paused
			x.pause(ctx, paused)
		}
		if w.spans && !spans {
			spans = true
			streams.Go(func() { x.watchSpans(ctx) })
		}
		if w.events && !events {
			events = true
			streams.Go(func() { x.watchEvents(ctx) })
		}
		if w.goroutines && !goroutines && !x.pprof {
			goroutines = true
			streams.Go(func() { x.watchGoroutines(ctx) })
		}
		if w.details != details {
			details = w.details
			endDetails()
			if details.target == x.target && details.task != 0 {
				var of context.Context
				of, endDetails = context.WithCancel(ctx)
				streams.Go(func() { x.watchDetails(of, details.task) })
			}
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
		}
	}
	endDetails()
}

func (x *session) pause(ctx context.Context, paused bool) {
	if paused {
		_, _ = x.client.Pause(ctx, &instrumentpb.PauseRequest{})
	} else {
		_, _ = x.client.Resume(ctx, &instrumentpb.ResumeRequest{})
	}
}

// stream reads a stream to its end, and returns why it has ended.
func stream[T any](s grpc.ServerStreamingClient[T], err error, f func(*T)) error {
	for err == nil {
		var m *T
		if m, err = s.Recv(); err == nil {
			f(m)
		}
	}
	return err
}

// refused tells that a program does not serve a stream. Streams that end with
// the connection say nothing: that is told already.
func (x *session) refused(ctx context.Context, kind LinkKind, err error) {
	switch {
	case ctx.Err() != nil:
	case status.Code(err) == codes.Unimplemented:
		x.l.send(Event{Target: x.target, Link: &Link{Kind: kind, Text: "the program does not serve them"}})
	case status.Code(err) == codes.ResourceExhausted:
		x.l.send(Event{Target: x.target, Link: &Link{Kind: kind, Text: reason(err)}})
	}
}

func (x *session) states(ctx context.Context) {
	s, err := x.client.WatchState(ctx, &instrumentpb.StateRequest{})
	_ = stream(s, err, func(m *instrumentpb.State) {
		paused := m.GetTemporality() == instrumentpb.Temporality_PAUSED
		x.l.send(Event{Target: x.target, Paused: &paused})
	})
}

func (x *session) watchSpans(ctx context.Context) {
	x.l.send(Event{Target: x.target, Link: &Link{Kind: LinkSpans, Connected: true}})
	s, err := x.traces.Watch(ctx, &tracepb.WatchRequest{})
	err = stream(s, err, func(m *tracepb.TraceEvent) { x.l.send(Event{Target: x.target, Trace: m}) })
	x.refused(ctx, LinkSpans, err)
}

func (x *session) watchEvents(ctx context.Context) {
	x.l.send(Event{Target: x.target, Link: &Link{Kind: LinkEvents, Connected: true}})
	s, err := x.logs.Watch(ctx, &eventspb.WatchRequest{Level: x.l.o.Level})
	err = stream(s, err, func(m *eventspb.Batch) { x.l.send(Event{Target: x.target, Events: m}) })
	x.refused(ctx, LinkEvents, err)
}

func (x *session) watchGoroutines(ctx context.Context) {
	s, err := x.gs.Watch(ctx, &goroutinespb.WatchRequest{Limit: uint32(x.l.o.Goroutines)})
	_ = stream(s, err, func(m *goroutinespb.Snapshot) { x.l.send(Event{Target: x.target, Goroutines: m}) })
}

func (x *session) watchDetails(ctx context.Context, task uint64) {
	s, err := x.client.WatchTaskDetails(ctx, &instrumentpb.TaskDetailsRequest{Id: &commonpb.Id{Id: task}})
	_ = stream(s, err, func(m *taskspb.TaskDetails) { x.l.send(Event{Target: x.target, Details: m}) })
}
