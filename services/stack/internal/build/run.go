package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mini-redis/services/stack/internal/supervise"
)

// run is one build of one target.
type run struct {
	*Builder
	target  Target
	started time.Time

	mu       sync.Mutex // the clock's goroutine and the reader of the go command's output both report
	progress Progress
	stale    map[string]bool // packages that have to be compiled
	noise    []string        // what the go command said beyond naming packages
}

func (b *Builder) newRun(t Target) *run {
	return &run{Builder: b, target: t, started: time.Now(), progress: Progress{Target: t.Name, Phase: Resolving}}
}

// report tells the phase; to tell the passing of time, the phase is "".
func (r *run) report(phase Phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reportLocked(phase)
}

func (r *run) reportLocked(phase Phase) {
	if phase != "" {
		r.progress.Phase = phase
	}
	r.progress.Elapsed = time.Since(r.started)
	r.Progress(r.progress)
}

func (r *run) build(ctx context.Context, out string) error {
	stopClock := r.clock()
	defer stopClock()
	log, err := os.Create(filepath.Join(r.Logs, "build-"+strings.Map(fileName, r.target.Name)+".log"))
	if err != nil {
		return fmt.Errorf("cannot build %s: %w", r.target.Name, err)
	}
	defer log.Close()
	r.report(Resolving)
	if err := r.resolve(ctx, log); err != nil {
		return r.failure(ctx, err, log.Name())
	}
	r.report(Compiling)
	if err := r.compile(ctx, out, log); err != nil {
		return r.failure(ctx, err, log.Name())
	}
	r.report(Finished)
	return nil
}

// clock reports once a second, so that a display can show that time passes.
func (r *run) clock() (stop func()) {
	tick := time.NewTicker(time.Second)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				r.report("")
			}
		}
	})
	return func() { tick.Stop(); close(done); wg.Wait() }
}

// flags are shared by go list and go build, because they decide what is stale. -mod=readonly overrides what GOFLAGS may say:
// go.mod and go.sum are pinned, and a build must not write to the checkout.
func (r *run) flags() []string {
	flags := []string{"-mod=readonly", "-ldflags=" + ldflags}
	if r.target.Tags != "" {
		flags = append(flags, "-tags="+r.target.Tags)
	}
	if !r.target.Stamp {
		flags = append(flags, "-buildvcs=false")
	}
	return append(flags, r.target.Packages...)
}

// resolve downloads the modules that are missing and learns which packages the compiler's cache does not have.
func (r *run) resolve(ctx context.Context, log io.Writer) error {
	r.stale = map[string]bool{}
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, r.flags()...)
	stdout := &lineWriter{line: func(pkg string) {
		if pkg != "" {
			r.stale[pkg] = true
		}
	}}
	if err := r.goCommandTo(ctx, args, stdout, &lineWriter{line: r.said}, log); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Total = len(r.stale)
	return nil
}

func (r *run) compile(ctx context.Context, out string, log io.Writer) error {
	args := append([]string{"build", "-v", "-o", out}, r.flags()...)
	err := r.goCommand(ctx, args, &lineWriter{line: r.compiled}, log)
	if err != nil && r.target.Stamp && slices.ContainsFunc(r.noise, func(s string) bool { return strings.Contains(s, "-buildvcs=false") }) {
		// git does not answer for this checkout, such as one that another user owns: a program without a revision is better than none.
		r.target.Stamp, r.noise = false, nil
		return r.compile(ctx, out, log)
	}
	return err
}

// compiled reads a line of go build -v: a package's path when its compilation begins.
func (r *run) compiled(line string) {
	if !r.stale[line] {
		r.said(line)
		return
	}
	delete(r.stale, line)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Done++
	phase := Phase("")
	if r.progress.Done == r.progress.Total {
		phase = Linking
	}
	r.reportLocked(phase)
}

func (r *run) said(line string) {
	if strings.HasPrefix(line, "go: downloading ") {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.progress.Modules++
		r.reportLocked("")
		return
	}
	r.noise = append(r.noise, line)
}

func (r *run) goCommand(ctx context.Context, args []string, stderr, log io.Writer) error {
	return r.goCommandTo(ctx, args, io.Discard, stderr, log)
}

// goCommandTo runs the go command; when ctx ends it is interrupted with all that it started, and given a moment to clean up.
func (r *run) goCommandTo(ctx context.Context, args []string, stdout, stderr, log io.Writer) error {
	cmd := exec.Command(r.Go, args...)
	cmd.Dir, cmd.Env = r.target.Dir, r.goEnv()
	cmd.Stdout, cmd.Stderr = stdout, io.MultiWriter(stderr, log)
	cmd.WaitDelay = 5 * time.Second // a compiler that survives the go command must not hold the pipes open
	fmt.Fprintf(log, "$ cd %s && %s %s\n", r.target.Dir, r.Go, strings.Join(args, " "))
	if err := r.Start(cmd); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		_ = supervise.Interrupt(cmd) // fails only when it has ended
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
		}
	}()
	err := cmd.Wait()
	flushLines(stdout, stderr)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// failure is one clear sentence: the first thing the go command complained of, and where the rest is.
func (r *run) failure(ctx context.Context, err error, log string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s was not built: %w", r.target.Name, err)
	}
	reason := err.Error()
	for _, line := range r.noise {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			reason = line
			break
		}
	}
	hint := ""
	for _, sign := range []string{"dial tcp", "no such host", "proxy", "connection refused", "i/o timeout"} {
		if strings.Contains(reason, sign) {
			hint = " (modules are downloaded once: is the network, or GOPROXY, reachable?)"
			break
		}
	}
	return errors.New("cannot build " + r.target.Name + ": " + reason + hint + "; all of it is in " + log)
}

func fileName(r rune) rune {
	if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// lineWriter calls line for every line written to it.
type lineWriter struct {
	line    func(string)
	partial []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		end := bytes.IndexByte(w.partial, '\n')
		if end < 0 {
			return len(p), nil
		}
		w.line(string(w.partial[:end]))
		w.partial = w.partial[end+1:]
	}
}

func flushLines(writers ...io.Writer) {
	for _, w := range writers {
		if lines, ok := w.(*lineWriter); ok && len(lines.partial) > 0 {
			lines.line(string(lines.partial))
			lines.partial = nil
		}
	}
}
