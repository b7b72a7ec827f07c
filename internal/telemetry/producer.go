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

// The exemplar labels with the trace context, and the metric family with the resource attributes.
const (
	traceIDLabel = "trace_id"
	spanIDLabel  = "span_id"
	targetInfo   = "target_info"
)

// producer reads the registry for the push. It wraps the Prometheus bridge of
// opentelemetry-go-contrib and corrects four errors of the bridge:
//
//   - The bridge uses the hexadecimal text of exemplar IDs as the ID, so every export fails ("invalid SpanID length").
//     The producer decodes them.
//   - The bridge exports only the native buckets of a histogram with classic and native buckets, so quantiles over the classic
//     buckets are lost. The producer exports such a family twice, once in each form.
//   - The bridge omits the exemplars of native histograms. The producer adds them.
//   - If one collector fails, the bridge drops everything that was gathered. The producer exports the rest and logs the error.
//
// The producer omits target_info. It repeats the resource, and an OTLP receiver creates target_info
// from the pushed resource. With both there would be two series with different labels.
type producer struct {
	gatherer prometheus.Gatherer
	logError func(error)
}

// Produce implements sdkmetric.Producer.
func (p *producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	families, err := p.gatherer.Gather()
	if err != nil {
		p.logError(err)
	}
	families = convertible(families)
	fixed := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
	scopes, err := bridge.NewMetricProducer(bridge.WithGatherer(fixed)).Produce(ctx)
	if err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		for i := range scope.Metrics {
			// The bridge keeps the order of families, and of series within one.
			fixExemplars(scope.Metrics[i].Data, families[i].GetMetric())
		}
	}
	return scopes, nil
}

// convertible returns the families in a form that the bridge converts without loss.
func convertible(families []*dto.MetricFamily) []*dto.MetricFamily {
	out := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		switch {
		case f.GetName() == targetInfo || len(f.GetMetric()) == 0:
		case f.GetType() == dto.MetricType_GAUGE_HISTOGRAM: // OTLP has no equivalent, and no collector of this project uses it
		case f.GetType() == dto.MetricType_HISTOGRAM:
			out = appendHistogram(out, f)
		default:
			out = append(out, f)
		}
	}
	return out
}

// appendHistogram appends the native and the classic form of f, if present. The bridge takes the
// form of the first series for the whole family, so one family must not contain both forms.
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

// isNative reports whether h has native buckets. client_golang uses the same test.
func isNative(h *dto.Histogram) bool {
	return h.GetZeroThreshold() > 0 || h.GetZeroCount() > 0 || len(h.GetPositiveSpan()) > 0 || len(h.GetNegativeSpan()) > 0
}

// hasFiniteBucket reports whether h has classic buckets besides +Inf. An exemplar gives a purely
// native histogram a +Inf bucket; a classic histogram with that bucket alone would have only NaN
// quantiles.
func hasFiniteBucket(h *dto.Histogram) bool {
	return len(h.GetBucket()) > 0 && !math.IsInf(h.GetBucket()[0].GetUpperBound(), +1)
}

// withoutNative copies the classic part of a series. The copy shares the buckets, which are not
// modified.
func withoutNative(m *dto.Metric) *dto.Metric {
	h := m.GetHistogram()
	return &dto.Metric{Label: m.Label, TimestampMs: m.TimestampMs, Histogram: &dto.Histogram{
		SampleCount: h.SampleCount, SampleSum: h.SampleSum, Bucket: h.Bucket, CreatedTimestamp: h.CreatedTimestamp,
	}}
}

// fixExemplars corrects the exemplars of one family, in place.
func fixExemplars(data metricdata.Aggregation, series []*dto.Metric) {
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

// decodeIDs decodes the hexadecimal IDs of exemplars. If either ID is invalid, both are removed and
// the exemplar keeps its value.
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

// nativeExemplars returns the exemplars of the native buckets or, if there are none, those of the
// classic buckets.
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
