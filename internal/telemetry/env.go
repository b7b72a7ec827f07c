package telemetry

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// env reads settings and collects all errors, so that one start reports every invalid setting. An
// empty or blank value counts as unset, as the OpenTelemetry specification requires. An invalid
// value is an error; the specification asks to ignore it with a warning, but then a typing error in
// a sampling rate could stay unnoticed.
type env struct {
	get  func(string) string
	errs []error
}

func (e *env) err() error { return errors.Join(e.errs...) }

// invalid records that a setting is invalid. The error contains the value, so do not use it for
// secrets.
func (e *env) invalid(name, value, want string) {
	e.errs = append(e.errs, fmt.Errorf("%s=%q: must be %s", name, value, want))
}

// text returns the trimmed value, or fallback if it is unset.
func (e *env) text(name, fallback string) string {
	if v := strings.TrimSpace(e.get(name)); v != "" {
		return v
	}
	return fallback
}

// first returns the first of names that is set, with its value. If none is set, it returns names[0]
// and "".
func (e *env) first(names ...string) (name, value string) {
	for _, name := range names {
		if v := e.text(name, ""); v != "" {
			return name, v
		}
	}
	return names[0], ""
}

// choice returns one of allowed, in lower case. The default is allowed[0].
func (e *env) choice(name string, allowed ...string) string {
	v := strings.ToLower(e.text(name, allowed[0]))
	if !slices.Contains(allowed, v) {
		e.invalid(name, v, "one of "+strings.Join(allowed, ", "))
		return allowed[0]
	}
	return v
}

// number returns the first of names that is set, as an integer of at least minimum, or fallback if
// none is set.
func (e *env) number(fallback, minimum int, names ...string) int {
	name, v := e.first(names...)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < minimum {
		e.invalid(name, v, fmt.Sprintf("a whole number of at least %d", minimum))
		return fallback
	}
	return n
}

// millis returns a duration. OTEL_* durations are integers in milliseconds.
func (e *env) millis(fallback time.Duration, minimum int, names ...string) time.Duration {
	const maxMillis = int(time.Duration(1<<63-1) / time.Millisecond)
	ms := e.number(int(fallback/time.Millisecond), minimum, names...)
	return time.Duration(min(ms, maxMillis)) * time.Millisecond
}

// boolean returns the first of names that is set, as true or false. set reports whether one is set.
func (e *env) boolean(names ...string) (value, set bool) {
	name, v := e.first(names...)
	switch strings.ToLower(v) {
	case "":
		return false, false
	case "true":
		return true, true
	case "false":
		return false, true
	}
	e.invalid(name, v, "true or false")
	return false, false
}

// pairs parses key=value,key=value with percent-encoded values (W3C Baggage) and keeps the order.
// The values may be secret (headers), so errors contain only the setting and the key.
func (e *env) pairs(name, value string) [][2]string {
	var out [][2]string
	for part := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(part) == "" {
			continue // accept a trailing comma
		}
		key, encoded, found := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(encoded))
		switch {
		case !found || key == "":
			e.errs = append(e.errs, fmt.Errorf("%s: entry %d is not key=value", name, len(out)+1))
		case err != nil:
			e.errs = append(e.errs, fmt.Errorf("%s: the value of %q is not percent-encoded correctly", name, key))
		}
		out = append(out, [2]string{key, decoded})
	}
	return out
}
