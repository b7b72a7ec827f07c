// Package docpage checks the generated tables in docs/. A test generates a table
// from the program's own data and compares it with the page.
package docpage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check compares the block name of a page in docs/ with want, which consists of
// whole lines. The block is between the lines `<!-- name -->` and
// `<!-- /name -->`. If write is true, Check replaces the block by want instead.
func Check(t testing.TB, page, name, want string, write bool) {
	t.Helper()
	path := filepath.Join(moduleRoot(t), "docs", page)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, got, after, err := splitBlock(string(raw), name)
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
		t.Errorf("docs/%s: block %q is out of date; update it with: go test %s -run %s -update\n%s",
			page, name, packagePath(t), t.Name(), diffLines(got, want))
	}
}

// splitBlock splits a page into the text before, inside and after a block.
func splitBlock(page, name string) (before, block, after string, err error) {
	from, to := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	i, j := strings.Index(page, from), strings.Index(page, to)
	if i < 0 || j < i {
		return "", "", "", fmt.Errorf("no block %q", name)
	}
	i += len(from)
	return page[:i], page[i:j], page[j:], nil
}

// diffLines lists the lines that only one of two texts contains.
func diffLines(got, want string) string {
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

// Text returns the text of a page of docs/.
func Text(t testing.TB, page string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// moduleRoot returns the module's root directory.
func moduleRoot(t testing.TB) string {
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

// packagePath returns the package under test relative to the module's root, for a go command.
func packagePath(t testing.TB) string {
	at, err := os.Getwd()
	if err != nil {
		return "./..."
	}
	rel, err := filepath.Rel(moduleRoot(t), at)
	if err != nil {
		return "./..."
	}
	return "./" + filepath.ToSlash(rel)
}
