package resptrace

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// batchKind says how commands are sent.
type batchKind uint8

const (
	singleCommand batchKind = iota
	pipeline
	transaction
)

// maxOperations limits the number of operation names of one client, and
// maxOutcomes the number of outcomes of each operation. So invalid command names
// and error codes of scripts cannot use unlimited memory.
const (
	maxOperations = 1024
	maxOutcomes   = 64
)

// operation holds what all calls with one name share. It is created once, so that
// a call that is not sampled is measured without an allocation.
type operation struct {
	name     string
	start    []trace.SpanStartOption
	attrs    []attribute.KeyValue
	success  []metric.RecordOption
	mu       sync.Mutex
	outcomes atomic.Pointer[map[outcome][]metric.RecordOption]
}

// recordOptions returns the metric attributes for a call with the given outcome.
func (op *operation) recordOptions(out outcome) []metric.RecordOption {
	if out == (outcome{}) {
		return op.success
	}
	if opts, ok := (*op.outcomes.Load())[out]; ok {
		return opts
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	old := *op.outcomes.Load()
	if len(old) >= maxOutcomes {
		out = outcome{kind: semconv.ErrorTypeOther.Value.AsString()}
	}
	if opts, ok := old[out]; ok {
		return opts
	}
	grown := make(map[outcome][]metric.RecordOption, len(old)+1)
	for k, v := range old {
		grown[k] = v
	}
	attrs := out.attributes(append([]attribute.KeyValue(nil), op.attrs...))
	opts := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
	grown[out] = opts
	op.outcomes.Store(&grown)
	return opts
}

// operations holds the operations that a client has used.
type operations struct {
	server []attribute.KeyValue
	mu     sync.Mutex
	known  atomic.Pointer[map[operationKey]*operation]
}

type operationKey struct {
	kind batchKind
	name string // the result of Cmder.Name(); "" for a batch of commands with different names
}

func (o *operations) init(server []attribute.KeyValue) {
	o.server = server
	o.known.Store(&map[operationKey]*operation{})
}

// get returns the operation of a command or a batch. name is "" for a batch of
// commands with different names.
func (o *operations) get(kind batchKind, name string) *operation {
	key := operationKey{kind, name}
	if op, ok := (*o.known.Load())[key]; ok {
		return op
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	old := *o.known.Load()
	if op, ok := old[key]; ok {
		return op
	}
	op := o.make(operationName(kind, name))
	if len(old) >= maxOperations {
		return o.make(operationName(kind, "?"))
	}
	grown := make(map[operationKey]*operation, len(old)+1)
	for k, v := range old {
		grown[k] = v
	}
	grown[key] = op
	o.known.Store(&grown)
	return op
}

func (o *operations) make(name string) *operation {
	attrs := append([]attribute.KeyValue{semconv.DBOperationName(name)}, o.server...)
	op := &operation{
		name:    name,
		attrs:   attrs,
		start:   []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)},
		success: []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))},
	}
	op.outcomes.Store(&map[outcome][]metric.RecordOption{})
	return op
}

// operationName returns db.operation.name. A name that does not have the syntax of
// a command name becomes _OTHER, because it may be a whole command line with keys
// and values.
func operationName(kind batchKind, name string) string {
	batch := [...]string{singleCommand: "", pipeline: "PIPELINE", transaction: "MULTI"}[kind]
	if name == "" && kind != singleCommand {
		return batch
	}
	if !looksLikeCommand(name) {
		name = "_OTHER"
	}
	if kind == singleCommand {
		return strings.ToUpper(name)
	}
	return batch + " " + strings.ToUpper(name)
}

func looksLikeCommand(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
