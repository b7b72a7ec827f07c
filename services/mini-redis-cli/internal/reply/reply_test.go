package reply

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func read(wire string) (Reply, error) { return NewReader(strings.NewReader(wire)).Read() }

func TestFormatMatchesRedisCli(t *testing.T) {
	f := func(wire, tty, raw string) {
		t.Helper()
		r, err := read(wire)
		if err != nil {
			t.Errorf("%q: %v", wire, err)
			return
		}
		if got := string(AppendTTY(nil, r)); got != tty {
			t.Errorf("%q on a terminal:\n%swant\n%s", wire, got, tty)
		}
		if got := string(AppendRaw(nil, r)); got != raw {
			t.Errorf("%q raw:\n%q, want\n%q", wire, got, raw)
		}
	}
	f("+OK\r\n", "OK\n", "OK")
	f("-ERR no\r\n", "(error) ERR no\n", "ERR no\n")
	f("!6\r\nERR\r\nx\r\n", "(error) ERR\r\nx\n", "ERR\r\nx\n")
	f(":-12\r\n", "(integer) -12\n", "-12")
	f("$5\r\nvalue\r\n", "\"value\"\n", "value")
	f("$0\r\n\r\n", "\"\"\n", "")
	f("$-1\r\n", "(nil)\n", "")
	f("*-1\r\n", "(nil)\n", "")
	f("_\r\n", "(nil)\n", "")
	f("#t\r\n", "(true)\n", "(true)")
	f(",3.141\r\n", "(double) 3.141\n", "3.141")
	f(",-inf\r\n", "(double) -inf\n", "-inf")
	f("(123456789012345678901\r\n", "(bignum) 123456789012345678901\n", "123456789012345678901")
	f("=8\r\ntxt:a\nbc\r\n", "a\nbc\n", "a\nbc")
	f("*0\r\n", "(empty array)\n", "")
	f("%0\r\n", "(empty hash)\n", "")
	f("~0\r\n", "(empty set)\n", "")
	f("*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n", "1) \"a\"\n2) 1) (integer) 1\n   2) (nil)\n", "a\n1\n")
	f("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*1\r\n+x\r\n", "1# \"a\" => (integer) 1\n2# \"b\" => 1) x\n", "a 1\nb x")
	f("%1\r\n+k\r\n*2\r\n:1\r\n:2\r\n", "1# k => \n   1) (integer) 1\n   2) (integer) 2\n", "k 1\n2")
	f("~1\r\n+x\r\n", "1~ x\n", "x")
	f("|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "OK\n", "OK")
	f("*10\r\n"+strings.Repeat("*1\r\n:1\r\n", 10),
		" 1) 1) (integer) 1\n"+numbered(2, 9)+"10) 1) (integer) 1\n",
		strings.TrimSuffix(strings.Repeat("1\n", 10), "\n"))
	f("$12\r\na\x00\"\\\n\r\t\a\b\x7f\xff~\r\n", `"a\x00\"\\\n\r\t\a\b\x7f\xff~"`+"\n", "a\x00\"\\\n\r\t\a\b\x7f\xff~")
}

// numbered returns lines from to to of the formatted array of ten arrays [1].
func numbered(from, to int) (lines string) {
	for i := from; i <= to; i++ {
		lines += " " + string(rune('0'+i)) + ") 1) (integer) 1\n"
	}
	return lines
}

func TestLongLineIsRead(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	r, err := read("+" + long + "\r\n")
	if err != nil || string(r.Text) != long {
		t.Errorf("%d bytes, %v", len(r.Text), err)
	}
}

func TestInvalidRepliesAreErrors(t *testing.T) {
	f := func(wire string) {
		t.Helper()
		r, err := read(wire)
		var protocol ProtocolError
		if !errors.As(err, &protocol) {
			t.Errorf("%.40q was read as %c %.40q, %v", wire, r.Kind, r.Text, err)
		}
	}
	f("HTTP/1.1 400 Bad Request\r\n")
	f("\r\n")
	f("+OK\n")
	f(":12a\r\n")
	f(":99999999999999999999\r\n")
	f("#x\r\n")
	f("$x\r\n")
	f("$-2\r\n")
	f("$536870913\r\n")
	f("$1\r\nabc")
	f("=3\r\nabc\r\n")
	f("*16777217\r\n")
	f("%8388609\r\n")
	f("*2\r\n:1\r\nx\r\n")
	f(strings.Repeat("*1\r\n", 200) + ":1\r\n")
	f(strings.Repeat("*16777216\r\n", 2))
}

func TestEndOfStream(t *testing.T) {
	f := func(wire string, want error) {
		t.Helper()
		if _, err := read(wire); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", wire, err, want)
		}
	}
	f("", io.EOF)
	f("+O", io.ErrUnexpectedEOF)
	f("$5\r\nab", io.ErrUnexpectedEOF)
	f("*2\r\n:1\r\n", io.ErrUnexpectedEOF)
	f("*16777216\r\n", io.ErrUnexpectedEOF) // no memory is allocated for missing elements
	f("$536870912\r\n", io.ErrUnexpectedEOF)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n%1\r\n+k\r\n:1\r\n"))
	f.Add([]byte("|1\r\n+a\r\n+b\r\n=7\r\ntxt:abc\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r, err := NewReader(bytes.NewReader(wire)).Read()
		if err != nil {
			return
		}
		if tty := AppendTTY(nil, r); len(tty) == 0 || tty[len(tty)-1] != '\n' {
			t.Errorf("%q printed as %q", wire, tty)
		}
		AppendRaw(nil, r)
	})
}
