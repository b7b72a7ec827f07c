package resptrace

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// contents is what a hook has to know of a batch before it sends it.
type contents struct {
	kind   batchKind
	name   string // of its commands; "" if they differ
	size   int    // commands, without go-redis's own and without MULTI and EXEC
	traced bool   // the filter lets one of them be traced
}

// inspect looks through a batch, without an allocation.
func (h *hook) inspect(cmds []redis.Cmder) contents {
	c := contents{kind: pipeline}
	for _, cmd := range cmds {
		if classify(cmd) == housekeeping {
			continue
		}
		name := cmd.Name()
		if name == "multi" && c.size == 0 {
			c.kind = transaction
			continue
		}
		if name == "exec" && c.kind == transaction {
			continue
		}
		if c.size == 0 {
			c.name = name
		} else if name != c.name {
			c.name = ""
		}
		c.size++
		c.traced = c.traced || h.traces(cmd)
	}
	if c.kind == pipeline && c.size == 1 {
		c.kind = alone // the conventions: a batch of one is none
	}
	return c
}

// ProcessPipelineHook sees each pipeline and transaction, and on a node of a cluster each
// attempt of it. A redirected single command comes as a pipeline of ASKING and itself.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		cmds = unwrapAll(cmds)
		in := h.inspect(cmds)
		if in.size == 0 {
			return next(ctx, announceAll(cmds))
		}
		op := h.ops.get(in.kind, in.name)
		start := h.now(ctx)
		if h.unsampled(ctx) || !in.traced {
			err := next(ctx, cmds)
			h.record(ctx, op, start, h.judged(cmds, err))
			return err
		}
		return h.traceBatch(ctx, cmds, in, op, next)
	}
}

// traceBatch runs a batch in one span.
func (h *hook) traceBatch(ctx context.Context, cmds []redis.Cmder, in contents, op *operation, next redis.ProcessPipelineHook) (err error) {
	start := time.Now()
	ctx, span := h.tracer.Start(ctx, op.name, op.start...)
	if !span.SpanContext().IsSampled() {
		defer span.End()
		err = next(ctx, cmds)
		h.record(ctx, op, start, h.judged(cmds, err))
		return err
	}
	end := ending{span: span, start: start, size: in.size}
	if h.keys {
		end.text = batchText(cmds)
	}
	defer func() { h.end(ctx, op, end, h.judged(cmds, err)) }()
	if !h.wraps {
		return next(ctx, cmds)
	}
	b := &batch{hook: h}
	h.propagator.Inject(ctx, &b.carrier)
	err = next(ctx, b.wrap(cmds))
	end.written = b.written
	if b.sent {
		err = h.fallBack(ctx, b, cmds, in.kind, err, next)
	}
	return err
}

// wrap returns the batch with a context on each command that may have one. The slice is
// a new one: the program keeps that which it gave.
func (b *batch) wrap(cmds []redis.Cmder) []redis.Cmder {
	wrapped := make([]redis.Cmder, len(cmds))
	b.cmds = make([]batchCmd, 0, len(cmds)) // never grows: commands point into it
	for i, cmd := range cmds {
		wrapped[i] = cmd
		if classify(cmd) == ordinary && b.hook.traces(cmd) {
			b.cmds = append(b.cmds, batchCmd{Cmder: cmd, batch: b, first: len(b.cmds) == 0})
			wrapped[i] = &b.cmds[len(b.cmds)-1]
		}
	}
	return wrapped
}

// fallBack sends once more, plain, the commands that the server refused
// because it does not know TRACED. They have not run. Those of a transaction
// stay refused: EXECABORT has let go of what was watched.
func (h *hook) fallBack(ctx context.Context, b *batch, cmds []redis.Cmder, kind batchKind, err error, next redis.ProcessPipelineHook) error {
	again := b.refused(cmds)
	if len(again) == 0 {
		return err
	}
	h.traced.Store(false)
	if kind == transaction {
		return err
	}
	if err != nil && !isUnknownTraced(err) && (!isReply(err) || h.role == member && requeues(err)) {
		// Either the connection failed in the middle of the batch, or the
		// cluster client is going to send all of it again.
		for _, cmd := range again {
			cmd.SetErr(err)
		}
		return err
	}
	for _, cmd := range again {
		cmd.SetErr(nil)
	}
	if err := next(ctx, again); err != nil && !isReply(err) {
		return err
	}
	return firstError(cmds)
}

// refused are the wrapped commands that the server did not know, each with the
// ASKING that went before it and that the refusal has used up.
func (b *batch) refused(cmds []redis.Cmder) []redis.Cmder {
	var again []redis.Cmder
	wrapped := b.cmds
	for i, cmd := range cmds {
		if len(wrapped) == 0 {
			break
		}
		if cmd != wrapped[0].Cmder {
			continue
		}
		wrapped = wrapped[1:]
		if !isUnknownTraced(cmd.Err()) {
			continue
		}
		if i > 0 && cmds[i-1].Name() == "asking" {
			again = append(again, cmds[i-1])
		}
		again = append(again, cmd)
	}
	return again
}

// requeues says that a cluster client repeats a whole pipeline when its first
// command is answered so.
func requeues(err error) bool {
	reply, ok := asReply(err)
	if !ok {
		return false
	}
	switch errorCode(reply.Error()) {
	case "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS":
		return true
	}
	return redis.IsMaxClientsError(err)
}

// firstError is the error of a batch as go-redis returns it: the first command's that has one.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return err
		}
	}
	return nil
}

// judged is the error by which a batch is judged: the connection's, or that of
// the first command that failed. go-redis returns the first of all, which may be a nil
// reply before a failure, and on a node of a cluster none.
func (h *hook) judged(cmds []redis.Cmder, err error) error {
	if err != nil && !isReply(err) {
		return err
	}
	for _, cmd := range cmds {
		if e := cmd.Err(); e != nil && h.outcome(e).failed() {
			return e
		}
	}
	if err == nil {
		return firstError(cmds)
	}
	return err
}

// announceAll is announce for the pipeline in which go-redis sends CLIENT SETINFO.
func announceAll(cmds []redis.Cmder) []redis.Cmder {
	for i, cmd := range cmds {
		if amended := announce(cmd); amended != cmd {
			out := append([]redis.Cmder(nil), cmds...)
			out[i] = amended
			return out
		}
	}
	return cmds
}
