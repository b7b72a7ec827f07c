package ordertest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// value is a reply or a push.
type value struct {
	kind byte // the type byte of RESP; '*' and '>' have elements
	text string
	null bool
	list []value
}

// String returns the value in one line, for messages about violations.
func (v value) String() string {
	switch {
	case v.null:
		return "null"
	case v.kind == '*', v.kind == '>', v.kind == '~', v.kind == '%':
		parts := make([]string, len(v.list))
		for i := range v.list {
			parts[i] = v.list[i].String()
		}
		return string(v.kind) + "[" + strings.Join(parts, " ") + "]"
	case v.kind == '$', v.kind == '=':
		return strconv.Quote(clip(v.text))
	}
	return string(v.kind) + clip(v.text)
}

func clip(s string) string { return s[:min(len(s), 200)] }

// integer returns the number that the value is, or that its text is.
func (v value) integer() (int64, error) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || v.kind != ':' && v.kind != '$' {
		return 0, fmt.Errorf("%v is not a number", v)
	}
	return n, nil
}

// strings returns the texts of the elements.
func (v value) strings() []string {
	list := make([]string, len(v.list))
	for i := range v.list {
		list[i] = v.list[i].text
	}
	return list
}

// isMessage reports whether the value is a published message. Confirmations of
// subscriptions answer a request and are none.
func (v value) isMessage() bool {
	if v.kind != '*' && v.kind != '>' || len(v.list) < 3 {
		return false
	}
	first := v.list[0].text
	return first == "message" && len(v.list) == 3 || first == "pmessage" && len(v.list) == 4
}

// readValue reads one reply or push of RESP2 or RESP3.
func readValue(r *bufio.Reader) (value, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return value{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return value{}, fmt.Errorf("%q is no line of RESP", line)
	}
	v := value{kind: line[0], text: string(line[1 : len(line)-2])}
	switch v.kind {
	case '+', '-', ':', ',', '#', '(':
		return v, nil
	case '_':
		v.null = true
		return v, nil
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || n < -1 {
		return value{}, fmt.Errorf("%q is no header of RESP", line)
	}
	switch v.kind {
	case '$', '=':
		return v.readBulk(r, n)
	case '*', '>', '~', '%':
		return v.readElements(r, n)
	}
	return value{}, fmt.Errorf("%q is no header of RESP", line)
}

func (v value) readBulk(r *bufio.Reader, n int) (value, error) {
	if n < 0 {
		return value{kind: v.kind, null: true}, nil
	}
	p := make([]byte, n+2)
	if _, err := io.ReadFull(r, p); err != nil {
		return value{}, err
	}
	if p[n] != '\r' || p[n+1] != '\n' {
		return value{}, fmt.Errorf("a string of %d bytes ends in %q", n, p[n:])
	}
	v.text = string(p[:n])
	return v, nil
}

func (v value) readElements(r *bufio.Reader, n int) (value, error) {
	if n < 0 {
		return value{kind: v.kind, null: true}, nil
	}
	if v.kind == '%' {
		n *= 2
	}
	v.text = ""
	for range n {
		element, err := readValue(r)
		if err != nil {
			return value{}, err
		}
		v.list = append(v.list, element)
	}
	return v, nil
}
