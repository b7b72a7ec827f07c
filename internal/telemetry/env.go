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

// env reads settings and collects everything that is wrong with them, so that one start tells all of it. An empty or blank value
// counts as unset, as the OpenTelemetry specification wants; a bad one is an error, where the specification would have it ignored
// with a warning: a typing error in a sampling rate should not be found out from a bill.
type env struct {
	get  func(string) string
	errs []error
}

func (e *env) err() error { return errors.Join(e.errs...) }

// bad notes that a setting cannot be used. The value is named: use it for nothing secret.
func (e *env) bad(name, value, want string) {
	e.errs = append(e.errs, fmt.Errorf("%s=%q: must be %s", name, value, want))
}

// text is the trimmed value, or fallback when it is unset.
func (e *env) text(name, fallback string) string {
	if v := strings.TrimSpace(e.get(name)); v != "" {
		return v
	}
	return fallback
}

// first is the value of the first of names that is set, and that name.
func (e *env) first(names ...string) (name, value string) {
	for _, name := range names {
		if v := e.text(name, ""); v != "" {
			return name, v
		}
	}
	return names[0], ""
}

// choice is one of allowed, in lower case; the first is the default.
func (e *env) choice(name string, allowed ...string) string {
	v := strings.ToLower(e.text(name, allowed[0]))
	if !slices.Contains(allowed, v) {
		e.bad(name, v, "one of "+strings.Join(allowed, ", "))
		return allowed[0]
	}
	return v
}

// number is a whole number of at least least, from the first of names that is set.
func (e *env) number(fallback, least int, names ...string) int {
	name, v := e.first(names...)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least {
		e.bad(name, v, fmt.Sprintf("a whole number of at least %d", least))
		return fallback
	}
	return n
}

// millis is a duration, given as a whole number of milliseconds as everywhere in OTEL_*.
func (e *env) millis(fallback time.Duration, least int, names ...string) time.Duration {
	const most = int(time.Duration(1<<63-1) / time.Millisecond)
	ms := e.number(int(fallback/time.Millisecond), least, names...)
	return time.Duration(min(ms, most)) * time.Millisecond
}

// boolean is true or false; set reports whether it was given at all.
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
	e.bad(name, v, "true or false")
	return false, false
}

// pairs reads key=value,key=value with percent-encoded values (W3C Baggage), in order. The values may be secret (headers), so
// errors name only the setting and the key.
func (e *env) pairs(name, value string) [][2]string {
	var out [][2]string
	for part := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(part) == "" {
			continue // a trailing comma is common and harmless
		}
		key, encoded, found := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(encoded))
		switch {
		case !found || key == "":
			e.errs = append(e.errs, fmt.Errorf("%s: every entry must be key=value, entry %d is not", name, len(out)+1))
		case err != nil:
			e.errs = append(e.errs, fmt.Errorf("%s: the value of %q is not percent-encoded correctly", name, key))
		}
		out = append(out, [2]string{key, decoded})
	}
	return out
}
