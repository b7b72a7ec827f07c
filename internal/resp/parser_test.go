package resp

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// parseAll feeds the pieces one after the other, as a connection would, and
// returns the requests read until the end or an error.
func parseAll(lim *Limits, pieces ...[]byte) (requests [][]string, rest []byte, err error) {
	var p Parser
	var buf []byte
	var args [][]byte
	for _, piece := range pieces {
		buf = append(buf, piece...)
		for len(buf) > 0 {
			var n int
			args, n, err = p.Next(buf, args[:0], lim)
			if err != nil {
				return requests, buf, err
			}
			if n == 0 {
				break
			}
			words := []string{}
			for _, a := range args {
				words = append(words, string(a))
			}
			requests = append(requests, words)
			buf = buf[n:]
		}
	}
	return requests, buf, nil
}

func TestParserReadsRequests(t *testing.T) {
	f := func(in string, want ...[]string) {
		t.Helper()
		got, rest, err := parseAll(&DefaultLimits, []byte(in))
		if err != nil || len(rest) > 0 {
			t.Fatalf("%q: rest %q, error %v", in, rest, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != len(want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	f("*1\r\n$4\r\nPING\r\n", []string{"PING"})
	f("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", []string{"ECHO", ""})
	f("*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n", []string{"GET", "a\r\nb"})
	f("*0\r\n", []string{})
	f("*-1\r\n", []string{})
	f("*2\r\n$4\r\nECHO\r\n:-120\r\n", []string{"ECHO", "-120"})
	f("PING\r\n", []string{"PING"})
	f("PING\n", []string{"PING"})
	f("\r\n\nPING\r\n", []string{}, []string{}, []string{"PING"})
	f("SET k \"a\\x41\\n\" 'b\\'c'\r\n", []string{"SET", "k", "aA\n", "b'c"})
	f("PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", []string{"PING"}, []string{"PING"}, []string{"PING"})
}

func TestParserRefuses(t *testing.T) {
	small := Limits{Args: 10, Bulk: 16, Inline: 32}
	f := func(lim *Limits, in string, want error) {
		t.Helper()
		got, _, err := parseAll(lim, []byte(in))
		if !errors.Is(err, want) {
			t.Errorf("%q: read %q, error %v, want %v", in, got, err, want)
		}
	}
	f(&DefaultLimits, "*x\r\n", ErrMultibulkLength)
	f(&DefaultLimits, "*+1\r\n", ErrMultibulkLength)
	f(&DefaultLimits, "*\r\n", ErrMultibulkLength)
	f(&DefaultLimits, "*1048577\r\n", ErrMultibulkLength)
	f(&DefaultLimits, "*99999999999999999999\r\n", ErrMultibulkLength)
	f(&DefaultLimits, "*1\r\n+1\r\n", ErrExpectedBulk('+'))
	f(&DefaultLimits, "*1\r\n:x\r\n", ErrBulkLength)
	f(&DefaultLimits, "*1\r\n$-1\r\n", ErrBulkLength)
	f(&DefaultLimits, "*1\r\n$536870913\r\n", ErrBulkLength)
	f(&DefaultLimits, "*1\r\n$1x\r\n", ErrBulkLength)
	f(&DefaultLimits, "GET \"a\r\n", ErrUnbalancedQuotes)
	f(&DefaultLimits, "GET 'a'b\r\n", ErrUnbalancedQuotes)
	f(&small, "*11\r\n", ErrUnauthMultibulk)
	f(&small, "*1\r\n$17\r\n", ErrUnauthBulk)
	f(&small, strings.Repeat("a", 33), ErrBigInline)
	f(&small, "*"+strings.Repeat("1", 33), ErrBigMultibulk)
	f(&small, "*1\r\n$"+strings.Repeat("1", 33), ErrBigBulkCount)
}

// pipeline has each form a request can take.
const pipeline = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n01\r\n$5\r\n89\r\n" +
	"PING\r\n*0\r\n\r\n*2\r\n$4\r\nPING\r\n:17\r\nECHO \"a b\"\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"

func TestParserReadsEverySplit(t *testing.T) {
	want, _, err := parseAll(&DefaultLimits, []byte(pipeline))
	if err != nil || len(want) != 7 {
		t.Fatalf("whole: %q, %v", want, err)
	}
	same := func(pieces ...[]byte) {
		t.Helper()
		got, rest, err := parseAll(&DefaultLimits, pieces...)
		if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %q, rest %q, error %v", pieces, got, rest, err)
		}
	}
	for i := range len(pipeline) {
		for j := i; j < len(pipeline); j++ {
			same([]byte(pipeline[:i]), []byte(pipeline[i:j]), []byte(pipeline[j:]))
		}
	}
	single := make([][]byte, len(pipeline))
	for i := range single {
		single[i] = []byte{pipeline[i]}
	}
	same(single...)
}

func TestParserTellsWhatItNeeds(t *testing.T) {
	var p Parser
	head := "*2\r\n$3\r\nGET\r\n$100\r\nabc"
	if _, n, err := p.Next([]byte(head), nil, &DefaultLimits); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if want := strings.Index(head, "abc") + 102; p.Need() != want {
		t.Errorf("Need() = %d, want %d", p.Need(), want)
	}
}

func FuzzParser(f *testing.F) {
	f.Add([]byte(pipeline), 7)
	f.Add([]byte("*1\r\n$-1\r\n"), 3)
	f.Add([]byte("GET \"\\x4\"\r\n"), 5)
	lim := Limits{Args: 100, Bulk: 1000, Inline: 200}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		if cut < 0 || cut > len(in) {
			cut = len(in) / 2
		}
		whole, rest, err := parseAll(&lim, in)
		pieces, rest2, err2 := parseAll(&lim, in[:cut], in[cut:])
		if !reflect.DeepEqual(whole, pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q at %d: %q %v, in pieces %q %v", in, cut, whole, err, pieces, err2)
		}
		if err == nil && !bytes.Equal(rest, rest2) {
			t.Fatalf("%q at %d: rest %q, in pieces %q", in, cut, rest, rest2)
		}
	})
}

func BenchmarkParser(b *testing.B) {
	one := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$64\r\n" + strings.Repeat("x", 64) + "\r\n")
	var p Parser
	var args [][]byte
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if args, _, err = p.Next(one, args[:0], &DefaultLimits); err != nil || len(args) != 3 {
			b.Fatal(args, err)
		}
	}
}
