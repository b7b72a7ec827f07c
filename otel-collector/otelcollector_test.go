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
			t.Errorf("%s: needs contrib %v, %v", name, NeedsContrib(name), err)
		}
	}
	if _, err := Overlay("none"); err == nil || !strings.Contains(err.Error(), "tail-sampling") {
		t.Errorf("an unknown overlay: %v", err)
	}
	if len(Base()) == 0 {
		t.Error("base.yaml is empty")
	}
}

func TestContribOverlaysSayWhatTheyNeed(t *testing.T) {
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
			t.Errorf("%s does not say so", name)
		}
	}
	if found == 0 {
		t.Error("there is none")
	}
}

// modules are the lines "- gomod: path version" of the manifest.
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
		t.Fatalf("the manifest has the components %q", found)
	}
	return found
}

// TestDistributionHasTheManifestsComponents needs no builder; TestDistributionIsWhatTheBuilderWrites is exact.
func TestDistributionHasTheManifestsComponents(t *testing.T) {
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

// TestDistributionIsWhatTheBuilderWrites generates the module anew. It downloads nothing: it is skipped where the builder is
// not in the module cache (go run go.opentelemetry.io/collector/cmd/builder@v0.161.0 version puts it there).
func TestDistributionIsWhatTheBuilderWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the builder; not with -short")
	}
	manifest, err := os.ReadFile("builder-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^  version: (v\S+)$`).FindSubmatch(manifest)
	if version == nil {
		t.Fatal("the manifest names no version of the builder")
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
		// Without the builder go looks for its package in the modules above it, which may well be there.
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
			t.Errorf("distribution/%s is not what the builder writes from the manifest, formatted (%v); README.md says how to generate it", filepath.Base(path), err)
		}
	}
}
