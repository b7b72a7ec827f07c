package wire

import "go.opentelemetry.io/otel/propagation"

// Fields are the field and value pairs of one TRACED request, flat: name,
// value, name, value. They alias the request and live as long as it does.
//
// Fields is what a server hands to its propagator's Extract.
type Fields [][]byte

var _ propagation.TextMapCarrier = Fields(nil)

// Lookup returns the first value of the field of that name, in any letter case, without a
// copy; nil when there is none or when it breaks a limit of the wire.
func (f Fields) Lookup(name string) []byte {
	for i := 0; i+1 < len(f); i += 2 {
		if equalFold(f[i], name) {
			if len(f[i]) > MaxName || len(f[i+1]) > MaxValue {
				return nil
			}
			return f[i+1]
		}
	}
	return nil
}

// Get is Lookup as propagation.TextMapCarrier wants it: a copy, "" when there is none.
func (f Fields) Get(key string) string { return string(f.Lookup(key)) }

// Set does nothing: a received context is read only.
func (f Fields) Set(string, string) {}

// Keys lists the names as they came.
func (f Fields) Keys() []string {
	keys := make([]string, 0, len(f)/2)
	for i := 0; i+1 < len(f); i += 2 {
		if len(f[i]) <= MaxName {
			keys = append(keys, string(f[i]))
		}
	}
	return keys
}
