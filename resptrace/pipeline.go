package resptrace

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// batchInfo describes a batch before it is sent.
type batchInfo struct {
	kind   batchKind
	name   string // the name of all commands; "" if they differ
	size   int    // number of commands without internal ones, MULTI and EXEC
	traced bool   // the filter selects at least one command
}

// inspectBatch examines a batch without an allocation.
func (h *hook) inspectBatch(cmds []redis.Cmder) batchInfo {
	c := batchInfo{kind: pipeline}
	for _, cmd := range cmds {
		if classify(cmd) == internalCommand {
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
		c.kind = singleCommand // in the conventions a batch has at least two operations
	}
	return c
}

// ProcessPipelineHook is called for each pipeline and transaction; on a node of a
// cluster it is called for each attempt. After ASK, a single command arrives as a
// pipeline of ASKING and the command.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		cmds = unwrapAll(cmds)
		in := h.inspectBatch(cmds)
		if in.size == 0 {
			return next(ctx, addLibNameSuffixAll(cmds))
		}
		op := h.ops.get(in.kind, in.name)
		start := h.startTime(ctx)
		if h.unsampled(ctx) || !in.traced {
			err := next(ctx, cmds)
			h.recordDuration(ctx, op, start, h.batchError(cmds, err))
			return err
		}
		return h.traceBatch(ctx, cmds, in, op, next)
	}
}

// traceBatch runs a batch in one span.
func (h *hook) traceBatch(ctx context.Context, cmds []redis.Cmder, in batchInfo, op *operation, next redis.ProcessPipelineHook) (err error) {
	start := time.Now()
	ctx, span := h.tracer.Start(ctx, op.name, op.start...)
	if !span.SpanContext().IsSampled() {
		defer span.End()
		err = next(ctx, cmds)
		h.recordDuration(ctx, op, start, h.batchError(cmds, err))
		return err
	}
	result := callResult{span: span, start: start, size: in.size}
	if h.keys {
		result.text = batchText(cmds)
	}
	defer func() { h.endSpan(ctx, op, result, h.batchError(cmds, err)) }()
	if !h.canWrap {
		return next(ctx, cmds)
	}
	b := &batch{hook: h}
	h.propagator.Inject(ctx, &b.carrier)
	err = next(ctx, b.wrap(cmds))
	result.written = b.written
	if b.sent {
		err = h.resendRejected(ctx, b, cmds, in.kind, err, next)
	}
	return err
}

// wrap returns a new slice in which each command that may have a context is
// wrapped. The caller's slice is not modified.
func (b *batch) wrap(cmds []redis.Cmder) []redis.Cmder {
	wrapped := make([]redis.Cmder, len(cmds))
	b.cmds = make([]batchCmd, 0, len(cmds)) // must not grow: the elements of wrapped point into it
	for i, cmd := range cmds {
		wrapped[i] = cmd
		if classify(cmd) == wrappable && b.hook.traces(cmd) {
			b.cmds = append(b.cmds, batchCmd{Cmder: cmd, batch: b, first: len(b.cmds) == 0})
			wrapped[i] = &b.cmds[len(b.cmds)-1]
		}
	}
	return wrapped
}

// resendRejected sends the commands that the server rejected because it does not
// support TRACED once more without a context. They were not executed. It does not
// resend the commands of a transaction, because EXECABORT has ended its WATCH.
func (h *hook) resendRejected(ctx context.Context, b *batch, cmds []redis.Cmder, kind batchKind, err error, next redis.ProcessPipelineHook) error {
	resend := b.rejected(cmds)
	if len(resend) == 0 {
		return err
	}
	h.traced.Store(false)
	if kind == transaction {
		return err
	}
	if err != nil && !isUnknownTraced(err) && (!isReply(err) || h.role == clusterNode && isRetriedByCluster(err)) {
		// Either the connection failed during the batch, or the cluster client
		// will send the whole batch again.
		for _, cmd := range resend {
			cmd.SetErr(err)
		}
		return err
	}
	for _, cmd := range resend {
		cmd.SetErr(nil)
	}
	if err := next(ctx, resend); err != nil && !isReply(err) {
		return err
	}
	return firstError(cmds)
}

// rejected returns the wrapped commands that the server rejected, each with the
// ASKING that preceded it, because the rejected request has consumed it.
func (b *batch) rejected(cmds []redis.Cmder) []redis.Cmder {
	var resend []redis.Cmder
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
			resend = append(resend, cmds[i-1])
		}
		resend = append(resend, cmd)
	}
	return resend
}

// isRetriedByCluster reports whether a cluster client repeats a whole pipeline if
// its first command is answered with err.
func isRetriedByCluster(err error) bool {
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

// firstError returns the first error of a command, as go-redis does for a batch.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return err
		}
	}
	return nil
}

// batchError returns the error that determines the outcome of a batch: the
// connection's error, or the error of the first command that failed. The error
// that go-redis returns is not suitable: it can be a nil reply that precedes a
// failure, and on a node of a cluster it is nil.
func (h *hook) batchError(cmds []redis.Cmder, err error) error {
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

// addLibNameSuffixAll applies addLibNameSuffix to a pipeline, because go-redis
// sends CLIENT SETINFO in one. It copies cmds only if a command changes.
func addLibNameSuffixAll(cmds []redis.Cmder) []redis.Cmder {
	for i, cmd := range cmds {
		if amended := addLibNameSuffix(cmd); amended != cmd {
			out := append([]redis.Cmder(nil), cmds...)
			out[i] = amended
			return out
		}
	}
	return cmds
}
