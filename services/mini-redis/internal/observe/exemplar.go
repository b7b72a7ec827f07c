package observe

import (
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/trace"
)

// exemplarAge is how long an exemplar is exposed: long enough for every scrape and push,
// and short enough that backends still have its trace. client_golang replaces its own
// exemplars at the same age.
const exemplarAge = 5 * time.Minute

// exemplar is the last span of a bucket that the sink accepted.
type exemplar struct {
	ns    int64 // execution time
	at    int64 // wall clock, nanoseconds
	trace trace.TraceID
	span  trace.SpanID
}

// setExemplars makes finished spans the exemplars of their buckets.
func (o *Observer) setExemplars(spans []*span) {
	o.exemplarMu.Lock()
	defer o.exemplarMu.Unlock()
	for _, s := range spans {
		if s.stats == nil {
			continue
		}
		if s.stats.exemplars == nil {
			s.stats.exemplars = make([]exemplar, len(o.partition.fixed)+1)
		}
		bucket := o.partition.toFixed[o.partition.cell(s.executed)]
		s.stats.exemplars[bucket] = exemplar{
			ns: s.executed, at: s.record.End, trace: s.record.TraceID, span: s.record.SpanID,
		}
	}
}

// exemplarsOf appends a copy of a command's exemplars to buf.
func (o *Observer) exemplarsOf(c *commandStats, buf []exemplar) []exemplar {
	o.exemplarMu.Lock()
	defer o.exemplarMu.Unlock()
	return append(buf, c.exemplars...)
}

// encode returns the exemplar for the exposition formats, nil if there is none or if it
// is older than exemplarAge.
func (e *exemplar) encode(now time.Time) *dto.Exemplar {
	at := time.Unix(0, e.at)
	if e.at == 0 || now.Sub(at) > exemplarAge {
		return nil
	}
	label := func(name string, id []byte) *dto.LabelPair {
		return &dto.LabelPair{Name: new(name), Value: new(hex.EncodeToString(id))}
	}
	return &dto.Exemplar{
		Label:     []*dto.LabelPair{label("trace_id", e.trace[:]), label("span_id", e.span[:])},
		Value:     new(float64(e.ns) / 1e9),
		Timestamp: timestamppb.New(at),
	}
}
