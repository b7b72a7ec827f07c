package observe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/docpage"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// allowed returns the attributes that spans may have, with their types: those of the semantic
// conventions for Redis and for network addresses, and our own.
func allowed() map[attribute.Key]attribute.Type {
	return map[attribute.Key]attribute.Type{
		semconv.DBSystemNameKey:         attribute.STRING,
		semconv.DBOperationNameKey:      attribute.STRING,
		semconv.DBNamespaceKey:          attribute.STRING,
		semconv.DBResponseStatusCodeKey: attribute.STRING,
		semconv.ErrorTypeKey:            attribute.STRING,
		semconv.ServerAddressKey:        attribute.STRING,
		semconv.ServerPortKey:           attribute.INT64,
		semconv.ClientAddressKey:        attribute.STRING,
		semconv.ClientPortKey:           attribute.INT64,
		semconv.NetworkPeerAddressKey:   attribute.STRING,
		semconv.NetworkPeerPortKey:      attribute.INT64,

		"mini_redis.phase.queue_ns":   attribute.INT64,
		"mini_redis.phase.lock_ns":    attribute.INT64,
		"mini_redis.phase.blocked_ns": attribute.INT64,
		"mini_redis.phase.exec_ns":    attribute.INT64,
		"mini_redis.phase.flush_ns":   attribute.INT64,
	}
}

// required returns the attributes that every span has.
func required() []attribute.Key {
	list := slices.Collect(maps.Keys(allowed()))
	return slices.DeleteFunc(list, func(k attribute.Key) bool {
		return k == semconv.ErrorTypeKey || k == semconv.DBResponseStatusCodeKey
	})
}

// exported passes calls through the program's sink to an exporter.
func exported(t testing.TB, calls ...engine.Call) []sdktrace.ReadOnlySpan {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	sink := telemetry.NewSink(exporter, telemetry.SinkOptions{})
	r := newRig(t, func(o *Options) { o.Sink = sink })
	turn := turnAt(1000)
	var pending []engine.Pending
	for i := range calls {
		c := &calls[i]
		c.Session, c.Parent, c.Traced = newSession(), sampled(), true
		c.Start, c.End = turn.LockGot+int64(i)*1000, turn.LockGot+int64(i+1)*1000
		pending = append(pending, r.Command(turn, c))
	}
	r.Flushed(pending, turn.LockGot+int64(len(calls)+1)*1000)
	if err := sink.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := exporter.GetSpans().Snapshots()
	if err := sink.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return spans
}

const secret = "s3cr3t"

func TestSpansFollowTheConventions(t *testing.T) {
	args := func(words ...string) [][]byte { return bytesOf(words...) }
	spans := exported(t,
		engine.Call{Spec: specGet, Args: args("get", secret)},
		engine.Call{Spec: specSet, Args: args("SET", secret, secret), Error: "WRONGTYPE"},
		engine.Call{Spec: specNamed, Args: args("client", "setname", secret)},
		engine.Call{Spec: nil, Args: args(secret, secret), Error: "ERR", Rejected: true},
		engine.Call{Spec: specSet, Args: args("SET", secret, secret), Nested: true},
		engine.Call{Spec: specExec, Args: args("EXEC")},
	)
	names := []string{"GET", "SET", "CLIENT SETNAME", "_OTHER", "SET", "EXEC"}
	if len(spans) != len(names) {
		t.Fatalf("%d spans exported, want %d", len(spans), len(names))
	}
	types := allowed()
	for i, span := range spans {
		if span.Name() != names[i] {
			t.Errorf("the name of span %d is %q, want %q", i, span.Name(), names[i])
		}
		if span.SpanKind() != trace.SpanKindServer {
			t.Errorf("%s: kind %v", span.Name(), span.SpanKind())
		}
		if s := span.InstrumentationScope(); s.Name != scopeName || s.Version != "1.2.3" {
			t.Errorf("%s: scope %+v", span.Name(), s)
		}
		got := map[attribute.Key]attribute.Value{}
		for _, kv := range span.Attributes() {
			got[kv.Key] = kv.Value
			if want, ok := types[kv.Key]; !ok || kv.Value.Type() != want {
				t.Errorf("%s: the conventions have no attribute %s of type %v", span.Name(), kv.Key, kv.Value.Type())
			}
		}
		for _, key := range required() {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: attribute %s is missing", span.Name(), key)
			}
		}
		if v := got[semconv.DBSystemNameKey]; v.AsString() != "redis" {
			t.Errorf("%s: %s is %v", span.Name(), semconv.DBSystemNameKey, v.AsString())
		}
		if v := got[semconv.DBOperationNameKey]; v.AsString() != span.Name() {
			t.Errorf("%s: operation %v", span.Name(), v.AsString())
		}
		mustStatus(t, span, got)
		mustHideSecrets(t, span)
	}
}

