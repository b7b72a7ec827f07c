package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Prometheus is a client of the Prometheus server at the URL Base.
type Prometheus struct {
	Client
	Base string
}

// Sample is the value of one series.
type Sample struct {
	Labels map[string]string
	Value  float64
}

type prometheusAnswer struct {
	Data struct {
		Result []struct {
			Metric map[string]string  `json:"metric"`
			Value  [2]json.RawMessage `json:"value"` // [time, "value"]
		} `json:"result"`
	} `json:"data"`
}

// Query evaluates an instant query whose result is an instant vector.
func (p Prometheus) Query(ctx context.Context, expression string) ([]Sample, error) {
	var answer prometheusAnswer
	if err := p.json(ctx, p.Base+"/api/v1/query?query="+url.QueryEscape(expression), &answer); err != nil {
		return nil, err
	}
	var samples []Sample
	for _, r := range answer.Data.Result {
		var text string
		if err := json.Unmarshal(r.Value[1], &text); err != nil {
			return nil, fmt.Errorf("prometheus: value of %s: %w", expression, err)
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("prometheus: value of %s: %w", expression, err)
		}
		samples = append(samples, Sample{r.Metric, value})
	}
	return samples, nil
}

// Scalar evaluates a query with at most one result series. ok is false if there is none.
func (p Prometheus) Scalar(ctx context.Context, expression string) (value float64, ok bool, err error) {
	samples, err := p.Query(ctx, expression)
	if err != nil || len(samples) == 0 {
		return 0, false, err
	}
	return samples[0].Value, true, nil
}

// ByLabel evaluates a query and returns the sum of the values for each value of label.
func (p Prometheus) ByLabel(ctx context.Context, expression, label string) (map[string]float64, error) {
	samples, err := p.Query(ctx, expression)
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for _, s := range samples {
		values[s.Labels[label]] += s.Value
	}
	return values, nil
}

// Exemplar is an exemplar of a series.
type Exemplar struct {
	Series  map[string]string // the metric's labels
	TraceID string
	Value   float64
	At      time.Time
}

// Exemplars returns the exemplars between from and to of the series that the expression selects.
func (p Prometheus) Exemplars(ctx context.Context, expression string, from, to time.Time) ([]Exemplar, error) {
	var answer struct {
		Data []struct {
			SeriesLabels map[string]string `json:"seriesLabels"`
			Exemplars    []struct {
				Labels    map[string]string `json:"labels"`
				Value     string            `json:"value"`
				Timestamp float64           `json:"timestamp"`
			} `json:"exemplars"`
		} `json:"data"`
	}
	query := url.Values{"query": {expression}, "start": {seconds(from)}, "end": {seconds(to)}}
	if err := p.json(ctx, p.Base+"/api/v1/query_exemplars?"+query.Encode(), &answer); err != nil {
		return nil, err
	}
	var exemplars []Exemplar
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			value, err := strconv.ParseFloat(e.Value, 64)
			if err != nil {
				return nil, fmt.Errorf("prometheus: exemplar of %s: %w", expression, err)
			}
			at := time.UnixMilli(int64(e.Timestamp * 1000))
			exemplars = append(exemplars, Exemplar{series.SeriesLabels, e.Labels["trace_id"], value, at})
		}
	}
	return exemplars, nil
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
