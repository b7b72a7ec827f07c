package keyspace

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestCanonicalInt(t *testing.T) {
	f := func(s string, want bool) {
		t.Helper()
		n, ok := CanonicalInt([]byte(s))
		if ok != want {
			t.Errorf("%q: %v, want %v", s, ok, want)
		}
		if ok && strconv.FormatInt(n, 10) != s {
			t.Errorf("%q was read as %d", s, n)
		}
	}
	for _, n := range []int64{
		0, 1, -1, 9, 10, -10, 123456789,
		math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1,
	} {
		f(strconv.FormatInt(n, 10), true)
	}
	for _, s := range []string{
		"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "abc", "1a", "0x1", "\x00",
		"9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"99999999999999999999", "123456789012345678901",
	} {
		f(s, false)
	}
}

// FuzzCanonicalInt compares CanonicalInt with the standard library.
func FuzzCanonicalInt(f *testing.F) {
	for _, s := range []string{"0", "-1", "12345", "-9223372036854775808", "01", "+5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := strconv.ParseInt(s, 10, 64)
		want := err == nil && strconv.FormatInt(n, 10) == s
		got, ok := CanonicalInt([]byte(s))
		if ok != want || ok && got != n {
			t.Errorf("%q: %d, %v; want %d, %v", s, got, ok, n, want)
		}
	})
}

func TestTextEdits(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	e := put(d, "k", "12")
	is := func(want, encoding string) {
		t.Helper()
		if text(e) != want || e.TextLen() != len(want) || e.Encoding() != encoding {
			t.Errorf("%q of %d bytes as %s, want %q as %s",
				text(e), e.TextLen(), e.Encoding(), want, encoding)
		}
		checkMemory(t, s)
	}
	is("12", "int")
	d.Append(e, []byte("3"))
	is("123", "raw")
	d.SetBytes(e, []byte("abc"))
	is("abc", "embstr")
	d.SetRange(e, 5, []byte("x"))
	is("abc\x00\x00x", "raw")
	d.SetRange(e, 1, []byte("BC"))
	is("aBC\x00\x00x", "raw")
	d.SetBytes(e, []byte("a"))
	d.SetRange(e, 3, []byte("z"))
	is("a\x00\x00z", "raw") // the bytes in between are zero
	long := strings.Repeat("x", 45)
	d.SetBytes(e, []byte(long))
	is(long, "raw")
	d.SetText(e, []byte("12"))
	is("12", "embstr")
	d.SetInt(e, -5)
	is("-5", "int")
}

// TestMemoryIsNotWasted checks that a short value does not keep the memory of a
// long one that it replaces.
func TestMemoryIsNotWasted(t *testing.T) {
	s := newSpace(t)
	e := put(s.DB(0), "k", strings.Repeat("x", 1<<20))
	put(s.DB(0), "k", "short")
	if size := e.size(); size > 256 {
		t.Errorf("a value of 5 bytes takes %d", size)
	}
}
