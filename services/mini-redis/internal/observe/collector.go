package observe

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Source connects a scrape with the server.
type Source struct {
	Locked func(f func()) // calls f with the execution lock held
	Facts  func() Facts   // called with the execution lock held
}

// Collector returns the metrics for one registry. The names redis_* are those of
// redis_exporter, so that dashboards and alerts for Redis work unchanged. The names
// mini_redis_* are for what redis_exporter does not have. The collector copies the counters
// under the execution lock and renders them without it.
func (o *Observer) Collector(s Source) prometheus.Collector {
	return &collector{o: o, source: s, values: singleValues(), descs: newDescs()}
}

// collector implements prometheus.Collector.
type collector struct {
	o      *Observer
	source Source
	values []singleValue
	descs  descs

	mu   sync.Mutex // guards snap, whose memory the next scrape reuses
	snap snapshot
}

// snapshot is a copy of the observer's counters.
type snapshot struct {
	facts       Facts
	commands    []commandSnapshot
	codes       []uint64
	processed   uint64
	batch       batches
	invalid     uint64
	overRate    uint64
	overPending uint64
}

type commandSnapshot struct {
	counts
	label     string
	exemplars []exemplar
}

// take copies the counters. The execution lock is held.
func (s *snapshot) take(o *Observer) {
	n := 0
	add := func(c *commandStats) {
		if n == len(s.commands) {
			s.commands = append(s.commands, commandSnapshot{})
		}
		to := &s.commands[n]
		to.counts, to.label = c.counts, c.label
		to.exemplars = o.exemplarsOf(c, to.exemplars[:0])
		n++
	}
	o.each(add)
	if o.unknown.rejected > 0 {
		add(o.unknown)
	}
	s.commands = s.commands[:n]
	s.codes = append(s.codes[:0], o.errors.count...)
	o.batch.end() // no command runs now
	s.batch = o.batch
	s.processed, s.invalid = o.processed, o.invalid
	s.overRate, s.overPending = o.overRate, o.overPending
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range c.values {
		ch <- c.values[i].desc
	}
	c.descs.each(func(d *prometheus.Desc) { ch <- d })
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.Locked(func() {
		c.snap.facts = c.source.Facts()
		c.snap.take(c.o)
	})
	c.o.fillFacts(&c.snap.facts)
	for _, v := range c.values {
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, v.read(&c.snap))
	}
	c.instance(ch)
	c.databases(ch)
	c.perCommand(ch)
	c.spans(ch)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (c *collector) perCommand(ch chan<- prometheus.Metric) {
	created, now := time.Unix(0, c.o.createdNanos), c.o.clock.Now()
	for i := range c.snap.commands {
		n := &c.snap.commands[i]
		counter(ch, c.descs.commands, float64(n.calls()), n.label)
		counter(ch, c.descs.seconds, float64(n.ns)/1e9, n.label)
		counter(ch, c.descs.rejected, float64(n.rejected), n.label)
		counter(ch, c.descs.failed, float64(n.failed), n.label)
		if n.calls() == 0 {
			continue // all calls were refused: there are no execution times
		}
		ch <- &histogramMetric{
			desc:      c.descs.duration,
			labels:    []*dto.LabelPair{{Name: new("cmd"), Value: new(n.label)}},
			histogram: c.o.partition.dual(&n.counts, n.exemplars, created, now),
		}
	}
	for id, n := range c.snap.codes {
		if n > 0 {
			counter(ch, c.descs.errors, float64(n), c.o.errors.names.text(id))
		}
	}
	ch <- &histogramMetric{desc: c.descs.batch, histogram: c.snap.batch.histogram(created)}
}

func (c *collector) spans(ch chan<- prometheus.Metric) {
	o := c.o
	counter(ch, c.descs.spans, float64(o.emitted[fromRemote].Load()), "remote")
	counter(ch, c.descs.spans, float64(o.emitted[fromRoot].Load()), "root")
	counter(ch, c.descs.dropped, float64(c.snap.overRate), "rate")
	counter(ch, c.descs.dropped, float64(c.snap.overPending), "pending")
	counter(ch, c.descs.dropped, float64(o.overQueue.Load()), "queue")
	gauge(ch, c.descs.pending, float64(o.pending.count.Load()))
	gauge(ch, c.descs.pendingBytes, float64(o.pending.bytes.Load()))
}
