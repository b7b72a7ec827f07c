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

// Jaeger is a client of the Jaeger query service at the URL Base.
type Jaeger struct {
	Client
	Base string
}

// TraceURL returns the URL of the page that shows a trace.
func (j Jaeger) TraceURL(id string) string { return j.Base + "/trace/" + id }

// jaegerTrace is the part of the /api/traces response that this package reads.
type jaegerTrace struct {
	TraceID   string                   `json:"traceID"`
	Spans     []jaegerSpan             `json:"spans"`
	Processes map[string]jaegerProcess `json:"processes"`
}

type jaegerSpan struct {
	SpanID     string      `json:"spanID"`
	Name       string      `json:"operationName"`
	ProcessID  string      `json:"processID"`
	StartTime  int64       `json:"startTime"` // Unix time in microseconds
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
	Service   string            // required
	Operation string            // "" selects all operations
	Tags      map[string]string // one span must have all of them
	From, To  time.Time         // a span of the service must have started in this interval
	Limit     int               // return only the newest Limit traces
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

// forEachTrace calls f for every trace of the response. It decodes one trace at a time, because a
// load run has tens of thousands.
func (j Jaeger) forEachTrace(ctx context.Context, s Search, f func(jaegerTrace)) error {
	address, err := j.searchURL(s)
	if err != nil {
		return err
	}
	body, err := j.get(ctx, address)
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
		return err // "data": null means no traces
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

// Newest returns the ID of the newest trace of a service in the last minute, or "" if there is
// none.
func (j Jaeger) Newest(ctx context.Context, service string) (id string, err error) {
	now := time.Now()
	err = j.forEachTrace(ctx, Search{Service: service, From: now.Add(-time.Minute), To: now, Limit: 1}, func(t jaegerTrace) { id = t.TraceID })
	return id, err
}

// Count is the number of traces and spans of a load run in Jaeger.
type Count struct {
	Traces int
	Spans  int // of all services, in these traces
	Single int // traces with only one span: the client's or the server's span is missing
}

// countWindow is the interval of one request of Count. It bounds the size of a response at any
// rate.
const countWindow = 2 * time.Second

// Count counts the traces with a span of the service between from and to, at most limit per
// interval of 2 s.
func (j Jaeger) Count(ctx context.Context, service string, from, to time.Time, limit int) (Count, error) {
	seen := map[string]int{} // number of spans by trace ID; a trace can be in two windows
	for start := from; start.Before(to); start = start.Add(countWindow) {
		end := start.Add(countWindow)
		if end.After(to) {
			end = to
		}
		err := j.forEachTrace(ctx, Search{Service: service, From: start, To: end, Limit: limit}, func(t jaegerTrace) { seen[t.TraceID] = len(t.Spans) })
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
	Children                []*Span // ordered by start time
}

// Trace returns the root spans of a trace: those whose parent is not in Jaeger. It returns nil for
// an unknown trace.
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
	return buildTree(answer.Data[0]), nil
}

// Find returns the root spans of the traces that s selects, by trace ID.
func (j Jaeger) Find(ctx context.Context, s Search) (found map[string][]*Span, err error) {
	found = map[string][]*Span{}
	err = j.forEachTrace(ctx, s, func(t jaegerTrace) { found[t.TraceID] = buildTree(t) })
	return found, err
}
