package observe

import (
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/trace"
)

// exemplarAge is how long an exemplar is shown: long enough for every scrape and
// push to see it, short enough that its trace is still kept somewhere. It is the
// age after which client_golang replaces its own.
const exemplarAge = 5 * time.Minute

// exemplar is the newest span of a bucket that the sink accepted.
type exemplar struct {
	took  int64 // ns
	at    int64 // wall clock, ns
	trace trace.TraceID
	span  trace.SpanID
}

// remember makes finished spans the exemplars of their buckets.
func (o *Observer) remember(spans []*span) {
	o.exemplarMu.Lock()
	defer o.exemplarMu.Unlock()
	for _, s := range spans {
		if s.stats == nil {
			continue
		}
		if s.stats.exemplars == nil {
			s.stats.exemplars = make([]exemplar, len(o.partition.classic)+1)
		}
		bucket := o.partition.toClassic[o.partition.cell(s.took)]
		s.stats.exemplars[bucket] = exemplar{
			took: s.took, at: s.record.End, trace: s.record.TraceID, span: s.record.SpanID,
		}
	}
}

// exemplarsOf appends a copy of a command's exemplars to buf.
func (o *Observer) exemplarsOf(c *commandStats, buf []exemplar) []exemplar {
	o.exemplarMu.Lock()
	defer o.exemplarMu.Unlock()
	return append(buf, c.exemplars...)
}

// encode is the exemplar as the exposition formats carry it, nil for one that is
// missing or too old.
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
		Value:     new(float64(e.took) / 1e9),
		Timestamp: timestamppb.New(at),
	}
}
