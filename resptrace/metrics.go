package resptrace

import (
	"context"
	"runtime"
	"strconv"
	"weak"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
)

// durationBuckets are the bucket boundaries of db.client.operation.duration in
// seconds: those of the semantic conventions, with more boundaries below 1 ms,
// because Redis usually answers within 1 ms.
var durationBuckets = []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}

func newDuration(m metric.Meter) (metric.Float64Histogram, error) {
	d, err := dbconv.NewClientOperationDuration(m, metric.WithExplicitBucketBoundaries(durationBuckets...))
	return d.Inst(), err
}

// poolMetrics holds the instruments that report a client's pools when metrics are collected.
type poolMetrics struct {
	meter                                 metric.Meter
	count, max, idleMax, idleMin, pending metric.Int64ObservableUpDownCounter
	timeouts                              metric.Int64ObservableCounter
}

func newPoolMetrics(m metric.Meter) (*poolMetrics, error) {
	count, err := dbconv.NewClientConnectionCountObservable(m)
	if err != nil {
		return nil, err
	}
	maximum, err := dbconv.NewClientConnectionMaxObservable(m)
	if err != nil {
		return nil, err
	}
	idleMax, err := dbconv.NewClientConnectionIdleMaxObservable(m)
	if err != nil {
		return nil, err
	}
	idleMin, err := dbconv.NewClientConnectionIdleMinObservable(m)
	if err != nil {
		return nil, err
	}
	pending, err := dbconv.NewClientConnectionPendingRequestsObservable(m)
	if err != nil {
		return nil, err
	}
	timeouts, err := dbconv.NewClientConnectionTimeoutsObservable(m)
	if err != nil {
		return nil, err
	}
	return &poolMetrics{
		meter: m, count: count.Inst(), max: maximum.Inst(), idleMax: idleMax.Inst(),
		idleMin: idleMin.Inst(), pending: pending.Inst(), timeouts: timeouts.Inst(),
	}, nil
}

// pool holds the constant attributes and limits of one pool.
type pool struct {
	name, idle, used      metric.MeasurementOption
	max, idleMin, idleMax int64 // 0: no limit
}

func newPool(name string, max, idleMin, idleMax int) pool {
	attr := semconv.DBClientConnectionPoolName(name)
	return pool{
		name: metric.WithAttributes(attr),
		idle: metric.WithAttributes(attr, semconv.DBClientConnectionStateIdle),
		used: metric.WithAttributes(attr, semconv.DBClientConnectionStateUsed),
		max:  int64(max), idleMin: int64(idleMin), idleMax: int64(idleMax),
	}
}

// observe registers a callback for c's pools. The callback holds a weak pointer
// to c and is unregistered when c is garbage collected, because the meter
// provider lives longer and must not keep c alive.
func (m *poolMetrics) observe(c *redis.Client) error {
	o := c.Options()
	name := poolName(o)
	capacity := o.PoolSize
	if o.MaxActiveConns > 0 {
		capacity = o.MaxActiveConns
	}
	calls := newPool(name, capacity, o.MinIdleConns, o.MaxIdleConns)
	pipelineSize := o.PipelinePoolSize
	if pipelineSize == 0 {
		pipelineSize = redis.DefaultPipelinePoolSize
	}
	pipelines := newPool(name+"/pipeline", pipelineSize, 0, o.MaxIdleConns)
	subscriptions := newPool(name+"/pubsub", 0, 0, 0)

	ref := weak.Make(c)
	reg, err := m.meter.RegisterCallback(func(_ context.Context, obs metric.Observer) error {
		c := ref.Value()
		if c == nil {
			return nil
		}
		s := c.PoolStats()
		m.report(obs, calls, s.TotalConns, s.IdleConns, s.Timeouts, s.PendingRequests)
		if p := s.PipelineStats; p != nil {
			m.report(obs, pipelines, p.TotalConns, p.IdleConns, p.Timeouts, p.PendingRequests)
		}
		obs.ObserveInt64(m.count, int64(s.PubSubStats.Active), subscriptions.used)
		return nil
	}, m.count, m.max, m.idleMax, m.idleMin, m.pending, m.timeouts)
	if err != nil {
		return err
	}
	runtime.AddCleanup(c, func(r metric.Registration) { handleError(r.Unregister()) }, reg)
	return nil
}

func (m *poolMetrics) report(obs metric.Observer, p pool, total, idle, timeouts, pending uint32) {
	used := max(int64(total)-int64(idle), 0) // the two values are not read atomically
	obs.ObserveInt64(m.count, int64(idle), p.idle)
	obs.ObserveInt64(m.count, used, p.used)
	obs.ObserveInt64(m.pending, int64(pending), p.name)
	obs.ObserveInt64(m.timeouts, int64(timeouts), p.name)
	obs.ObserveInt64(m.max, p.max, p.name)
	obs.ObserveInt64(m.idleMin, p.idleMin, p.name)
	if p.idleMax > 0 {
		obs.ObserveInt64(m.idleMax, p.idleMax, p.name)
	}
}

// poolName returns server.address:server.port/db.namespace, which the semantic
// conventions require for a pool without a name.
func poolName(o *redis.Options) string { return o.Addr + "/" + strconv.Itoa(o.DB) }
