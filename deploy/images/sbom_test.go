// Package images_test compares the bills of materials that `task sbom` writes with the binaries
// that they describe.
package images_test

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// bom has the fields of a CycloneDX document that the test uses.
type bom struct {
	Format       string `json:"bomFormat"`
	Spec         string `json:"specVersion"`
	Serial       string `json:"serialNumber"`
	Version      int    `json:"version"`
	Metadata     struct{ Component component }
	Components   []component
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
}

type component struct {
	Ref      string `json:"bom-ref"`
	Type     string
	Name     string
	Version  string
	Purl     string
	Licenses []struct{ License struct{ ID, Name string } }
}

func TestBillsOfMaterials(t *testing.T) {
	dist := os.Getenv("MINI_REDIS_DIST")
	if dist == "" {
		t.Skip("needs the bills of materials: run task sbom")
	}
	files, err := filepath.Glob(filepath.Join(dist, "sbom", "*.cdx.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d bills of materials, want at least 5 (%v)", len(files), err)
	}
	name := regexp.MustCompile(`^(.+)-v?[0-9.]+-linux-(\w+)\.cdx\.json$`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			parts := name.FindStringSubmatch(filepath.Base(file))
			if parts == nil {
				t.Fatal("the file name is not BINARY-VERSION-linux-ARCH.cdx.json")
			}
			b := mustRead(t, file)
			b.mustBeValid(t)
			b.mustListModules(t, filepath.Join(dist, parts[2], parts[1]))
			b.mustHaveLicences(t)
		})
	}
}

func mustRead(t *testing.T, file string) (b bom) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustBeValid checks the fields that CycloneDX requires, and that every reference is to a component
// of the document.
func (b bom) mustBeValid(t *testing.T) {
	t.Helper()
	serial := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	if b.Format != "CycloneDX" || !strings.HasPrefix(b.Spec, "1.") || !serial.MatchString(b.Serial) || b.Version < 1 {
		t.Errorf("invalid header: format %q, specification %q, serial number %q, version %d", b.Format, b.Spec, b.Serial, b.Version)
	}
	refs := map[string]bool{}
	for _, c := range append([]component{b.Metadata.Component}, b.Components...) {
		if c.Type == "" || c.Name == "" || c.Version == "" || !strings.HasPrefix(c.Purl, "pkg:golang/") || c.Ref == "" || refs[c.Ref] {
			t.Errorf("component is incomplete or duplicated: %+v", c)
		}
		refs[c.Ref] = true
	}
	for _, d := range b.Dependencies {
		for _, ref := range append(d.DependsOn, d.Ref) {
			if !refs[ref] {
				t.Errorf("dependency %s is not a component", ref)
			}
		}
	}
}

// mustListModules checks that the document lists every module in the binary's build information,
// with its version.
func (b bom) mustListModules(t *testing.T, binary string) {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"std@" + info.GoVersion: false}
	for _, c := range b.Components {
		listed[c.Name+"@"+c.Version] = true
	}
	if !listed["std@"+info.GoVersion] {
		t.Errorf("the standard library of %s is missing", info.GoVersion)
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if !listed[m.Path+"@"+m.Version] {
			t.Errorf("module %s %s is missing", m.Path, m.Version)
		}
	}
	t.Logf("%d components, %d modules in the binary", len(b.Components), len(info.Deps))
}

// mustHaveLicences checks that at most 5 % of the components, plus one, have no licence. A few
// modules have no licence text or one that the tool does not recognise.
func (b bom) mustHaveLicences(t *testing.T) {
	t.Helper()
	var unknown []string
	for _, c := range b.Components {
		if len(c.Licenses) == 0 || c.Licenses[0].License.ID+c.Licenses[0].License.Name == "" {
			unknown = append(unknown, c.Name)
		}
	}
	t.Logf("components without a known licence: %q", unknown)
	if len(unknown) > len(b.Components)/20+1 {
		t.Errorf("%d of %d components have no known licence", len(unknown), len(b.Components))
	}
}
