package backends

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mini-redis/services/stack/internal/build"
)

// ErrNoCheckout says that the project's source, which the stack builds from, was not found.
var ErrNoCheckout = errors.New("the stack builds the project from source: run it inside a checkout of it")

// FindRoot returns the project's directory: dir or the nearest above it that has the stack's modules.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "services", "stack", "backends", "jaeger", "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", ErrNoCheckout
		}
		dir = above
	}
}

// Own are the project's own programs.
func Own(root string) build.Target {
	return build.Target{
		Name: Server + ", " + Load, Dir: root, Stamp: true,
		Packages: []string{"./services/mini-redis", "./services/client-load"},
	}
}

// Backend is how a program is built that the user has not given.
func Backend(root, name string) (build.Target, error) {
	backends := filepath.Join(root, "services", "stack", "backends")
	switch name {
	case Collector:
		return build.Target{Name: name, Dir: filepath.Join(root, "otel-collector", "distribution"), Packages: []string{"."}}, nil
	case Prometheus:
		return build.Target{
			Name: name, Dir: filepath.Join(backends, name), Tags: "remove_all_sd", // no discovery of cloud machines: half the code
			Packages: []string{"github.com/prometheus/prometheus/cmd/prometheus"},
		}, nil
	case Jaeger:
		return build.Target{
			Name: name, Dir: filepath.Join(backends, name),
			Packages: []string{"github.com/jaegertracing/jaeger/cmd/jaeger"},
		}, nil
	}
	return build.Target{}, fmt.Errorf("no backend is named %q", name)
}
