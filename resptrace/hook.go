package resptrace

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// role says which kind of client a hook belongs to.
type role uint8

const (
	standalone  role = iota // a client that the program created
	clusterNode             // a node of a cluster or a shard of a ring
)

// hook is the redis.Hook of one *redis.Client: of one server, or of one address
// behind which the server can change.
type hook struct {
	*config
	role    role
	canWrap bool        // false: commands are never wrapped
	traced  atomic.Bool // the last reply of HELLO says that the server supports TRACED
	peer    peer
	ops     operations
}

var _ redis.Hook = (*hook)(nil)

func newHook(cfg *config, o *redis.Options, r role) *hook {
	h := &hook{config: cfg, role: r}
	// Client-side caching uses Args() as its key, and wrapping changes Args().
	h.canWrap = o.ClientSideCache == nil && o.ClientSideCacheConfig == nil
	h.peer.mayChange = o.Addr == failoverAddr
	h.ops.init(serverAttributes(o))
	return h
}

// DialHook records the peer address. A dial has no span, because go-redis dials in
// the background without the caller's context.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil && conn != nil {
			h.peer.connected(conn.RemoteAddr())
		}
		return conn, err
	}
}

// ProcessHook is called for each single command: on a standalone client once for
// all attempts, on a node of a cluster once for each attempt.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		cmd = unwrap(cmd)
		kind := classify(cmd)
		if kind == internalCommand || h.isProbe(ctx, cmd) {
			return h.processInternal(ctx, cmd, next)
		}
		op := h.ops.get(singleCommand, cmd.Name())
		start := h.startTime(ctx)
		if h.unsampled(ctx) || !h.traces(cmd) {
			err := next(ctx, cmd)
			h.recordDuration(ctx, op, start, err)
			return err
		}
		return h.trace(ctx, cmd, op, kind == wrappable && h.canWrap, next)
	}
}

// trace runs one command in a new span.
func (h *hook) trace(ctx context.Context, cmd redis.Cmder, op *operation, wrap bool, next redis.ProcessHook) (err error) {
	start := time.Now()
	ctx, span := h.tracer.Start(ctx, op.name, op.start...)
	if !span.SpanContext().IsSampled() {
		defer span.End()
		err = next(ctx, cmd)
		h.recordDuration(ctx, op, start, err)
		return err
	}
	result := callResult{span: span, start: start}
	if h.keys {
		result.text = queryText(cmd)
	}
	defer func() { h.endSpan(ctx, op, result, err) }()
	if !wrap {
		return next(ctx, cmd)
	}
	w := &tracedCmd{Cmder: cmd, hook: h}
	h.propagator.Inject(ctx, &w.carrier)
	err = next(ctx, w)
	result.written = w.written
	if w.sent && isUnknownTraced(err) {
		h.traced.Store(false)
		cmd.SetErr(nil)
		err = next(ctx, cmd)
	}
	return err
}

// unsampled reports whether the caller is in a trace that is not sampled.
func (h *hook) unsampled(ctx context.Context) bool {
	sc := trace.SpanContextFromContext(ctx)
	return sc.IsValid() && !sc.IsSampled()
}

// isProbe reports whether cmd is a PING by which a cluster or ring client checks
// its nodes. Such a PING has no caller's context, so it would be a root span.
func (h *hook) isProbe(ctx context.Context, cmd redis.Cmder) bool {
	return h.role == clusterNode && cmd.Name() == "ping" && !trace.SpanContextFromContext(ctx).IsValid()
}

// startTime returns the current time, or the zero time if the duration is not recorded.
func (h *hook) startTime(ctx context.Context) time.Time {
	if !h.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// recordDuration records the metric for a call that has no span.
func (h *hook) recordDuration(ctx context.Context, op *operation, start time.Time, err error) {
	if !start.IsZero() && h.duration.Enabled(ctx) {
		h.duration.Record(ctx, time.Since(start).Seconds(), op.recordOptions(h.outcome(err))...)
	}
}

// callResult holds what is known about a call when its span ends, besides its
// operation and its error.
type callResult struct {
	span    trace.Span
	start   time.Time
	written time.Time // time of the first write; zero if there was none
	text    string    // db.query.text; "" means that it is not recorded
	size    int       // db.operation.batch.size; 0 means that it is not a batch
}

// endSpan sets the final attributes, ends the span and records the metric.
func (h *hook) endSpan(ctx context.Context, op *operation, e callResult, err error) {
	out := h.outcome(err)
	if h.duration.Enabled(ctx) {
		h.duration.Record(ctx, time.Since(e.start).Seconds(), op.recordOptions(out)...)
	}
	var buf [8]attribute.KeyValue
	e.span.SetAttributes(e.attributes(buf[:0], h.peer.attributes(), out)...)
	if out.failed() {
		e.span.SetStatus(statusError, "")
	}
	e.span.End()
}
