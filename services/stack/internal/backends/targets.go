package backends

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mini-redis/services/stack/internal/build"
)

// ErrNoCheckout is returned if the project's source code is not found. The stack builds from it.
var ErrNoCheckout = errors.New("the stack builds the project from source: run it inside a checkout of the project")

// FindRoot returns the project's root directory: dir or its nearest parent that contains the
// stack's modules.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "services", "stack", "backends", "jaeger", "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNoCheckout
		}
		dir = parent
	}
}

// Own returns the target of the project's own programs.
func Own(root string) build.Target {
	return build.Target{
		Name: Server + ", " + Load, Dir: root, Stamp: true,
		Packages: []string{"./services/mini-redis", "./services/client-load"},
	}
}

// Backend returns the target of the collector, Prometheus or Jaeger.
func Backend(root, name string) (build.Target, error) {
	backends := filepath.Join(root, "services", "stack", "backends")
	switch name {
	case Collector:
		return build.Target{Name: name, Dir: filepath.Join(root, "otel-collector", "distribution"), Packages: []string{"."}}, nil
	case Prometheus:
		return build.Target{
			Name: name, Dir: filepath.Join(backends, name), Tags: "remove_all_sd", // without service discovery, which is half of the code
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
