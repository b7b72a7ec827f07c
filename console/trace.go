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

// Names of the fields that describe a span, in addition to its attributes.
const (
	SpanTraceID  = "trace_id"
	SpanParentID = "parent_span_id"
	SpanKind     = "span.kind"
	SpanStatus   = "status"
	SpanDropped  = "dropped"
)

// traceService implements the Trace service. For each span of the program it sends the new span,
// the enter and exit of the task it ran in, its events, and its end.
type traceService struct {
	tracepb.UnimplementedTraceServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// acquireViewerSlot takes one of the slots for viewers of one kind. It fails with
// RESOURCE_EXHAUSTED if all slots are in use.
func acquireViewerSlot(slots chan struct{}) (release func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	default:
		return nil, status.Errorf(codes.ResourceExhausted, "the console has %d viewers of this kind, which is its limit", cap(slots))
	}
}

// errPaused ends a subscription when its viewer pauses.
var errPaused = errors.New("paused")

// Watch implements the Trace service. There is no subscription while the viewer is paused, so that
// the program does not pay for spans that are not shown. When the viewer resumes, the spans that
// were open are retracted, and those that are still open are sent again.
func (s *traceService) Watch(r *tracepb.WatchRequest, stream grpc.ServerStreamingServer[tracepb.TraceEvent]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	release, err := acquireViewerSlot(s.viewers)
	if err != nil {
		return err
	}
	defer release()
	w := newSpanWriter(s.c, r.GetFilter(), stream.Send)
	return runUnpaused(stream.Context(), s.stopping, func(ctx context.Context) error {
		w.retractOpen()
		spans := s.c.o.Spans.Subscribe(spanBuffer)
		defer spans.Close()
		return w.run(ctx, spans)
	})
}

// runUnpaused calls f until the stream or the server ends, except while the viewer is paused. The
// context passed to f is canceled at each pause.
func runUnpaused(viewer context.Context, stopping <-chan struct{}, f func(context.Context) error) error {
	conn := viewerConnOf(viewer)
	for {
		paused, changed := conn.state()
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

// Attributes of a connection's peer, from the OpenTelemetry semantic conventions for network
// attributes.
const (
	peerAddress = attribute.Key("network.peer.address")
	peerPort    = attribute.Key("network.peer.port")
)

// spanTask returns the task in which the span ran: the task whose Key is the address of the span's
// peer. It returns nil if there is none.
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
