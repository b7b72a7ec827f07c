// Package vectors loads the test vectors of RESP Trace Context
// (../testdata/vectors.json) and runs their conversations. It is for tests of
// resptrace/wire and of every server and proxy that supports TRACED. SPEC.md,
// section 10, describes the format.
package vectors

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// File is the content of vectors.json.
type File struct {
	About         string         `json:"about"`
	Version       int            `json:"version"`
	Requests      []Request      `json:"requests"`
	Traceparents  []Traceparent  `json:"traceparents"`
	Conversations []Conversation `json:"conversations"`
}

// Request is one TRACED request with either its fields, its inner command and the
// context that a W3C propagator extracts, or the error line that answers it.
type Request struct {
	Name    string     `json:"name"`
	Note    string     `json:"note"`
	Request Bytes      `json:"request"` // in wire format
	Fields  [][2]Bytes `json:"fields"`
	Inner   []Bytes    `json:"inner"`
	Context *Context   `json:"context"` // nil: the command runs untraced
	Error   string     `json:"error"`   // without '-' and CRLF; "" if the request is well-formed
}

// Context is a span context in lower-case hexadecimal digits.
type Context struct {
	TraceID    string `json:"trace_id"`
	SpanID     string `json:"span_id"`
	Flags      string `json:"flags"`
	Tracestate string `json:"tracestate"`
}

// Traceparent is one value of a traceparent field and, if it is valid, its meaning.
type Traceparent struct {
	Name    string `json:"name"`
	Value   Bytes  `json:"value"`
	Valid   bool   `json:"valid"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Flags   string `json:"flags"`
}

// Conversation is a list of requests on one or more new connections with the
// expected replies, and the spans that the server has recorded after the last
// reply.
type Conversation struct {
	Name  string `json:"name"`
	Note  string `json:"note"`
	Roots bool   `json:"roots"` // run it with root spans of the server enabled
	Steps []Step `json:"steps"`
	Spans []Span `json:"spans"` // in any order
}

// Step sends bytes on one connection and then reads the expected reply.
type Step struct {
	On         string `json:"on"` // name of the connection; "" is a valid name
	Send       Bytes  `json:"send"`
	Expect     Bytes  `json:"expect"`      // exactly these bytes
	ExpectTail Bytes  `json:"expect_tail"` // or anything that ends in these bytes
}

// Span is an expected span of the server.
type Span struct {
	Operation string `json:"operation"`        // db.operation.name
	TraceID   string `json:"trace_id"`         // in lower-case hexadecimal digits
	ParentID  string `json:"parent_id"`        // in lower-case hexadecimal digits
	Status    string `json:"status,omitempty"` // db.response.status_code; "" if there is no error
}

// Bytes is a byte string. In JSON it is a string in which each character from
// U+0000 to U+00FF stands for one byte.
type Bytes []byte

// UnmarshalJSON decodes the string. A character above U+00FF is an error.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	out := make(Bytes, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return fmt.Errorf("vectors: character %q is above U+00FF", r)
		}
		out = append(out, byte(r))
	}
	*b = out
	return nil
}

// Load reads vectors.json of the source tree that contains the test's package.
func Load(t testing.TB) File {
	t.Helper()
	data, err := os.ReadFile(findFile(t))
	if err != nil {
		t.Fatalf("vectors: %v", err)
	}
	var f File
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatalf("vectors: %v", err)
	}
	return f
}

// findFile searches vectors.json from the test's working directory upwards.
func findFile(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("vectors: %v", err)
	}
	for {
		name := filepath.Join(dir, "resptrace", "testdata", "vectors.json")
		if _, err := os.Stat(name); err == nil {
			return name
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("vectors: no resptrace/testdata/vectors.json above the test's directory")
		}
		dir = up
	}
}
