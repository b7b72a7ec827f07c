package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Jaeger is a Jaeger query service by its base URL.
type Jaeger struct {
	Client
	Base string
}

// TraceURL is where a person sees a trace.
func (j Jaeger) TraceURL(id string) string { return j.Base + "/trace/" + id }

// jaegerTrace is the part of /api/traces that is read here.
type jaegerTrace struct {
	TraceID   string                   `json:"traceID"`
	Spans     []jaegerSpan             `json:"spans"`
	Processes map[string]jaegerProcess `json:"processes"`
}

type jaegerSpan struct {
	SpanID     string      `json:"spanID"`
	Name       string      `json:"operationName"`
	ProcessID  string      `json:"processID"`
	StartTime  int64       `json:"startTime"` // microseconds of the epoch
	Duration   int64       `json:"duration"`  // microseconds
	Tags       []jaegerTag `json:"tags"`
	References []struct {
		Type   string `json:"refType"`
		SpanID string `json:"spanID"`
	} `json:"references"`
}

type jaegerProcess struct {
	ServiceName string `json:"serviceName"`
}

type jaegerTag struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Search selects traces.
type Search struct {
	Service   string            // must be given
	Operation string            // "": all
	Tags      map[string]string // all must be on one span
	From, To  time.Time         // a span of the service must have started in between
	Limit     int               // the newest so many; at most what Jaeger keeps
}

func (j Jaeger) searchURL(s Search) (string, error) {
	query := url.Values{
		"service": {s.Service}, "limit": {strconv.Itoa(s.Limit)},
		"start": {strconv.FormatInt(s.From.UnixMicro(), 10)}, "end": {strconv.FormatInt(s.To.UnixMicro(), 10)},
	}
	if s.Operation != "" {
		query.Set("operation", s.Operation)
	}
	if len(s.Tags) > 0 {
		tags, err := json.Marshal(s.Tags)
		if err != nil {
			return "", err
		}
		query.Set("tags", string(tags))
	}
	return j.Base + "/api/traces?" + query.Encode(), nil
}

// each calls f for every trace of an answer, without holding them all: a run has tens of thousands.
func (j Jaeger) each(ctx context.Context, s Search, f func(jaegerTrace)) error {
	address, err := j.searchURL(s)
	if err != nil {
		return err
	}
	body, err := j.open(ctx, address)
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	for {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("jaeger: %w", err)
		}
		if token == "data" {
			break
		}
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return err // "data": null is an answer without traces
	}
	for decoder.More() {
		var t jaegerTrace
		if err := decoder.Decode(&t); err != nil {
			return fmt.Errorf("jaeger: %w", err)
		}
		f(t)
	}
	return nil
}

// Newest returns the id of the newest trace of a service in the last minute, or "".
func (j Jaeger) Newest(ctx context.Context, service string) (id string, err error) {
	now := time.Now()
	err = j.each(ctx, Search{Service: service, From: now.Add(-time.Minute), To: now, Limit: 1}, func(t jaegerTrace) { id = t.TraceID })
	return id, err
}

// Count is how much of a load Jaeger has.
type Count struct {
	Traces int
	Spans  int // of all services, within those traces
	Single int // traces with one span alone: the other side's is missing
}

// countWindow is how much of a run is asked for at once: the answer must stay small whatever the rate.
const countWindow = 2 * time.Second

// Count counts the traces that a service took part in, of at most limit.
func (j Jaeger) Count(ctx context.Context, service string, from, to time.Time, limit int) (Count, error) {
	seen := map[string]int{} // spans by trace; a trace may be in two windows
	for start := from; start.Before(to); start = start.Add(countWindow) {
		end := start.Add(countWindow)
		if end.After(to) {
			end = to
		}
		err := j.each(ctx, Search{Service: service, From: start, To: end, Limit: limit}, func(t jaegerTrace) { seen[t.TraceID] = len(t.Spans) })
		if err != nil {
			return Count{}, err
		}
	}
	count := Count{Traces: len(seen)}
	for _, spans := range seen {
		count.Spans += spans
		if spans == 1 {
			count.Single++
		}
	}
	return count, nil
}

// Span is a span within its trace.
type Span struct {
	ID, Service, Name, Kind string
	Start                   time.Time
	Duration                time.Duration
	Tags                    map[string]any
	Children                []*Span // by their start
}

// Trace returns the roots of a trace's tree: those spans whose parent is not in Jaeger. An unknown trace has none.
func (j Jaeger) Trace(ctx context.Context, id string) ([]*Span, error) {
	var answer struct {
		Data []jaegerTrace `json:"data"`
	}
	err := j.json(ctx, j.Base+"/api/traces/"+url.PathEscape(id), &answer)
	if IsStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil || len(answer.Data) == 0 {
		return nil, err
	}
	return tree(answer.Data[0]), nil
}

// Find returns the trees of the traces that a search selects.
func (j Jaeger) Find(ctx context.Context, s Search) (found map[string][]*Span, err error) {
	found = map[string][]*Span{}
	err = j.each(ctx, s, func(t jaegerTrace) { found[t.TraceID] = tree(t) })
	return found, err
}
