package resptrace_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"mini-redis/resptrace"
)

// collect returns all metrics by name.
func (l *testTelemetry) collect() map[string]metricdata.Metrics {
	l.t.Helper()
	var rm metricdata.ResourceMetrics
	must(l.t, l.reader.Collect(context.Background(), &rm))
	all := map[string]metricdata.Metrics{}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

// counts returns one line per operation and error.type, with one "|" per call.
func (l *testTelemetry) counts() []string {
	l.t.Helper()
	var lines []string
	for _, p := range l.durations() {
		line := value(p.Attributes, "db.operation.name")
		if e := value(p.Attributes, "error.type"); e != "" {
			line += " " + e
		}
		lines = append(lines, line+" "+strings.Repeat("|", int(p.Count)))
	}
	slices.Sort(lines)
	return lines
}

func (l *testTelemetry) durations() []metricdata.HistogramDataPoint[float64] {
	l.t.Helper()
	m := l.collect()["db.client.operation.duration"]
	if m.Unit != "s" {
		l.t.Errorf("unit %q", m.Unit)
	}
	h, ok := m.Data.(metricdata.Histogram[float64])
	if !ok {
		l.t.Fatalf("duration is a %T", m.Data)
	}
	return h.DataPoints
}

func value(set attribute.Set, key attribute.Key) string {
	v, ok := set.Value(key)
	if !ok {
		return ""
	}
	return v.String()
}

func TestDurationIsRecordedForSampledAndUnsampledCalls(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	sampled, _ := sampledContext()
	for _, ctx := range []context.Context{sampled, unsampledContext()} {
		must(t, c.Set(ctx, "k", "v", 0).Err())
		must(t, c.Get(ctx, "none").Err(), redis.Nil)
		_ = c.LPush(ctx, "k", "v").Err()
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.LPush(ctx, "k", "v"); return nil })
		if err == nil {
			t.Fatal("no error")
		}
		_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Get(ctx, "k"); return nil })
		must(t, err)
	}
	mustLines(t, "calls", l.counts(), "GET ||", "LPUSH WRONGTYPE ||", "MULTI GET ||", "PIPELINE WRONGTYPE ||", "SET ||")
	for _, p := range l.durations() {
		if want := []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}; !slices.Equal(p.Bounds, want) {
			t.Errorf("bounds %v", p.Bounds)
		}
		if p.Sum <= 0 || p.Sum > 60 {
			t.Errorf("%v seconds", p.Sum)
		}
	}
}

func TestPoolMetrics(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, func(o *redis.Options) {
		o.DB, o.PoolSize, o.MinIdleConns, o.MaxIdleConns, o.PipelinePoolSize = 2, 7, 0, 3, 0
	})
	ctx := context.Background()
	must(t, c.Ping(ctx).Err())
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); return nil })
	must(t, err)
	conn := c.Conn()
	defer conn.Close()
	must(t, conn.Ping(ctx).Err())
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()

	got := l.pools()
	name := s.addr + "/2"
	for series, want := range map[string]int64{
		"db.client.connection.count " + name + " idle":                0,
		"db.client.connection.count " + name + " used":                1,
		"db.client.connection.count " + name + "/pipeline idle":       1,
		"db.client.connection.count " + name + "/pipeline used":       0,
		"db.client.connection.count " + name + "/pubsub used":         1,
		"db.client.connection.max " + name:                            7,
		"db.client.connection.max " + name + "/pipeline":              10,
		"db.client.connection.idle.min " + name:                       0,
		"db.client.connection.idle.max " + name:                       3,
		"db.client.connection.pending_requests " + name:               0,
		"db.client.connection.timeouts " + name:                       0,
		"db.client.connection.pending_requests " + name + "/pipeline": 0,
	} {
		if n, ok := got[series]; !ok || n != want {
			t.Errorf("%s is %d (%v), want %d", series, n, ok, want)
		}
	}
}

// pools returns all values of db.client.connection.* by "metric pool [state]".
func (l *testTelemetry) pools() map[string]int64 {
	l.t.Helper()
	got := map[string]int64{}
	for name, m := range l.collect() {
		sum, ok := m.Data.(metricdata.Sum[int64])
		if !ok {
			continue
		}
		for _, p := range sum.DataPoints {
			series := name + " " + value(p.Attributes, "db.client.connection.pool.name")
			if state := value(p.Attributes, "db.client.connection.state"); state != "" {
				series += " " + state
			}
			got[series] = p.Value
		}
	}
	return got
}

// A closed client reports an empty pool while it is referenced, and no series
// after it is garbage collected.
func TestClosedClientMetrics(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	series := "db.client.connection.count " + s.addr + "/0 idle"
	func() {
		c := redis.NewClient(&redis.Options{Addr: s.addr})
		must(t, resptrace.Instrument(c, l.options()...))
		must(t, c.Ping(context.Background()).Err())
		if n := l.pools()[series]; n != 1 {
			t.Errorf("%d idle connections", n)
		}
		must(t, c.Close())
		if n, ok := l.pools()[series]; !ok || n != 0 {
			t.Errorf("%d idle connections of a closed client (%v)", n, ok)
		}
	}()
	waitFor(t, "end of the closed client's series", func() bool {
		runtime.GC()
		_, there := l.pools()[series]
		return !there
	})
}

// Without this, the callback of each client would remain in the meter provider.
func TestGarbageCollectedClientIsUnregistered(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	m := &countingMeters{MeterProvider: l.meters}
	const clients = 5
	for range clients {
		c := redis.NewClient(&redis.Options{Addr: s.addr})
		must(t, resptrace.Instrument(c, l.options(resptrace.WithMeterProvider(m))...))
		must(t, c.Close())
	}
	if n := m.registered.Load(); n == 0 {
		t.Fatal("no callback was registered")
	}
	waitFor(t, "end of the registrations", func() bool {
		runtime.GC()
		return m.registered.Load() == 0
	})
}

// countingMeters counts the callbacks that are registered with its meters.
type countingMeters struct {
	metric.MeterProvider
	registered atomic.Int64
}

func (p *countingMeters) Meter(name string, o ...metric.MeterOption) metric.Meter {
	return &countingMeter{p.MeterProvider.Meter(name, o...), p}
}

type countingMeter struct {
	metric.Meter
	provider *countingMeters
}

func (m *countingMeter) RegisterCallback(f metric.Callback, o ...metric.Observable) (metric.Registration, error) {
	r, err := m.Meter.RegisterCallback(f, o...)
	m.provider.registered.Add(1)
	return &countingRegistration{r, m.provider}, err
}

type countingRegistration struct {
	metric.Registration
	provider *countingMeters
}

func (r *countingRegistration) Unregister() error {
	r.provider.registered.Add(-1)
	return r.Registration.Unregister()
}
