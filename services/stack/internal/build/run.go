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

// run is a single build of a target.
type run struct {
	*Builder
	target  Target
	started time.Time

	mu       sync.Mutex // guards progress: the ticker and the readers of the go command's output report it
	progress Progress
	stale    map[string]bool // packages that must be compiled
	messages []string        // output of the go command other than package names
}

func (b *Builder) newRun(t Target) *run {
	return &run{Builder: b, target: t, started: time.Now(), progress: Progress{Target: t.Name, Phase: Resolving}}
}

// report reports the progress. An empty phase keeps the current phase and updates the elapsed time.
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
	stopTicker := r.startTicker()
	defer stopTicker()
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

// startTicker reports the progress every second, so that the display can update the elapsed time.
func (r *run) startTicker() (stop func()) {
	ticker := time.NewTicker(time.Second)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				r.report("")
			}
		}
	})
	return func() { ticker.Stop(); close(done); wg.Wait() }
}

// flags returns the flags for go list and go build. They must be the same, because they determine
// which packages are stale. -mod=readonly overrides GOFLAGS: a build must not change go.mod and
// go.sum.
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

// resolve downloads missing modules and determines which packages are not in the go build cache.
func (r *run) resolve(ctx context.Context, log io.Writer) error {
	r.stale = map[string]bool{}
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, r.flags()...)
	stdout := &lineWriter{line: func(pkg string) {
		if pkg != "" {
			r.stale[pkg] = true
		}
	}}
	if err := r.goCommandTo(ctx, args, stdout, &lineWriter{line: r.readMessage}, log); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Total = len(r.stale)
	return nil
}

func (r *run) compile(ctx context.Context, out string, log io.Writer) error {
	args := append([]string{"build", "-v", "-o", out}, r.flags()...)
	err := r.goCommand(ctx, args, &lineWriter{line: r.readPackage}, log)
	if err != nil && r.target.Stamp && slices.ContainsFunc(r.messages, func(s string) bool { return strings.Contains(s, "-buildvcs=false") }) {
		// git fails, for example because another user owns the checkout. Build without the revision.
		r.target.Stamp, r.messages = false, nil
		return r.compile(ctx, out, log)
	}
	return err
}

// readPackage reads a line of go build -v: the path of a package whose compilation starts.
func (r *run) readPackage(line string) {
	if !r.stale[line] {
		r.readMessage(line)
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

// readMessage reads any other line of the go command: a download or an error message.
func (r *run) readMessage(line string) {
	if strings.HasPrefix(line, "go: downloading ") {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.progress.Modules++
		r.reportLocked("")
		return
	}
	r.messages = append(r.messages, line)
}

func (r *run) goCommand(ctx context.Context, args []string, stderr, log io.Writer) error {
	return r.goCommandTo(ctx, args, io.Discard, stderr, log)
}

// goCommandTo runs the go command. When ctx is done, it sends SIGINT to the command's process
// group, and SIGKILL to the command after 5 s.
func (r *run) goCommandTo(ctx context.Context, args []string, stdout, stderr, log io.Writer) error {
	cmd := exec.Command(r.Go, args...)
	cmd.Dir, cmd.Env = r.target.Dir, r.goEnv()
	cmd.Stdout, cmd.Stderr = stdout, io.MultiWriter(stderr, log)
	cmd.WaitDelay = 5 * time.Second // a compiler that outlives the go command must not keep the pipes open
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
		_ = supervise.Interrupt(cmd) // fails only if the process group has ended
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

// failure returns an error with the first message of the go command and the path of the complete
// log.
func (r *run) failure(ctx context.Context, err error, log string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s was not built: %w", r.target.Name, err)
	}
	reason := err.Error()
	for _, line := range r.messages {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			reason = line
			break
		}
	}
	hint := ""
	for _, part := range []string{"dial tcp", "no such host", "proxy", "connection refused", "i/o timeout"} {
		if strings.Contains(reason, part) {
			hint = " (the first build downloads modules: check the network connection and GOPROXY)"
			break
		}
	}
	return errors.New("cannot build " + r.target.Name + ": " + reason + hint + "; complete output: " + log)
}

// fileName replaces characters other than a-z, 0-9 and '-' by '-'.
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
