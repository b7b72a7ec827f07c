package docpage

import "testing"

func TestCut(t *testing.T) {
	f := func(page, before, block, after string) {
		t.Helper()
		b, c, a, err := splitBlock(page, "x")
		if err != nil || b != before || c != block || a != after {
			t.Errorf("%q: %q %q %q %v", page, b, c, a, err)
		}
	}
	f("a\n<!-- x -->\n<!-- /x -->\nz\n", "a\n<!-- x -->\n", "", "<!-- /x -->\nz\n")
	f("<!-- x -->\n1\n2\n<!-- /x -->\n", "<!-- x -->\n", "1\n2\n", "<!-- /x -->\n")
	for _, bad := range []string{"", "<!-- x -->\n", "<!-- /x -->\n<!-- x -->\n", "<!-- y -->\n<!-- /y -->\n"} {
		if _, _, _, err := splitBlock(bad, "x"); err == nil {
			t.Errorf("splitBlock found a block in %q", bad)
		}
	}
}

func TestDifference(t *testing.T) {
	if got, want := diffLines("a\nb\n", "a\nc\n"), "- b\n+ c\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
