// Package build makes the programs that the stack runs, with nothing but the go command: the backends and the collector once
// into a cache, the project's own programs on every start (go's own cache makes that cheap).
//
// What is built is services/stack/internal/backends' business.
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

// Target is a program, or several, to build from one module.
type Target struct {
	Name     string   // what people call it
	Dir      string   // the module's directory
	Packages []string // what go build is given
	Tags     string   // build tags, comma separated
	Stamp    bool     // the checkout's revision goes into the program: it is the project's own
}

// Builder builds targets. All fields must be set; it has no other state.
type Builder struct {
	Go       string                // the go command
	Env      []string              // its environment
	Cache    string                // directory that outlives the run
	Logs     string                // directory for the go command's output
	Start    func(*exec.Cmd) error // starts a command in a process group of its own
	Progress func(Progress)        // is told how far a build is; called from one goroutine at a time
}

// Phase is what a build is doing.
type Phase string

// The phases, in their order. Waiting and Resolving may be over at once.
const (
	Waiting   Phase = "waiting" // another process builds the same
	Resolving Phase = "resolving"
	Compiling Phase = "compiling"
	Linking   Phase = "linking"
	Finished  Phase = "finished"
)

// Progress says how far a build is.
type Progress struct {
	Target  string
	Phase   Phase
	Modules int // downloaded so far
	Done    int // packages compiled so far, of those that the compiler's cache does not have
	Total   int // 0 until it is known
	Elapsed time.Duration
}

// Cached returns the path at which Ensure puts a target's program, and whether it is there.
func (b *Builder) Cached(ctx context.Context, t Target) (path string, ok bool, err error) {
	key, err := b.key(ctx, t)
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(b.Cache, t.Name+"-"+key, t.Name+exeSuffix())
	return path, isProgram(path), nil
}

// Ensure returns the path of a target's program, building it when the cache does not have it. Several processes may call it
// at the same time: one builds and the others wait for it. A build that is interrupted leaves nothing that could be taken
// for a program.
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
	if isProgram(path) { // built while this process waited
		return path, nil
	}
	unfinished := path + ".unfinished"
	_ = os.Remove(unfinished) // an interrupted build's; go build overwrites nothing but whole programs
	if err := r.build(ctx, unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return "", fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	b.prune(t.Name)
	return path, nil
}

// Into builds all of a target's programs into the directory out.
func (b *Builder) Into(ctx context.Context, t Target, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("cannot build %s: %w", t.Name, err)
	}
	return b.newRun(t).build(ctx, out+string(filepath.Separator))
}

// ldflags leaves out the symbol tables: a third of the size, and less to link. Stacks of a panic and profiles stay readable.
const ldflags = "-s -w"

// key names what the result depends on: the module's files, how it is built, and the toolchain that the module selects.
func (b *Builder) key(ctx context.Context, t Target) (string, error) {
	cmd := exec.CommandContext(ctx, b.Go, "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT")
	cmd.Dir, cmd.Env = t.Dir, b.goEnv()
	toolchain, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask the go command for its version: %w", withStderr(err))
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
		_, _ = hash.Write(content) // a hash never fails
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// goEnv is the environment of the go command. No C compiler is needed, and a workspace file above the checkout, which would
// hide the nested modules, does not count.
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

const keepVersions = 3

// prune removes what was built long ago: of every target the newest few stay. It may fail without consequence.
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

// touch marks a program as used, for prune.
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

// Disk is how many bytes the cache takes.
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
