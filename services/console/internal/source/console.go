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

// Delay before a program is connected to again. It doubles from backoffMin to backoffMax.
const (
	backoffMin = 500 * time.Millisecond
	backoffMax = 5 * time.Second
)

// watchConsole connects to a program's console, again after each failure, until ctx ends.
func (l *Live) watchConsole(ctx context.Context, target int, s Spec) {
	backoff := backoffMin
	for ctx.Err() == nil {
		began := time.Now()
		err := l.connect(ctx, target, s)
		if ctx.Err() != nil {
			return
		}
		l.send(Event{Target: target, Status: &StreamStatus{Kind: ConsoleStream, Text: errorText(err)}})
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

// errorText returns the text of an error that is shown to the user.
func errorText(err error) string {
	switch s := status.Convert(err); {
	case errors.Is(err, io.EOF):
		return "the program closed the stream"
	case s.Code() == codes.Unavailable:
		return "not reachable: " + trimDialPrefix(s.Message())
	case s.Code() == codes.Unauthenticated:
		return "refused: " + s.Message()
	default:
		return s.Message()
	}
}

// trimDialPrefix removes the text that gRPC puts before a connection error, including the address,
// which is already shown.
func trimDialPrefix(text string) string {
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

// targetConn is one connection to a target.
type targetConn struct {
	l      *Live
	target int
	client instrumentpb.InstrumentClient
	traces tracepb.TraceClient
	logs   eventspb.EventsClient
	gs     goroutinespb.GoroutinesClient
	pprof  bool // goroutines are read from profiles instead
}

func (l *Live) connect(ctx context.Context, target int, s Spec) error {
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
	x := &targetConn{
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
	first, err := updates.Recv() // a refusal arrives in place of the first message, not with the headers
	if err != nil {
		return err
	}
	l.send(Event{Target: target, Status: &StreamStatus{Kind: ConsoleStream, Connected: true}})
	l.send(Event{Target: target, Update: first})
	streams.Go(func() { x.followSubscriptions(ctx) })
	streams.Go(func() { x.watchState(ctx) })
	for {
		u, err := updates.Recv()
		if err != nil {
			return err
		}
		l.send(Event{Target: target, Update: u})
	}
}

// followSubscriptions starts and ends streams as the user's requests change.
func (x *targetConn) followSubscriptions(ctx context.Context) {
	var streams sync.WaitGroup
	defer streams.Wait()
	var paused, spans, events, goroutines bool
	var details detailsTarget
	endDetails := func() {}
	for ctx.Err() == nil {
		w := x.l.subscriptions()
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

func (x *targetConn) pause(ctx context.Context, paused bool) {
	if paused {
		_, _ = x.client.Pause(ctx, &instrumentpb.PauseRequest{})
	} else {
		_, _ = x.client.Resume(ctx, &instrumentpb.ResumeRequest{})
	}
}

// receiveAll calls f for each message of a stream and returns the error that ended it.
func receiveAll[T any](s grpc.ServerStreamingClient[T], err error, f func(*T)) error {
	for err == nil {
		var m *T
		if m, err = s.Recv(); err == nil {
			f(m)
		}
	}
	return err
}

// reportUnavailable emits a status if the program does not serve a stream or refuses another
// viewer. A stream that ends with its connection is not reported: the status of the connection is.
func (x *targetConn) reportUnavailable(ctx context.Context, kind StreamKind, err error) {
	switch {
	case ctx.Err() != nil:
	case status.Code(err) == codes.Unimplemented:
		x.l.send(Event{Target: x.target, Status: &StreamStatus{Kind: kind, Text: "the program does not serve them"}})
	case status.Code(err) == codes.ResourceExhausted:
		x.l.send(Event{Target: x.target, Status: &StreamStatus{Kind: kind, Text: errorText(err)}})
	}
}

func (x *targetConn) watchState(ctx context.Context) {
	s, err := x.client.WatchState(ctx, &instrumentpb.StateRequest{})
	_ = receiveAll(s, err, func(m *instrumentpb.State) {
		paused := m.GetTemporality() == instrumentpb.Temporality_PAUSED
		x.l.send(Event{Target: x.target, Paused: &paused})
	})
}

func (x *targetConn) watchSpans(ctx context.Context) {
	x.l.send(Event{Target: x.target, Status: &StreamStatus{Kind: SpanStream, Connected: true}})
	s, err := x.traces.Watch(ctx, &tracepb.WatchRequest{})
	err = receiveAll(s, err, func(m *tracepb.TraceEvent) { x.l.send(Event{Target: x.target, Trace: m}) })
	x.reportUnavailable(ctx, SpanStream, err)
}

func (x *targetConn) watchEvents(ctx context.Context) {
	x.l.send(Event{Target: x.target, Status: &StreamStatus{Kind: EventStream, Connected: true}})
	s, err := x.logs.Watch(ctx, &eventspb.WatchRequest{Level: x.l.o.Level})
	err = receiveAll(s, err, func(m *eventspb.Batch) { x.l.send(Event{Target: x.target, Events: m}) })
	x.reportUnavailable(ctx, EventStream, err)
}

func (x *targetConn) watchGoroutines(ctx context.Context) {
	s, err := x.gs.Watch(ctx, &goroutinespb.WatchRequest{Limit: uint32(x.l.o.MaxGoroutines)})
	_ = receiveAll(s, err, func(m *goroutinespb.Snapshot) { x.l.send(Event{Target: x.target, Goroutines: m}) })
}

func (x *targetConn) watchDetails(ctx context.Context, task uint64) {
	s, err := x.client.WatchTaskDetails(ctx, &instrumentpb.TaskDetailsRequest{Id: &commonpb.Id{Id: task}})
	_ = receiveAll(s, err, func(m *taskspb.TaskDetails) { x.l.send(Event{Target: x.target, Details: m}) })
}
