// Package build builds the programs that the stack runs, with the go command. The backends and the
// collector are built once into a cache. The project's own programs are built on every start; the
// go command's build cache makes this fast.
//
// services/stack/internal/backends defines what is built.
package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Target describes one or more programs to build from one module.
type Target struct {
	Name     string   // shown in messages
	Dir      string   // the module's directory
	Packages []string // arguments of go build
	Tags     string   // build tags, separated by commas
	Stamp    bool     // embed the checkout's revision (-buildvcs)
}

// Builder builds targets. All fields must be set.
type Builder struct {
	Go       string                // path or name of the go command
	Env      []string              // environment of the go command
	Cache    string                // directory for built programs, kept between runs
	Logs     string                // directory for the go command's output
	Start    func(*exec.Cmd) error // starts a command in its own process group
	Progress func(Progress)        // receives the progress; calls do not overlap
}

// Phase is a phase of a build.
type Phase string

// Phases in their order. Waiting and Resolving may be very short.
const (
	Waiting   Phase = "waiting" // for another process that builds the same target
	Resolving Phase = "resolving"
	Compiling Phase = "compiling"
	Linking   Phase = "linking"
	Finished  Phase = "finished"
)

// Progress describes the state of a build.
type Progress struct {
	Target  string
	Phase   Phase
	Modules int // modules downloaded so far
	Done    int // packages compiled so far
	Total   int // packages that are not in the go build cache; 0 until it is known
	Elapsed time.Duration
}

// Cached returns the path of a target's program in the cache and whether it exists.
func (b *Builder) Cached(ctx context.Context, t Target) (path string, ok bool, err error) {
	key, err := b.key(ctx, t)
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(b.Cache, t.Name+"-"+key, t.Name+exeSuffix())
	return path, isProgram(path), nil
}

// Ensure returns the path of a target's program in the cache. It builds the program if it is not
// cached. If several processes call Ensure for the same target, one builds it and the others wait.
// An interrupted build leaves no program at the path.
func (b *Builder) Ensure(ctx context.Context, t Target) (path string, err error) {
	path, ok, err := b.Cached(ctx, t)
	if err != nil || ok {
		b.touch(path)
		return path, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	r := b.newRun(t)
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), "lock"), func() { r.report(Waiting) })
	if err != nil {
		return "", fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	defer unlock()
	if isProgram(path) { // another process has built it
		return path, nil
	}
	unfinished := path + ".unfinished"
	_ = os.Remove(unfinished) // left by an interrupted build; go build refuses to overwrite a file that is not a program
	if err := r.build(ctx, unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return "", fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	b.prune(t.Name)
	return path, nil
}

// Into builds all programs of a target into the directory out.
func (b *Builder) Into(ctx context.Context, t Target, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	return b.newRun(t).build(ctx, out+string(filepath.Separator))
}

// ldflags omits the symbol tables, which saves a third of the size and some linking time. Panic
// traces and profiles are not affected.
const ldflags = "-s -w"

// key returns a hash of everything that determines the program: the module's files, the build flags
// and the toolchain that the module selects.
func (b *Builder) key(ctx context.Context, t Target) (string, error) {
	cmd := exec.CommandContext(ctx, b.Go, "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT")
	cmd.Dir, cmd.Env = t.Dir, b.goEnv()
	toolchain, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot read the version of the go command: %w", withStderr(err))
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s%q %q %q\n", toolchain, t.Packages, t.Tags, ldflags)
	var files []string
	for _, pattern := range []string{"go.mod", "go.sum", "*.go"} {
		found, err := filepath.Glob(filepath.Join(t.Dir, pattern))
		if err != nil {
			return "", err
		}
		files = append(files, found...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("cannot build %s: %w", t.Name, err)
		}
		fmt.Fprintf(hash, "%s %d\n", filepath.Base(file), len(content))
		_, _ = hash.Write(content) // hash.Hash never returns an error
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// goEnv returns the environment of the go command. CGO_ENABLED=0 avoids the need for a C compiler.
// GOWORK=off ignores a workspace file above the checkout, which would hide the nested modules.
func (b *Builder) goEnv() []string {
	return append(slices.Clone(b.Env), "GOWORK=off", "CGO_ENABLED=0")
}

func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// keepVersions is the number of programs per target that prune keeps.
const keepVersions = 3

// prune removes all but the most recently used programs of a target. Errors are ignored.
func (b *Builder) prune(name string) {
	type entry struct {
		path string
		used time.Time
	}
	var entries []entry
	found, _ := filepath.Glob(filepath.Join(b.Cache, name+"-*"))
	for _, path := range found {
		if info, err := os.Stat(path); err == nil {
			entries = append(entries, entry{path, info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(x, y entry) int { return y.used.Compare(x.used) })
	for i := keepVersions; i < len(entries); i++ {
		_ = os.RemoveAll(entries[i].path)
	}
}

// touch sets the time of last use, which prune reads.
func (b *Builder) touch(path string) {
	now := time.Now()
	_ = os.Chtimes(filepath.Dir(path), now, now)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || runtime.GOOS == "windows")
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// Disk returns the size of the cache in bytes.
func (b *Builder) Disk() (bytes int64) {
	_ = filepath.WalkDir(b.Cache, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}
