// Package images_test holds the bills of materials that `task sbom` writes against the binaries that they are about.
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

// bom is what is read of a CycloneDX document here.
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
		t.Skip("needs what task sbom writes")
	}
	files, err := filepath.Glob(filepath.Join(dist, "sbom", "*.cdx.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d bills of materials (%v)", len(files), err)
	}
	name := regexp.MustCompile(`^(.+)-v?[0-9.]+-linux-(\w+)\.cdx\.json$`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			parts := name.FindStringSubmatch(filepath.Base(file))
			if parts == nil {
				t.Fatal("the file's name does not say of what it is")
			}
			b := mustRead(t, file)
			b.mustBeWhole(t)
			b.mustName(t, filepath.Join(dist, parts[2], parts[1]))
			b.mustKnowLicences(t)
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

// mustBeWhole checks what CycloneDX asks of every document, and that what it refers to is in it.
func (b bom) mustBeWhole(t *testing.T) {
	t.Helper()
	serial := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	if b.Format != "CycloneDX" || !strings.HasPrefix(b.Spec, "1.") || !serial.MatchString(b.Serial) || b.Version < 1 {
		t.Errorf("it begins with %q %q %q %d", b.Format, b.Spec, b.Serial, b.Version)
	}
	refs := map[string]bool{}
	for _, c := range append([]component{b.Metadata.Component}, b.Components...) {
		if c.Type == "" || c.Name == "" || c.Version == "" || !strings.HasPrefix(c.Purl, "pkg:golang/") || c.Ref == "" || refs[c.Ref] {
			t.Errorf("a component lacks something, or is there twice: %+v", c)
		}
		refs[c.Ref] = true
	}
	for _, d := range b.Dependencies {
		for _, ref := range append(d.DependsOn, d.Ref) {
			if !refs[ref] {
				t.Errorf("%s is no component", ref)
			}
		}
	}
}

// mustName checks that it names every module that the binary was made of, in its version.
func (b bom) mustName(t *testing.T, binary string) {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"std@" + info.GoVersion: false}
	for _, c := range b.Components {
		named[c.Name+"@"+c.Version] = true
	}
	if !named["std@"+info.GoVersion] {
		t.Errorf("Go's own library of %s is missing", info.GoVersion)
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if !named[m.Path+"@"+m.Version] {
			t.Errorf("%s %s is missing", m.Path, m.Version)
		}
	}
	t.Logf("%d components, %d modules in the binary", len(b.Components), len(info.Deps))
}

// mustKnowLicences allows for the few modules whose text is not recognised, or that have none.
func (b bom) mustKnowLicences(t *testing.T) {
	t.Helper()
	var unknown []string
	for _, c := range b.Components {
		if len(c.Licenses) == 0 || c.Licenses[0].License.ID+c.Licenses[0].License.Name == "" {
			unknown = append(unknown, c.Name)
		}
	}
	t.Logf("the licence is not known of %q", unknown)
	if len(unknown) > len(b.Components)/20+1 {
		t.Error("of too many")
	}
}
