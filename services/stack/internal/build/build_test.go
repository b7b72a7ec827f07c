//go:build unix

package build

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/services/stack/internal/supervise"
)

// recorder records the progress that a builder reports.
type recorder struct {
	mu   sync.Mutex
	seen []Progress
}

func (r *recorder) add(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, p)
}

func (r *recorder) phases() (phases []Phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.seen {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	}
	return phases
}

func newBuilder(t *testing.T, cache string) (*Builder, *recorder) {
	t.Helper()
	spawner, err := supervise.NewSpawner([]string{"cat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(spawner.Close)
	seen := &recorder{}
	return &Builder{Go: "go", Env: os.Environ(), Cache: cache, Logs: t.TempDir(), Start: spawner.Start, Progress: seen.add}, seen
}

// tinyModule returns a target whose program prints the name of the module's directory.
func tinyModule(t *testing.T) Target {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/tiny\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"example.test/tiny/word\"\n\nfunc main() { print(word.Word) }\n")
	write(t, filepath.Join(dir, "word", "word.go"), "package word\n\nconst Word = \""+filepath.Base(dir)+"\"\n")
	return Target{Name: "tiny", Dir: dir, Packages: []string{"."}}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustEnsure(t *testing.T, b *Builder, target Target) string {
	t.Helper()
	path, err := b.Ensure(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func output(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestEnsureBuildsOnce(t *testing.T) {
	target, cache := tinyModule(t), t.TempDir()
	b, seen := newBuilder(t, cache)
	path := mustEnsure(t, b, target)
	if got := output(t, path); got != filepath.Base(target.Dir) {
		t.Fatalf("the program prints %q, want %q", got, filepath.Base(target.Dir))
	}
	phases := seen.phases()
	if phases[0] != Resolving || phases[len(phases)-1] != Finished {
		t.Errorf("phases %v, want the first to be %s and the last %s", phases, Resolving, Finished)
	}
	last := seen.seen[len(seen.seen)-1]
	if last.Total == 0 || last.Done != last.Total {
		t.Errorf("%d of %d packages at the end, want all of main and word", last.Done, last.Total)
	}
	again, seenAgain := newBuilder(t, cache)
	if got := mustEnsure(t, again, target); got != path || len(seenAgain.seen) != 0 {
		t.Errorf("the second Ensure built again: %q, %v", got, seenAgain.seen)
	}
}

func TestCacheKey(t *testing.T) {
	target := tinyModule(t)
	b, _ := newBuilder(t, t.TempDir())
	paths := map[string]bool{}
	f := func(what string, change func()) {
		t.Helper()
		change()
		path, ok, err := b.Cached(t.Context(), target)
		if err != nil || ok || paths[path] {
			t.Errorf("after %s: path %q, exists %v, error %v; want a new path, not in %v", what, path, ok, err, paths)
		}
		paths[path] = true
	}
	f("no change", func() {})
	f("changing the program", func() { write(t, filepath.Join(target.Dir, "main.go"), "package main\n\nfunc main() {}\n") })
	f("changing go.mod", func() { write(t, filepath.Join(target.Dir, "go.mod"), "module example.test/tiny\n\ngo 1.25\n") })
	f("adding go.sum", func() { write(t, filepath.Join(target.Dir, "go.sum"), "") })
	f("changing the tags", func() { target.Tags = "lean" })
	f("changing a toolchain setting", func() { b.Env = append(b.Env, "GOAMD64=v3", "GOARM64=v8.1") })
}

func TestCompileErrorIsOneLine(t *testing.T) {
	target := tinyModule(t)
	write(t, filepath.Join(target.Dir, "word", "word.go"), "package word\n\nconst Word int = \"text\"\n")
	b, _ := newBuilder(t, t.TempDir())
	_, err := b.Ensure(t.Context(), target)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one line", err)
	}
	for _, want := range []string{"cannot build tiny: ", "word.go:3", "build-tiny.log"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
	if _, ok, _ := b.Cached(t.Context(), target); ok {
		t.Error("a failed build left a program in the cache")
	}
}

func TestDownloadErrorHasHint(t *testing.T) {
	target := tinyModule(t)
	write(t, filepath.Join(target.Dir, "go.mod"), "module example.test/tiny\n\ngo 1.26\n\nrequire example.test/missing v1.0.0\n")
	write(t, filepath.Join(target.Dir, "go.sum"), "example.test/missing v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nexample.test/missing v1.0.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	write(t, filepath.Join(target.Dir, "main.go"), "package main\n\nimport _ \"example.test/missing\"\n\nfunc main() {}\n")
	b, _ := newBuilder(t, t.TempDir())
	b.Env = append(b.Env, "GOPROXY=http://127.0.0.1:1", "GONOSUMDB=*", "GOFLAGS=")
	_, err := b.Ensure(t.Context(), target)
	if err == nil || !strings.Contains(err.Error(), "the first build downloads modules") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one line with a hint about the network", err)
	}
}

func TestConcurrentBuildersBuildOnce(t *testing.T) {
	target, cache := tinyModule(t), t.TempDir()
	var wg sync.WaitGroup
	var recorders []*recorder
	for range 4 {
		b, seen := newBuilder(t, cache)
		recorders = append(recorders, seen)
		wg.Go(func() {
			if _, err := b.Ensure(context.Background(), target); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	built := 0
	for _, r := range recorders {
		for _, p := range r.phases() {
			if p == Finished {
				built++
			}
		}
	}
	if built != 1 {
		t.Errorf("built %d times, want 1", built)
	}
}

// slowGo returns a go command whose build writes a partial program, creates the file started and
// then blocks.
func slowGo(t *testing.T) (command, started string) {
	t.Helper()
	command, started = filepath.Join(t.TempDir(), "go"), filepath.Join(t.TempDir(), "started")
	write(t, command, "#!/bin/sh\nif [ \"$1\" != build ]; then exec go \"$@\"; fi\nprintf half > \"$4\"; chmod 755 \"$4\"; echo > "+started+"\nexec sleep 3600\n")
	if err := os.Chmod(command, 0o755); err != nil {
		t.Fatal(err)
	}
	return command, started
}

func TestInterruptedBuildLeavesNoProgram(t *testing.T) {
	target, cache := tinyModule(t), t.TempDir()
	b, _ := newBuilder(t, cache)
	slow, started := slowGo(t)
	b.Go = slow
	stop := errors.New("interrupted by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for range 3000 {
			if _, err := os.Stat(started); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel(stop)
	}()
	if _, err := b.Ensure(ctx, target); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if _, ok, err := b.Cached(t.Context(), target); ok || err != nil {
		t.Fatalf("Cached reports a partial program: %v, %v", ok, err)
	}
	b.Go = "go"
	if got := output(t, mustEnsure(t, b, target)); got != filepath.Base(target.Dir) {
		t.Fatalf("after the interruption the program prints %q, want %q", got, filepath.Base(target.Dir))
	}
}

func TestEnsureWaitsForAnotherBuilder(t *testing.T) {
	target, cache := tinyModule(t), t.TempDir()
	b, seen := newBuilder(t, cache)
	path, _, err := b.Cached(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), filepath.Join(filepath.Dir(path), "lock"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(p Progress) {
		seen.add(p)
		if p.Phase == Waiting {
			cancel()
		}
	}
	if _, err := b.Ensure(ctx, target); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	unlock()
	mustEnsure(t, b, target)
}

func TestIntoBuildsAllPrograms(t *testing.T) {
	target := tinyModule(t)
	write(t, filepath.Join(target.Dir, "cmd", "one", "main.go"), "package main\n\nfunc main() { print(1) }\n")
	write(t, filepath.Join(target.Dir, "cmd", "two", "main.go"), "package main\n\nfunc main() { print(2) }\n")
	target.Name, target.Packages, target.Stamp = "one, two", []string{"./cmd/one", "./cmd/two"}, true
	b, _ := newBuilder(t, t.TempDir())
	out := filepath.Join(t.TempDir(), "bin")
	if err := b.Into(t.Context(), target, out); err != nil {
		t.Fatal(err)
	}
	if got := output(t, filepath.Join(out, "one")) + output(t, filepath.Join(out, "two")); got != "12" {
		t.Fatalf("the programs print %q, want 12", got)
	}
}

func TestPruneKeepsRecentlyUsed(t *testing.T) {
	b, _ := newBuilder(t, t.TempDir())
	for i, name := range []string{"a-1", "a-2", "a-3", "a-4", "a-5", "other-1"} {
		write(t, filepath.Join(b.Cache, name, "program"), "x")
		used := time.Now().Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(filepath.Join(b.Cache, name), used, used); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Disk(); got != 6 {
		t.Errorf("Disk is %d bytes, want 6", got)
	}
	b.prune("a")
	left, _ := filepath.Glob(filepath.Join(b.Cache, "*"))
	var names []string
	for _, path := range left {
		names = append(names, filepath.Base(path))
	}
	if got := strings.Join(names, " "); got != "a-3 a-4 a-5 other-1" {
		t.Errorf("remaining directories: %s", got)
	}
}
