// Package vectors loads the test vectors of RESP Trace Context
// (../testdata/vectors.json) and runs their conversations. It is for tests
// only: those of resptrace/wire, and those of every server and proxy that
// speaks TRACED. SPEC.md, "Test vectors", says what each part means.
package vectors

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// File is the whole of vectors.json.
type File struct {
	About         string         `json:"about"`
	Version       int            `json:"version"`
	Requests      []Request      `json:"requests"`
	Traceparents  []Traceparent  `json:"traceparents"`
	Conversations []Conversation `json:"conversations"`
}

// Request is one TRACED request: either its fields, its inner command and the
// context that a W3C propagator reads from it, or the error line that answers it.
type Request struct {
	Name    string     `json:"name"`
	Note    string     `json:"note"`
	Request Bytes      `json:"request"` // as on the wire
	Fields  [][2]Bytes `json:"fields"`
	Inner   []Bytes    `json:"inner"`
	Context *Context   `json:"context"` // nil: the command runs untraced
	Error   string     `json:"error"`   // without '-' and line end; "": well-formed
}

// Context is a span context as text, in lower-case hexadecimal digits.
type Context struct {
	TraceID    string `json:"trace_id"`
	SpanID     string `json:"span_id"`
	Flags      string `json:"flags"`
	Tracestate string `json:"tracestate"`
}

// Traceparent is one value of a traceparent field, and what it means when it is valid.
type Traceparent struct {
	Name    string `json:"name"`
	Value   Bytes  `json:"value"`
	Valid   bool   `json:"valid"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Flags   string `json:"flags"`
}

// Conversation is what one or more new connections say to a server, what it
// answers, and the spans that it has recorded when it has answered everything.
type Conversation struct {
	Name  string `json:"name"`
	Note  string `json:"note"`
	Roots bool   `json:"roots"` // run it with spans rooted by the server allowed
	Steps []Step `json:"steps"`
	Spans []Span `json:"spans"` // in no order
}

// Step sends bytes on one connection and then reads what is expected there.
type Step struct {
	On         string `json:"on"` // which connection; "" is one like any other
	Send       Bytes  `json:"send"`
	Expect     Bytes  `json:"expect"`      // exactly these bytes
	ExpectTail Bytes  `json:"expect_tail"` // or anything that ends in these bytes
}

// Span is a span that the server records.
type Span struct {
	Operation string `json:"operation"`        // db.operation.name
	TraceID   string `json:"trace_id"`         // in lower-case hexadecimal digits
	ParentID  string `json:"parent_id"`        // in lower-case hexadecimal digits
	Status    string `json:"status,omitempty"` // db.response.status_code; "": no error
}

// Bytes are bytes written as a JSON string whose characters, U+0000 to U+00FF,
// are one byte each.
type Bytes []byte

// UnmarshalJSON reads the string; a character above U+00FF is an error.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	out := make(Bytes, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return fmt.Errorf("vectors: %q is more than a byte", r)
		}
		out = append(out, byte(r))
	}
	*b = out
	return nil
}

// Load reads vectors.json of the source tree that the test runs in.
func Load(t testing.TB) File {
	t.Helper()
	data, err := os.ReadFile(find(t))
	if err != nil {
		t.Fatalf("vectors: %v", err)
	}
	var f File
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatalf("vectors: %v", err)
	}
	return f
}

// find walks up from the test's directory, which is its package's, to the source tree's root.
func find(t testing.TB) string {
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
