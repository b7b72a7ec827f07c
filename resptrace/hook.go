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

// role says whose client a hook sits on.
type role uint8

const (
	single role = iota // a client of its own
	member             // a node of a cluster or a shard of a ring
)

// hook is the redis.Hook of one *redis.Client: one server, or one name behind
// which servers come and go.
type hook struct {
	*config
	role   role
	wraps  bool        // whether commands may be wrapped at all
	traced atomic.Bool // whether the last HELLO said that the server knows TRACED
	peer   peer
	ops    operations
}

var _ redis.Hook = (*hook)(nil)

func newHook(cfg *config, o *redis.Options, r role) *hook {
	h := &hook{config: cfg, role: r}
	// The key of client-side caching is Args(), which wrapping changes.
	h.wraps = o.ClientSideCache == nil && o.ClientSideCacheConfig == nil
	h.peer.changes = o.Addr == failoverAddr
	h.ops.init(serverAttributes(o))
	return h
}

// DialHook notes whom the client talks to. The dial has no span: go-redis dials
// in the background, without the caller's context.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil && conn != nil {
			h.peer.connected(conn.RemoteAddr())
		}
		return conn, err
	}
}

// ProcessHook sees each single command. On a plain client that is once for all
// attempts, on a node of a cluster once an attempt.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		cmd = unwrap(cmd)
		kind := classify(cmd)
		if kind == housekeeping || h.isProbe(ctx, cmd) {
			return h.keepHouse(ctx, cmd, next)
		}
		op := h.ops.get(alone, cmd.Name())
		start := h.now(ctx)
		if h.unsampled(ctx) || !h.traces(cmd) {
			err := next(ctx, cmd)
			h.record(ctx, op, start, err)
			return err
		}
		return h.trace(ctx, cmd, op, kind == ordinary && h.wraps, next)
	}
}

// trace runs one command in a span of its own.
func (h *hook) trace(ctx context.Context, cmd redis.Cmder, op *operation, wrap bool, next redis.ProcessHook) (err error) {
	start := time.Now()
	ctx, span := h.tracer.Start(ctx, op.name, op.start...)
	if !span.SpanContext().IsSampled() {
		defer span.End()
		err = next(ctx, cmd)
		h.record(ctx, op, start, err)
		return err
	}
	end := ending{span: span, start: start}
	if h.keys {
		end.text = queryText(cmd)
	}
	defer func() { h.end(ctx, op, end, err) }()
	if !wrap {
		return next(ctx, cmd)
	}
	w := &tracedCmd{Cmder: cmd, hook: h}
	h.propagator.Inject(ctx, &w.carrier)
	err = next(ctx, w)
	end.written = w.written
	if w.sent && isUnknownTraced(err) {
		h.traced.Store(false)
		cmd.SetErr(nil)
		err = next(ctx, cmd)
	}
	return err
}

// unsampled says that the caller is in a trace that nobody records.
func (h *hook) unsampled(ctx context.Context) bool {
	sc := trace.SpanContextFromContext(ctx)
	return sc.IsValid() && !sc.IsSampled()
}

// isProbe says that cmd is the PING by which a cluster or ring looks after its
// members. It has a context of the library's own; as a root it would be noise.
func (h *hook) isProbe(ctx context.Context, cmd redis.Cmder) bool {
	return h.role == member && cmd.Name() == "ping" && !trace.SpanContextFromContext(ctx).IsValid()
}

// now is the time, or zero when nobody measures.
func (h *hook) now(ctx context.Context) time.Time {
	if !h.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// record counts a call that has no span.
func (h *hook) record(ctx context.Context, op *operation, start time.Time, err error) {
	if !start.IsZero() && h.duration.Enabled(ctx) {
		h.duration.Record(ctx, time.Since(start).Seconds(), op.measured(h.outcome(err))...)
	}
}

// ending is what is known of a call, beside its operation and its error, when its span ends.
type ending struct {
	span    trace.Span
	start   time.Time
	written time.Time // when it was first written; zero if it was not seen
	text    string    // db.query.text; "" if it is not recorded
	size    int       // db.operation.batch.size; 0 if it is not a batch
}

// end completes and ends a span, and counts the call.
func (h *hook) end(ctx context.Context, op *operation, e ending, err error) {
	out := h.outcome(err)
	if h.duration.Enabled(ctx) {
		h.duration.Record(ctx, time.Since(e.start).Seconds(), op.measured(out)...)
	}
	var buf [8]attribute.KeyValue
	e.span.SetAttributes(e.attributes(buf[:0], h.peer.attributes(), out)...)
	if out.failed() {
		e.span.SetStatus(statusError, "")
	}
	e.span.End()
}
