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

// batchKind says in what a command is sent.
type batchKind uint8

const (
	alone batchKind = iota
	pipeline
	transaction
)

// maxOperations bounds how many names one client can make, and maxOutcomes how many
// ways each can end, if a program makes up commands or scripts make up errors.
const (
	maxOperations = 1024
	maxOutcomes   = 64
)

// operation is what all calls of one name have in common, made once: that is
// what lets a call that is not sampled be measured without an allocation.
type operation struct {
	name     string
	start    []trace.SpanStartOption
	attrs    []attribute.KeyValue
	ok       []metric.RecordOption
	mu       sync.Mutex
	outcomes atomic.Pointer[map[outcome][]metric.RecordOption]
}

// measured are the metric's attributes for a call that ended so.
func (op *operation) measured(out outcome) []metric.RecordOption {
	if out == (outcome{}) {
		return op.ok
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

// operations are those a client has seen.
type operations struct {
	server []attribute.KeyValue
	mu     sync.Mutex
	known  atomic.Pointer[map[operationKey]*operation]
}

type operationKey struct {
	kind batchKind
	name string // as Cmder.Name() gives it; "" for a batch of several
}

func (o *operations) init(server []attribute.KeyValue) {
	o.server = server
	o.known.Store(&map[operationKey]*operation{})
}

// get returns the operation of a command, or of a batch of commands of one name, or of several ("").
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
		name:  name,
		attrs: attrs,
		start: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)},
		ok:    []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))},
	}
	op.outcomes.Store(&map[outcome][]metric.RecordOption{})
	return op
}

// operationName is db.operation.name. Whatever does not look like a command's name is
// _OTHER: it may be a whole command line with a key and a value in it.
func operationName(kind batchKind, name string) string {
	batch := [...]string{alone: "", pipeline: "PIPELINE", transaction: "MULTI"}[kind]
	if name == "" && kind != alone {
		return batch
	}
	if !looksLikeCommand(name) {
		name = "_OTHER"
	}
	if kind == alone {
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
