package console

import (
	"context"
	"errors"
	"io"
	"net"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"mini-redis/console/wire/tracepb"
)

// spanBuffer is how many spans a viewer may be behind.
const spanBuffer = 4096

// The names of the fields that say what a span is, beside its attributes.
const (
	SpanTraceID  = "trace_id"
	SpanParentID = "parent_span_id"
	SpanKind     = "span.kind"
	SpanStatus   = "status"
	SpanDropped  = "dropped"
)

// traceService is the Trace service: the program's spans, each told as a new
// span, its way into and out of the task it ran in, its events, and its end.
type traceService struct {
	tracepb.UnimplementedTraceServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// enter takes one of the places that there are for viewers of one kind.
func enter(places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, status.Errorf(codes.ResourceExhausted, "%d viewers are watching already", cap(places))
	}
}

// errPaused ends a view whose viewer wants to see nothing for a while.
var errPaused = errors.New("paused")

// Watch implements the service. While the viewer is paused there is no
// subscription: the program pays for what is seen. What was open then is taken
// back, and told anew where it still is, when the viewer goes on.
func (s *traceService) Watch(r *tracepb.WatchRequest, stream grpc.ServerStreamingServer[tracepb.TraceEvent]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	leave, err := enter(s.viewers)
	if err != nil {
		return err
	}
	defer leave()
	w := newSpanWriter(s.c, r.GetFilter(), stream.Send)
	return live(stream.Context(), s.stopping, func(ctx context.Context) error {
		w.forget()
		spans := s.c.o.Spans.Subscribe(spanBuffer)
		defer spans.Close()
		return w.follow(ctx, spans)
	})
}

// live calls f until the viewer or the server ends, and not while the viewer is
// paused. The context that f is given ends with each pause.
func live(viewer context.Context, stopping <-chan struct{}, f func(context.Context) error) error {
	session := sessionOf(viewer)
	for {
		paused, changed := session.state()
		if paused {
			select {
			case <-changed:
				continue
			case <-stopping:
				return errStopping
			case <-viewer.Done():
				return viewer.Err()
			}
		}
		ctx, cancel := context.WithCancelCause(viewer)
		go func() {
			select {
			case <-stopping:
				cancel(errStopping)
			case <-changed:
				cancel(errPaused)
			case <-ctx.Done():
			}
		}()
		err := f(ctx)
		cause := context.Cause(ctx)
		cancel(nil)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && cause == nil:
			return err
		case cause != nil && !errors.Is(cause, errPaused):
			return cause
		}
	}
}

// The attributes that name a connection's peer, of the semantic conventions for
// network attributes.
const (
	peerAddress = attribute.Key("network.peer.address")
	peerPort    = attribute.Key("network.peer.port")
)

// spanTask finds the task that a span ran in: the one whose Key is the address
// of the span's peer.
func (c *Console) spanTask(s *Span) *Task {
	var host, port string
	for _, a := range s.Attributes {
		switch a.Key {
		case peerAddress:
			host = a.Value.AsString()
		case peerPort:
			port = a.Value.String()
		}
	}
	if host == "" {
		return nil
	}
	if t, ok := c.keys.Load(net.JoinHostPort(host, port)); ok {
		return t.(*Task)
	}
	return nil
}
