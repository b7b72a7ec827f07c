package resptrace_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/docpage"
	"mini-redis/resptrace"
)

// allowed lists the attributes of a CLIENT span in the semantic conventions for
// Redis, with their types and, where possible, the format of their values.
var allowed = map[attribute.Key]struct {
	kind     attribute.Type
	required bool
	form     *regexp.Regexp
}{
	semconv.DBSystemNameKey:         {attribute.STRING, true, regexp.MustCompile(`^redis$`)},
	semconv.DBOperationNameKey:      {attribute.STRING, true, regexp.MustCompile(`^[A-Z][A-Z0-9._-]*( [A-Z][A-Z0-9._-]*)?$|^_OTHER$`)},
	semconv.DBNamespaceKey:          {attribute.STRING, true, regexp.MustCompile(`^[0-9]+$`)},
	semconv.ServerAddressKey:        {attribute.STRING, true, nil},
	semconv.ServerPortKey:           {attribute.INT64, true, nil},
	semconv.NetworkPeerAddressKey:   {attribute.STRING, false, nil},
	semconv.NetworkPeerPortKey:      {attribute.INT64, false, nil},
	semconv.DBOperationBatchSizeKey: {attribute.INT64, false, regexp.MustCompile(`^([2-9]|[1-9][0-9]+)$`)},
	semconv.DBResponseStatusCodeKey: {attribute.STRING, false, regexp.MustCompile(`^[A-Z]+$`)},
	semconv.ErrorTypeKey:            {attribute.STRING, false, regexp.MustCompile(`^[A-Z]+$|^_OTHER$|^(context|redis|io)\.[A-Za-z]+$|^timeout$|^\*[a-z]+\.[A-Za-z]+$`)},
	semconv.DBQueryTextKey:          {attribute.STRING, false, nil},
	// The only attribute that is not in the conventions.
	"resptrace.wait_ns": {attribute.INT64, false, regexp.MustCompile(`^[0-9]+$`)},
}

// makeCalls makes calls of every kind, successful and failed ones.
func makeCalls(t *testing.T, l *testTelemetry, more ...resptrace.Option) {
	t.Helper()
	s := newServer(t)
	c := l.client(s, nil, more...)
	ctx, _ := sampledContext()
	must(t, c.Set(ctx, "k", "v", 0).Err())
	_ = c.Get(ctx, "none").Err()
	_ = c.LPush(ctx, "k", "v").Err()
	_ = c.Do(ctx, "no such command", "secret").Err()
	_ = c.ClientList(ctx).Err()
	_, _ = c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.LPush(ctx, "k", "v"); return nil })
	_, _ = c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Get(ctx, "k"); return nil })
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_ = c.Get(canceled, "k").Err()
	s.stop()
	_ = c.Get(ctx, "k").Err()
	_ = c.Get(ctx, "k").Err()
	cl := newCluster(t)
	cc := l.cluster(cl, nil)
	moved := keysOf(0, 1)[0]
	cl.moved[moved] = true
	_ = cc.Get(ctx, moved).Err()
}

func TestSpansConform(t *testing.T) {
	l := newTestTelemetry(t)
	makeCalls(t, l, resptrace.WithKeys(true))
	spans := l.takeSpans()
	if len(spans) < 11 {
		t.Fatalf("%d spans, want at least 11", len(spans))
	}
	for _, s := range spans {
		seen := map[attribute.Key]attribute.Value{}
		for _, a := range s.Attributes {
			if _, twice := seen[a.Key]; twice {
				t.Errorf("%s: %s twice", s.Name, a.Key)
			}
			seen[a.Key] = a.Value
			rule, ok := allowed[a.Key]
			if !ok {
				t.Errorf("%s: %s is not in the conventions", s.Name, a.Key)
			} else if a.Value.Type() != rule.kind || rule.form != nil && !rule.form.MatchString(a.Value.String()) {
				t.Errorf("%s: %s is %v", s.Name, a.Key, a.Value)
			}
		}
		for key, rule := range allowed {
			if _, ok := seen[key]; rule.required && !ok {
				t.Errorf("%s: no %s", s.Name, key)
			}
		}
		_, failed := seen[semconv.ErrorTypeKey]
		if failed != (s.Status.Code == codes.Error) || s.Status.Description != "" {
			t.Errorf("%s: status %v with error.type %v", s.Name, s.Status, seen[semconv.ErrorTypeKey])
		}
		if s.Name != seen[semconv.DBOperationNameKey].AsString() || s.SpanKind != trace.SpanKindClient {
			t.Errorf("%s: operation %v, kind %v", s.Name, seen[semconv.DBOperationNameKey], s.SpanKind)
		}
		if len(s.Events)+len(s.Links) > 0 || s.InstrumentationScope.Name != "mini-redis/resptrace" || s.InstrumentationScope.SchemaURL != semconv.SchemaURL {
			t.Errorf("%s: events %v, links %v, scope %v", s.Name, s.Events, s.Links, s.InstrumentationScope)
		}
	}
}

func TestMetricsConform(t *testing.T) {
	l := newTestTelemetry(t)
	makeCalls(t, l)
	units := map[string]string{
		"db.client.operation.duration":          "s",
		"db.client.connection.count":            "{connection}",
		"db.client.connection.max":              "{connection}",
		"db.client.connection.idle.max":         "{connection}",
		"db.client.connection.idle.min":         "{connection}",
		"db.client.connection.pending_requests": "{request}",
		"db.client.connection.timeouts":         "{timeout}",
	}
	for name, m := range l.collect() {
		if want, ok := units[name]; !ok || m.Unit != want || m.Description == "" {
			t.Errorf("%s in %q (%s)", name, m.Unit, m.Description)
		}
		for _, set := range attributeSets(t, m) {
			for _, a := range set.ToSlice() {
				rule, ok := allowed[a.Key]
				poolAttr := a.Key == semconv.DBClientConnectionPoolNameKey || a.Key == semconv.DBClientConnectionStateKey
				if isDuration := name == "db.client.operation.duration"; isDuration != ok || !isDuration && !poolAttr {
					t.Errorf("%s has %s", name, a.Key)
				} else if ok && a.Value.Type() != rule.kind {
					t.Errorf("%s: %s is %v", name, a.Key, a.Value)
				}
			}
		}
	}
}

func attributeSets(t *testing.T, m metricdata.Metrics) []attribute.Set {
	t.Helper()
	var all []attribute.Set
	switch d := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	default:
		t.Errorf("%s is a %T", m.Name, m.Data)
	}
	return all
}

// Spans contain no values, no keys by default, and no error texts.
func TestSpansContainNoSecrets(t *testing.T) {
	l := newTestTelemetry(t)
	s := newServer(t, claimsTraced)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	_ = c.Set(ctx, "secret-key", "secret-value", 0).Err()
	_ = c.Do(ctx, "set secret-key", "secret-value").Err()
	_, _ = c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "secret-key", "secret-value", 0)
		p.Do(ctx, "x", "secret")
		return nil
	})
	for _, span := range l.takeSpans() {
		if regexp.MustCompile(`(?i)secret`).MatchString(describe(span)) {
			t.Error(describe(span))
		}
	}
}

// docs/telemetry.md must list every attribute.
func TestDocsOfAttributes(t *testing.T) {
	page := docpage.Text(t, "telemetry.md")
	for key := range allowed {
		if !strings.Contains(page, "`"+string(key)+"`") {
			t.Errorf("docs/telemetry.md does not mention %s", key)
		}
	}
}
