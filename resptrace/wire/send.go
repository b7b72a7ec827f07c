package wire

import (
	"mini-redis/internal/ascii"

	"go.opentelemetry.io/otel/propagation"
)

// inlinePairs is the number of pairs that a Carrier holds without an allocation:
// traceparent, tracestate and baggage.
const inlinePairs = 3

// Carrier is the sender's side: it stores the fields that a propagator injects,
// and Append adds them to a command. It omits fields that exceed the limits, so
// the resulting request is always well-formed. The zero value is empty and ready
// to use. A Carrier must not be copied after first use.
type Carrier struct {
	inline [inlinePairs]pair
	more   []pair
	n      int
}

type pair struct{ name, value string }

var _ propagation.TextMapCarrier = (*Carrier)(nil)

// Set adds a field, or replaces the value of the field with that name. It does
// nothing if the name is empty, if the name or the value exceeds its limit, or if
// there are MaxFields other fields.
func (c *Carrier) Set(name, value string) {
	if name == "" || len(name) > MaxName || len(value) > MaxValue {
		return
	}
	if p := c.find(name); p != nil {
		p.value = value
		return
	}
	switch {
	case c.n >= MaxFields:
		return
	case c.n < inlinePairs:
		c.inline[c.n] = pair{name, value}
	default:
		c.more = append(c.more, pair{name, value})
	}
	c.n++
}

// Get returns the value of the field with that name, in any letter case, or "" if there is none.
func (c *Carrier) Get(name string) string {
	if p := c.find(name); p != nil {
		return p.value
	}
	return ""
}

// Keys returns the field names in the order in which they were set.
func (c *Carrier) Keys() []string {
	keys := make([]string, c.n)
	for i := range keys {
		keys[i] = c.at(i).name
	}
	return keys
}

// Len returns the number of fields.
func (c *Carrier) Len() int { return c.n }

// At returns the name and the value of field i as pointers into the Carrier. A
// pointer can be converted to any without an allocation.
func (c *Carrier) At(i int) (name, value *string) {
	p := c.at(i)
	return &p.name, &p.value
}

func (c *Carrier) at(i int) *pair {
	if i < inlinePairs {
		return &c.inline[i]
	}
	return &c.more[i-inlinePairs]
}

func (c *Carrier) find(name string) *pair {
	for i := range c.n {
		if p := c.at(i); ascii.EqualFold(p.name, name) {
			return p
		}
	}
	return nil
}

// Append appends the arguments of a TRACED request with c's fields and the command
// inner to dst, in the form that go-redis's Do accepts. If c has no fields, it
// appends only inner.
func Append(dst []any, c *Carrier, inner ...any) []any {
	if c.n > 0 {
		dst = append(dst, Command, c.n)
		for i := range c.n {
			p := c.at(i)
			dst = append(dst, p.name, p.value)
		}
	}
	return append(dst, inner...)
}

// AppendFields is like Append, for senders that write RESP bulk strings themselves.
func AppendFields(dst [][]byte, c *Carrier, inner ...[]byte) [][]byte {
	if c.n > 0 {
		dst = append(dst, []byte(Command), appendCount(nil, c.n))
		for i := range c.n {
			p := c.at(i)
			dst = append(dst, []byte(p.name), []byte(p.value))
		}
	}
	return append(dst, inner...)
}

// appendCount appends n, at most MaxFields, as <n>.
func appendCount(dst []byte, n int) []byte {
	if n >= 10 {
		dst = append(dst, byte('0'+n/10))
	}
	return append(dst, byte('0'+n%10))
}
