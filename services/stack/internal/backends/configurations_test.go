package backends

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	otelcollector "mini-redis/otel-collector"
)

// validate runs the validate command of a collector or of Jaeger, which is built from the
// collector.
func validate(t *testing.T, program string, env []string, files ...string) (output string, ok bool) {
	t.Helper()
	args := []string{"validate"}
	for _, f := range files {
		args = append(args, "--config="+f)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = env
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

func collectorFiles(t *testing.T, overlays ...string) []string {
	t.Helper()
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "base.yaml")}
	write(t, files[0], otelcollector.Base())
	for _, name := range overlays {
		content, err := otelcollector.Overlay(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".yaml")
		write(t, file, content)
		files = append(files, file)
	}
	return files
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCollectorAcceptsConfigurations(t *testing.T) {
	collector := built(t, Collector)
	env := append(os.Environ(), "COLLECTOR_DATA="+t.TempDir())
	f := func(overlays ...string) {
		t.Helper()
		if output, ok := validate(t, collector, env, collectorFiles(t, overlays...)...); !ok || strings.Contains(output, "deprecated") {
			t.Errorf("base with %q: %s", overlays, output)
		}
	}
	f()
	var own []string
	for _, name := range otelcollector.Overlays() {
		if !otelcollector.NeedsContrib(name) {
			own = append(own, name)
			f(name)
		}
	}
	f("durable", "tail-sampling")
	if len(own) < 3 {
		t.Errorf("only %q were validated, want at least 3 overlays", own)
	}
}

// TestCollectorRejectsInvalidConfiguration checks that validate can fail.
func TestCollectorRejectsInvalidConfiguration(t *testing.T) {
	collector := built(t, Collector)
	files := collectorFiles(t)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	write(t, bad, []byte("exporters: { otlp_grpc/jaeger: { endpoint: [1] } }\n"))
	if output, ok := validate(t, collector, os.Environ(), files[0], bad); ok {
		t.Errorf("an invalid configuration was accepted: %s", output)
	}
}

func TestContribOverlaysNeedContrib(t *testing.T) {
	collector := built(t, Collector)
	for _, name := range otelcollector.Overlays() {
		if !otelcollector.NeedsContrib(name) {
			continue
		}
		output, ok := validate(t, collector, append(os.Environ(), "AWS_REGION=eu-central-1"), collectorFiles(t, name)...)
		if ok || !strings.Contains(output, "unknown type") {
			t.Errorf("%s is marked as requiring contrib, but the project's collector returned: %s", name, output)
		}
	}
}

func TestJaegerAndCollectorAcceptStackConfigurations(t *testing.T) {
	s := newSettings(t)
	for _, name := range []string{Jaeger, Collector} {
		t.Run(name, func(t *testing.T) {
			program := built(t, name)
			child := mustPrepare(t, withDir(s, t.TempDir()))[name]
			file := strings.TrimPrefix(child.Args[0], "--config=")
			if output, ok := validate(t, program, child.Env, file); !ok {
				t.Error(output)
			}
		})
	}
}

func withDir(s Settings, dir string) Settings {
	s.Dir = dir
	return s
}

// TestJaegerEnvironmentIsComplete checks that the stack sets every variable that jaeger.yaml uses.
func TestJaegerEnvironmentIsComplete(t *testing.T) {
	s := newSettings(t)
	child := mustPrepare(t, s)[Jaeger]
	text, err := files.ReadFile("files/jaeger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "${env:")[1:] {
		name, _, _ := strings.Cut(part, "}")
		if last(child.Env, name) == "" {
			t.Errorf("jaeger.yaml uses %s, which is not set", name)
		}
	}
}
