package reply

import (
	"bytes"
	"fmt"
	"strconv"
)

// AppendTTY appends r in the format of redis-cli on a terminal: with types,
// numbered elements and quoted strings. The text ends with a newline.
func AppendTTY(dst []byte, r Reply) []byte { return appendTTY(dst, r, "") }

// appendTTY indents every line of an aggregate except the first, which continues
// the caller's line.
func appendTTY(dst []byte, r Reply, indent string) []byte {
	switch r.Kind {
	case Status, Verbatim:
		dst = append(dst, r.Text...)
	case Error:
		dst = append(append(dst, "(error) "...), r.Text...)
	case Integer:
		dst = append(append(dst, "(integer) "...), r.Text...)
	case Double:
		dst = append(append(dst, "(double) "...), r.Text...)
	case BigInt:
		dst = append(append(dst, "(bignum) "...), r.Text...) // redis-cli 7.0 exits with an error here
	case String:
		dst = AppendQuoted(dst, r.Text)
	case Bool:
		dst = append(dst, boolText(r)...)
	case Null:
		dst = append(dst, "(nil)"...)
	default:
		return appendElements(dst, r, indent)
	}
	return append(dst, '\n')
}

func appendElements(dst []byte, r Reply, indent string) []byte {
	if len(r.Elems) == 0 {
		return append(append(dst, emptyText(r.Kind)...), '\n')
	}
	step, mark := 1, byte(')')
	switch r.Kind {
	case Map:
		step, mark = 2, '#'
	case Set:
		mark = '~'
	}
	width := len(strconv.Itoa(len(r.Elems) / step))
	inner := indent + string(bytes.Repeat([]byte{' '}, width+2))
	for i := 0; i < len(r.Elems); i += step {
		if i > 0 {
			dst = append(dst, indent...)
		}
		dst = fmt.Appendf(dst, "%*d%c ", width, i/step+1, mark)
		dst = appendTTY(dst, r.Elems[i], inner)
		if step == 2 {
			value := r.Elems[i+1]
			dst = append(dst[:len(dst)-1], " => "...) // on the same line as the key
			if isMultiline(value) {
				dst = append(append(dst, '\n'), inner...)
			}
			dst = appendTTY(dst, value, inner)
		}
	}
	return dst
}

// isMultiline reports whether r is an aggregate of more than one line. As the
// value of a map it starts on a new line.
func isMultiline(r Reply) bool {
	one := 1
	if r.Kind == Map {
		one = 2
	}
	if len(r.Elems) > one {
		return true
	}
	return len(r.Elems) == one && isMultiline(r.Elems[one-1])
}

func emptyText(k Kind) string {
	switch k {
	case Map:
		return "(empty hash)"
	case Set:
		return "(empty set)"
	case Push:
		return "(empty push)"
	}
	return "(empty array)"
}

func boolText(r Reply) string {
	if string(r.Text) == "t" {
		return "(true)"
	}
	return "(false)"
}

// AppendRaw appends r in the raw format of redis-cli: the bytes without
// formatting, one element per line. Only an error ends with a newline.
func AppendRaw(dst []byte, r Reply) []byte {
	switch r.Kind {
	case Null:
		return dst
	case Error:
		return append(append(dst, r.Text...), '\n')
	case Bool:
		return append(dst, boolText(r)...)
	case Map:
		for i := 0; i < len(r.Elems); i += 2 {
			if i > 0 {
				dst = append(dst, '\n')
			}
			dst = append(AppendRaw(dst, r.Elems[i]), ' ')
			dst = AppendRaw(dst, r.Elems[i+1])
		}
		return dst
	case Array, Set, Push:
		for i, e := range r.Elems {
			if i > 0 {
				dst = append(dst, '\n')
			}
			dst = AppendRaw(dst, e)
		}
		return dst
	}
	return append(dst, r.Text...)
}

// AppendQuoted appends text in double quotes with non-printable bytes escaped, in
// the format of redis-cli and MONITOR.
func AppendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\a':
			dst = append(dst, `\a`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			if c >= ' ' && c <= '~' {
				dst = append(dst, c)
			} else {
				dst = fmt.Appendf(dst, `\x%02x`, c)
			}
		}
	}
	return append(dst, '"')
}
