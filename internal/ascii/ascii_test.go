package ascii

import "testing"

func TestOnlyASCIILettersFold(t *testing.T) {
	for c := range 256 {
		want := byte(c)
		if want >= 'A' && want <= 'Z' {
			want += 32
		}
		if got := Lower(byte(c)); got != want {
			t.Errorf("Lower(%#x) = %#x, want %#x", c, got, want)
		}
	}
}

func TestComparisons(t *testing.T) {
	f := func(a, lower string, want bool) {
		t.Helper()
		if Is([]byte(a), lower) != want || EqualFold(a, lower) != want {
			t.Errorf("%q and %q: Is %v, EqualFold %v, want %v", a, lower, Is([]byte(a), lower), EqualFold(a, lower), want)
		}
	}
	f("GeT", "get", true)
	f("get", "set", false)
	f("ge", "get", false)
	f("", "", true)
	f("@", "`", false) // 0x40 and 0x60 differ by the bit that folds letters
	f("\xc3\x84", "\xc3\xa4", false)
	if got := string(AppendLower([]byte("x"), []byte("A-ß"))); got != "xa-ß" {
		t.Errorf("AppendLower: %q", got)
	}
}
