package wire

import "go.opentelemetry.io/otel/propagation"

// inlinePairs is how many pairs a Carrier holds without a slice of its own:
// traceparent, tracestate and baggage.
const inlinePairs = 3

// Carrier is the sender's half: it collects what a propagator injects and puts
// it in front of a command. It keeps the limits of the wire by leaving out what
// breaks them, so that what it writes is always well-formed. The zero value is
// empty and ready; a Carrier must not be copied after use.
type Carrier struct {
	inline [inlinePairs]pair
	more   []pair
	n      int
}

type pair struct{ name, value string }

var _ propagation.TextMapCarrier = (*Carrier)(nil)

// Set adds a field, or replaces the one of that name. A name or value over the
// limits, an empty name, and a field beyond MaxFields are left out.
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

// Get returns the value of a field, in any letter case of its name; "" when there is none.
func (c *Carrier) Get(name string) string {
	if p := c.find(name); p != nil {
		return p.value
	}
	return ""
}

// Keys lists the names in the order in which they were set.
func (c *Carrier) Keys() []string {
	keys := make([]string, c.n)
	for i := range keys {
		keys[i] = c.at(i).name
	}
	return keys
}

// Len is the number of fields.
func (c *Carrier) Len() int { return c.n }

// At returns the name and the value of field i as pointers into the Carrier,
// which an any can hold without an allocation.
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
		if p := c.at(i); equalFold(p.name, name) {
			return p
		}
	}
	return nil
}

// Append appends to dst the arguments of the command inner with c's context in front, in
// the form that go-redis's Do takes. Without a field it appends the plain command: a
// context that says nothing costs nothing.
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

// AppendFields is Append for those who write RESP bulk strings themselves.
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

// appendCount writes n, at most MaxFields, as <n>.
func appendCount(dst []byte, n int) []byte {
	if n >= 10 {
		dst = append(dst, byte('0'+n/10))
	}
	return append(dst, byte('0'+n%10))
}
