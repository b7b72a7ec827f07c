package otelcollector

import (
	"bytes"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOverlays(t *testing.T) {
	for _, name := range []string{"durable", "tail-sampling", "debug"} {
		content, err := Overlay(name)
		if err != nil || NeedsContrib(name) || !strings.HasPrefix(string(content), "# Overlay: ") {
			t.Errorf("%s: NeedsContrib is %v, error %v, or the first line is wrong", name, NeedsContrib(name), err)
		}
	}
	if _, err := Overlay("none"); err == nil || !strings.Contains(err.Error(), "tail-sampling") {
		t.Errorf("Overlay of an unknown name: error %v, want the list of overlays", err)
	}
	if len(Base()) == 0 {
		t.Error("base.yaml is empty")
	}
}

func TestContribOverlaysNameTheDistribution(t *testing.T) {
	found := 0
	for _, name := range Overlays() {
		if !NeedsContrib(name) {
			continue
		}
		found++
		content, err := Overlay(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(content), "# Overlay for the contrib distribution ONLY: ") {
			t.Errorf("the first line of %s does not say that it requires the contrib distribution", name)
		}
	}
	if found == 0 {
		t.Error("no overlay requires the contrib distribution")
	}
}

// modules returns the modules of the manifest as "path version", from its lines "- gomod: path
// version".
func modules(t *testing.T) []string {
	t.Helper()
	manifest, err := os.ReadFile("builder-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^\s*- gomod: (\S+ v\S+)$`).FindAllStringSubmatch(string(manifest), -1) {
		found = append(found, m[1])
	}
	if len(found) < 10 {
		t.Fatalf("the manifest has only the components %q", found)
	}
	return found
}

// TestDistributionHasManifestComponents compares the components without the builder.
// TestDistributionIsGenerated compares all files.
func TestDistributionHasManifestComponents(t *testing.T) {
	gomod, err := os.ReadFile(filepath.Join("distribution", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	for _, name := range []string{"components.go", "main.go"} {
		text, err := os.ReadFile(filepath.Join("distribution", name))
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, text...)
	}
	wanted := modules(t)
	for _, module := range wanted {
		path, _, _ := strings.Cut(module, " ")
		if !strings.Contains(string(gomod), "\t"+module+"\n") {
			t.Errorf("distribution/go.mod does not require %s", module)
		}
		if !strings.Contains(string(code), `"`+path+`"`) {
			t.Errorf("the distribution does not import %s", path)
		}
	}
	component := regexp.MustCompile(`"(\S+ v\d\S*)"`)
	for _, m := range component.FindAllStringSubmatch(string(code), -1) {
		if !slices.Contains(wanted, m[1]) {
			t.Errorf("the distribution has %s, which is not in the manifest", m[1])
		}
	}
}

// TestDistributionIsGenerated generates the module and compares it with the committed one. It
// downloads nothing. It is skipped if the builder is not in the module cache; go run
// go.opentelemetry.io/collector/cmd/builder@v0.161.0 version adds it.
func TestDistributionIsGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the builder; not with -short")
	}
	manifest, err := os.ReadFile("builder-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^  version: (v\S+)$`).FindSubmatch(manifest)
	if version == nil {
		t.Fatal("the manifest has no version")
	}
	dir := t.TempDir()
	manifest = bytes.Replace(manifest, []byte("output_path: ./distribution"), []byte("output_path: "+filepath.Join(dir, "distribution")), 1)
	config := filepath.Join(dir, "builder-config.yaml")
	if err := os.WriteFile(config, manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", "go.opentelemetry.io/collector/cmd/builder@"+string(version[1]), "--config="+config, "--skip-compilation", "--skip-get-modules")
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	proxy := "GOPROXY=file://" + filepath.ToSlash(filepath.Join(strings.TrimSpace(string(cache)), "cache", "download"))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), proxy, "GOSUMDB=off", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		// If the builder's module is missing, go may find a parent module that does not contain the
		// package.
		if strings.Contains(string(out), "reading file://") || strings.Contains(string(out), "does not contain package") {
			t.Skip("the builder is not in the module cache")
		}
		t.Fatalf("%v: %s", err, out)
	}
	generated, err := filepath.Glob(filepath.Join(dir, "distribution", "*.go"))
	if err != nil || len(generated) == 0 {
		t.Fatal(generated, err)
	}
	for _, path := range generated {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want, err = format.Source(want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("distribution", filepath.Base(path)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("distribution/%s differs from the formatted output of the builder (%v); see README.md for how to generate it", filepath.Base(path), err)
		}
	}
}