// The command table gives every command a name in upper case for spans and one in lower case
// for metrics.
func TestNamesOfCommands(t *testing.T) {
	all := engine.NewTable(command.All()).All()
	if len(all) == 0 {
		t.Fatal("the table is empty")
	}
	ids := map[int]string{}
	for _, spec := range all {
		if want := strings.ToUpper(strings.ReplaceAll(spec.Name, "|", " ")); spec.Operation != want {
			t.Errorf("the span name of %s is %q, want %q", spec.Name, spec.Operation, want)
		}
		if spec.Name != strings.ToLower(spec.Name) {
			t.Errorf("the name %s is not in lower case", spec.Name)
		}
		if other, twice := ids[spec.ID]; twice {
			t.Errorf("%s and %s have the same ID", spec.Name, other)
		}
		ids[spec.ID] = spec.Name
	}
	if top := slices.Max(slices.Collect(maps.Keys(ids))); top >= 2*len(all) {
		t.Errorf("the IDs of %d commands go up to %d; the statistics are a slice by ID", len(all), top)
	}
}

// mustStatus checks the status and the error attributes against the conventions.
func mustStatus(t testing.TB, span sdktrace.ReadOnlySpan, attrs map[attribute.Key]attribute.Value) {
	t.Helper()
	code, failed := attrs[semconv.DBResponseStatusCodeKey]
	if got := span.Status(); (got.Code == codes.Error) != failed || got.Description != "" {
		t.Errorf("%s: status %+v, response code %q", span.Name(), got, code.AsString())
	}
	if errorType, ok := attrs[semconv.ErrorTypeKey]; ok != failed || errorType.AsString() != code.AsString() {
		t.Errorf("%s: error.type %q, response code %q", span.Name(), errorType.AsString(), code.AsString())
	}
}

// mustHideSecrets checks that the span contains no argument of the request.
func mustHideSecrets(t testing.TB, span sdktrace.ReadOnlySpan) {
	t.Helper()
	if text := fmt.Sprint(tracetest.SpanStubFromReadOnlySpan(span)); strings.Contains(text, secret) {
		t.Errorf("%s contains an argument: %s", span.Name(), text)
	}
}

// docs/telemetry.md lists every attribute.
func TestDocsOfAttributes(t *testing.T) {
	page := docpage.Text(t, "telemetry.md")
	for key := range allowed() {
		if !strings.Contains(page, "`"+string(key)+"`") {
			t.Errorf("docs/telemetry.md does not mention %s", key)
		}
	}
}

func TestErrorRepliesInSpans(t *testing.T) {
	f := func(code, want string) {
		t.Helper()
		r := newRig(t)
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		call.Parent, call.Traced, call.Error = sampled(), true, code
		r.run(turn, call)
		got := r.mustRecord(t)
		if got.Status != codes.Error {
			t.Errorf("%q: status %v", code, got.Status)
		}
		_, attrs := attributes(t, got)
		for _, key := range []attribute.Key{"error.type", "db.response.status_code"} {
			if v := attrs[key].AsString(); v != want {
				t.Errorf("%q: %s is %q, want %q", code, key, v, want)
			}
		}
	}
	f("WRONGTYPE", "WRONGTYPE")
	f("ERR", "ERR")
	f("MISCONF2", "MISCONF2")
	f("my-secret-value", "_OTHER")
	f("Secret", "_OTHER")
	f("AWORDTHATISTOOLONGFORANERRORCODEOFREDIS", "_OTHER")
}

func TestSpanOfAnUnknownCommand(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	call := callIn(turn, nil)
	call.Args = [][]byte{[]byte("GTE"), []byte("secret")}
	call.Parent, call.Traced, call.Error, call.Rejected = sampled(), true, "ERR", true
	r.run(turn, call)
	name, attrs := attributes(t, r.mustRecord(t))
	if name != "_OTHER" || attrs["db.operation.name"].AsString() != "_OTHER" {
		t.Errorf("%s, %v", name, attrs)
	}
}

func TestKeysInSpans(t *testing.T) {
	f := func(keys bool, spec *engine.Spec, args []string, want string, has bool) {
		t.Helper()
		r := newRig(t, func(o *Options) { o.Keys = keys })
		turn := turnAt(1000)
		call := callIn(turn, spec)
		for _, a := range args {
			call.Args = append(call.Args, []byte(a))
		}
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
		_, attrs := attributes(t, r.mustRecord(t))
		v, ok := attrs[keyKey]
		if ok != has || v.AsString() != want {
			t.Errorf("keys %v, %v: %q, %v", keys, args, v.AsString(), ok)
		}
		if got := attrs["network.peer.address"].AsString(); got != "192.0.2.7" {
			t.Errorf("keys %v: peer %q", keys, got)
		}
	}
	f(false, specSet, []string{"SET", "k", "v"}, "", false)
	f(true, specSet, []string{"SET", "k", "v"}, "k", true)
	f(true, specSet, []string{"SET", "a\xffb", "v"}, "a\uFFFDb", true)
	f(true, specPing, []string{"PING"}, "", false)
	f(true, specGet, []string{"GET"}, "", false)
	f(true, nil, []string{"GTE", "k"}, "", false)
}
