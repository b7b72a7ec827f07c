package telemetry

import (
	"context"
	"encoding/hex"
	"math"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// The labels of an exemplar that name its trace, and the family that repeats the resource.
const (
	traceIDLabel = "trace_id"
	spanIDLabel  = "span_id"
	targetInfo   = "target_info"
)

// producer reads the registry for the push. It is contrib's Prometheus bridge with what the bridge gets wrong made right:
//
//   - it hands over the hexadecimal text of exemplar ids as if that were the id; every export then fails ("invalid SpanID length");
//   - of a histogram with classic and native buckets it sends the native ones only, so classic quantiles would be gone: here the
//     family goes out twice, once in each form;
//   - it leaves out the exemplars of native histograms;
//   - one collector's error makes it drop everything that was gathered: here the rest goes out, and the error is complained about.
//
// target_info stays behind: it repeats the resource, and a receiver of OTLP makes its own from the resource the push carries.
// Two would be two series that disagree.
type producer struct {
	gatherer prometheus.Gatherer
	complain func(error)
}

// Produce implements sdkmetric.Producer.
func (p *producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	families, err := p.gatherer.Gather()
	if err != nil {
		p.complain(err)
	}
	families = pushable(families)
	fixed := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
	scopes, err := bridge.NewMetricProducer(bridge.WithGatherer(fixed)).Produce(ctx)
	if err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		for i := range scope.Metrics {
			// The bridge keeps the order of families, and of series within one.
			repair(scope.Metrics[i].Data, families[i].GetMetric())
		}
	}
	return scopes, nil
}

// pushable returns the families in the form the bridge understands.
func pushable(families []*dto.MetricFamily) []*dto.MetricFamily {
	out := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		switch {
		case f.GetName() == targetInfo || len(f.GetMetric()) == 0:
		case f.GetType() == dto.MetricType_GAUGE_HISTOGRAM: // OTLP has no such thing, and no collector of ours makes one
		case f.GetType() == dto.MetricType_HISTOGRAM:
			out = appendHistogram(out, f)
		default:
			out = append(out, f)
		}
	}
	return out
}

// appendHistogram appends the native and the classic form of f, each if there is such a form. The bridge looks at the first series to
// know a family's form, so the two may not be mixed.
func appendHistogram(out []*dto.MetricFamily, f *dto.MetricFamily) []*dto.MetricFamily {
	var native, classic []*dto.Metric
	for _, m := range f.GetMetric() {
		h := m.GetHistogram()
		isNative := isNative(h)
		if isNative {
			native = append(native, m)
		}
		if !isNative || hasFiniteBucket(h) {
			classic = append(classic, withoutNative(m))
		}
	}
	for _, metrics := range [][]*dto.Metric{native, classic} {
		if len(metrics) > 0 {
			out = append(out, &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit, Metric: metrics})
		}
	}
	return out
}

// isNative is the test client_golang itself relies on to tell the forms apart.
func isNative(h *dto.Histogram) bool {
	return h.GetZeroThreshold() > 0 || h.GetZeroCount() > 0 || len(h.GetPositiveSpan()) > 0 || len(h.GetNegativeSpan()) > 0
}

// hasFiniteBucket tells a dual histogram from a native one, which an exemplar gives a bucket +Inf alone. A classic histogram of that
// bucket would have only NaN for quantiles.
func hasFiniteBucket(h *dto.Histogram) bool {
	return len(h.GetBucket()) > 0 && !math.IsInf(h.GetBucket()[0].GetUpperBound(), +1)
}

// withoutNative copies the classic part of a series. Buckets are shared: they are read only.
func withoutNative(m *dto.Metric) *dto.Metric {
	h := m.GetHistogram()
	return &dto.Metric{Label: m.Label, TimestampMs: m.TimestampMs, Histogram: &dto.Histogram{
		SampleCount: h.SampleCount, SampleSum: h.SampleSum, Bucket: h.Bucket, CreatedTimestamp: h.CreatedTimestamp,
	}}
}

// repair mends the exemplars of one family, in place.
func repair(data metricdata.Aggregation, series []*dto.Metric) {
	switch d := data.(type) {
	case metricdata.Sum[float64]:
		for i := range d.DataPoints {
			decodeIDs(d.DataPoints[i].Exemplars)
		}
	case metricdata.Histogram[float64]:
		for i := range d.DataPoints {
			decodeIDs(d.DataPoints[i].Exemplars)
		}
	case metricdata.ExponentialHistogram[float64]:
		for i := range d.DataPoints {
			d.DataPoints[i].Exemplars = nativeExemplars(series[i].GetHistogram())
		}
	}
}

// decodeIDs turns the text of ids into ids. An exemplar with an id that is none keeps its value and loses both.
func decodeIDs(exemplars []metricdata.Exemplar[float64]) {
	for i := range exemplars {
		x := &exemplars[i]
		x.TraceID, x.SpanID = ids(string(x.TraceID), string(x.SpanID))
	}
}

func ids(traceID, spanID string) (trace, span []byte) {
	t, errT := hex.DecodeString(traceID)
	s, errS := hex.DecodeString(spanID)
	if errT != nil || errS != nil || len(t) != 16 || len(s) != 8 {
		return nil, nil
	}
	return t, s
}

// nativeExemplars are those kept with the native buckets or, where none are, with the classic ones.
func nativeExemplars(h *dto.Histogram) []metricdata.Exemplar[float64] {
	found := h.GetExemplars()
	if len(found) == 0 {
		for _, b := range h.GetBucket() {
			if b.GetExemplar() != nil {
				found = append(found, b.GetExemplar())
			}
		}
	}
	out := make([]metricdata.Exemplar[float64], 0, len(found))
	for _, x := range found {
		out = append(out, exemplarOf(x))
	}
	return out
}

func exemplarOf(x *dto.Exemplar) metricdata.Exemplar[float64] {
	out := metricdata.Exemplar[float64]{Value: x.GetValue(), Time: x.GetTimestamp().AsTime()}
	var traceID, spanID string
	for _, label := range x.GetLabel() {
		switch label.GetName() {
		case traceIDLabel:
			traceID = label.GetValue()
		case spanIDLabel:
			spanID = label.GetValue()
		default:
			out.FilteredAttributes = append(out.FilteredAttributes, attribute.String(label.GetName(), label.GetValue()))
		}
	}
	out.TraceID, out.SpanID = ids(traceID, spanID)
	return out
}

var _ sdkmetric.Producer = (*producer)(nil)
