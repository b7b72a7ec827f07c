package glob

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	f := func(pattern, text string, want bool) {
		t.Helper()
		if got := Match([]byte(pattern), []byte(text)); got != want {
			t.Errorf("%q and %q: %v", pattern, text, got)
		}
	}
	f("", "", true)
	f("", "a", false)
	f("*", "", true)
	f("**", "", true)
	f("*", "anything", true)
	f("?", "", false)
	f("?", "a", true)
	f("a*c", "abc", true)
	f("a*c", "ac", true)
	f("a*c", "abcd", false)
	f("*a*b*", "xxaxxbxx", true)
	f("*a*b*", "xxbxxaxx", false)
	f("h[ae]llo", "hallo", true)
	f("h[ae]llo", "hillo", false)
	f("h[^e]llo", "hallo", true)
	f("h[^e]llo", "hello", false)
	f("h[a-c]llo", "hbllo", true)
	f("h[c-a]llo", "hbllo", true)
	f("h[a-c]llo", "hdllo", false)
	f("[]", "", false)
	f("[]", "a", false)
	f("[^]", "a", true)
	f("[a", "a", true)
	f("[a", "b", false)
	f("[", "a", false)
	f("[^", "a", true)
	f("[a-", "a", true)
	f("[a-", "-", true)
	f(`[a\]b]`, "]", true)
	f(`[\`, `\`, true)
	f(`\*`, "*", true)
	f(`\*`, "a", false)
	f(`a\`, `a\`, true)
	f("\x00\xff*", "\x00\xff\x80", true)
	f("A", "a", false)
	if !MatchFold([]byte("A[B-D]?"), []byte("acX")) || MatchFold([]byte("A"), []byte("b")) {
		t.Error("MatchFold does not ignore case")
	}
}

// TestMatchTakesBoundedTime uses patterns that take exponential time in a matcher
// that backtracks to every star.
func TestMatchTakesBoundedTime(t *testing.T) {
	text := []byte(strings.Repeat("a", 20_000))
	start := time.Now()
	for _, pattern := range []string{
		strings.Repeat("a*", 500) + "b",
		strings.Repeat("*a", 500) + "b",
		strings.Repeat("*", 50_000) + "b",
		strings.Repeat("*?", 1000) + "b",
		strings.Repeat("*[^b]", 300) + "b",
	} {
		if Match([]byte(pattern), text) {
			t.Errorf("%.20q matches", pattern)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// slowly is a reference implementation that tries every length for each star.
func slowly(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		for i := 0; i <= len(text); i++ {
			if slowly(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case text == "":
		return false
	}
	ok, next := matchOne([]byte(pattern), 0, text[0], false)
	return ok && slowly(pattern[next:], text[1:])
}

func TestMatchAgainstReference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from string, n int) string {
		var b strings.Builder
		for range random.IntN(n) {
			b.WriteByte(from[random.IntN(len(from))])
		}
		return b.String()
	}
	matches := 0
	for range 300_000 {
		pattern, text := pick(`ab*?[]^-\`, 9), pick("ab]-", 9)
		got, want := Match([]byte(pattern), []byte(text)), slowly(pattern, text)
		if got != want {
			t.Fatalf("%q and %q: %v, want %v", pattern, text, got, want)
		}
		if got {
			matches++
		}
	}
	if matches < 1000 {
		t.Errorf("only %d matches: the test tests little", matches)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-c]?", "axbz")
	f.Add(`*\*`, "**")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 12 {
			Match([]byte(pattern), []byte(text))
			return
		}
		if got := Match([]byte(pattern), []byte(text)); got != slowly(pattern, text) {
			t.Errorf("%q and %q: %v", pattern, text, got)
		}
	})
}
