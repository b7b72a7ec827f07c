// Package docpage keeps the tables in docs/ true: a test makes a table from what
// the program really has, and the page must hold the same.
package docpage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check holds the block called name of a page in docs/ against want, a run of
// whole lines. The block stands between the lines `<!-- name -->` and
// `<!-- /name -->`. With write the page is made to hold want instead.
func Check(t testing.TB, page, name, want string, write bool) {
	t.Helper()
	path := filepath.Join(root(t), "docs", page)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, got, after, err := cut(string(raw), name)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	switch {
	case got == want:
	case write:
		if err := os.WriteFile(path, []byte(before+want+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/%s, %s, is not what the program has; write it anew with: go test %s -run %s -update\n%s",
			page, name, dir(t), t.Name(), difference(got, want))
	}
}

// cut takes a page apart around a block's content.
func cut(page, name string) (before, block, after string, err error) {
	from, to := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	i, j := strings.Index(page, from), strings.Index(page, to)
	if i < 0 || j < i {
		return "", "", "", fmt.Errorf("there is no block %s", name)
	}
	i += len(from)
	return page[:i], page[i:j], page[j:], nil
}

// difference lists the lines that only one of two texts has.
func difference(got, want string) string {
	var b strings.Builder
	only := func(sign, text, other string) {
		have := map[string]bool{}
		for line := range strings.Lines(other) {
			have[line] = true
		}
		for line := range strings.Lines(text) {
			if !have[line] {
				b.WriteString(sign + line)
			}
		}
	}
	only("- ", got, want)
	only("+ ", want, got)
	return b.String()
}

// Text returns a page of docs/, for a test that looks for what it must mention.
func Text(t testing.TB, page string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// root is the folder of the module, above the package under test.
func root(t testing.TB) string {
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		up := filepath.Dir(at)
		if up == at {
			t.Fatal("no go.mod above the test")
		}
		at = up
	}
}

// dir names the package under test as a person at the module's root would.
func dir(t testing.TB) string {
	at, err := os.Getwd()
	if err != nil {
		return "./..."
	}
	rel, err := filepath.Rel(root(t), at)
	if err != nil {
		return "./..."
	}
	return "./" + filepath.ToSlash(rel)
}
