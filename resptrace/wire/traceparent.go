package wire

import "go.opentelemetry.io/otel/trace"

// Traceparent parses the value of a traceparent field according to the W3C Trace
// Context recommendation, level 2. It returns false if the value is invalid. The
// context is remote and has no tracestate. Traceparent does not allocate.
func Traceparent(value []byte) (trace.SpanContext, bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	var cfg trace.SpanContextConfig
	var version, flags [1]byte
	if len(value) < length || value[2] != '-' || value[35] != '-' || value[52] != '-' {
		return trace.SpanContext{}, false
	}
	if !decodeHex(version[:], value[:2]) || !decodeHex(cfg.TraceID[:], value[3:35]) ||
		!decodeHex(cfg.SpanID[:], value[36:52]) || !decodeHex(flags[:], value[53:55]) {
		return trace.SpanContext{}, false
	}
	switch {
	case version[0] == 0xff:
		return trace.SpanContext{}, false
	case version[0] == 0 && len(value) != length:
		return trace.SpanContext{}, false
	case len(value) > length && value[length] != '-':
		return trace.SpanContext{}, false
	}
	cfg.TraceFlags = trace.TraceFlags(flags[0]) & (trace.FlagsSampled | trace.FlagsRandom)
	cfg.Remote = true
	sc := trace.NewSpanContext(cfg)
	if !sc.IsValid() {
		return trace.SpanContext{}, false
	}
	return sc, true
}

// decodeHex decodes lower-case hexadecimal digits. src must be twice as long as dst.
func decodeHex(dst, src []byte) bool {
	var all byte
	for i := range dst {
		hi, lo := nibbles[src[2*i]], nibbles[src[2*i+1]]
		dst[i] = hi<<4 | lo&0x0f
		all |= hi | lo
	}
	return all < invalid
}

// invalid is the value in nibbles of a byte that is not a lower-case hexadecimal digit.
const invalid = 0x10

// nibbles maps each byte to the value of the digit. It is never modified.
var nibbles = func() (t [256]byte) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = byte(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = byte(c - 'a' + 10)
		default:
			t[c] = invalid
		}
	}
	return t
}()
