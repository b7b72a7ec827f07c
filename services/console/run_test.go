package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/goroutines"
	"mini-redis/console/watch"
	"mini-redis/internal/program"
	"mini-redis/services/console/internal/export"
)

const ms = time.Millisecond

// call runs the command with these arguments and returns its output.
func call(ctx context.Context, args ...string) (stdout string, err error) {
	var out bytes.Buffer
	err = run(ctx, args, func(string) string { return "" }, &out, io.Discard)
	return out.String(), err
}

func exitCode(err error) int { return program.Exit(err, io.Discard) }

// serveTasks serves a program with tasks of defined behavior, on the real clock.
func serveTasks(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := console.New(console.Options{PublishInterval: 20 * ms, Goroutines: &goroutines.Local{}})
	s, err := c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		closing, cancel := context.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		_ = s.Close(closing)
	})
	c.Go(ctx, "spins 40 ms of 100", func(ctx context.Context) {
		for ctx.Err() == nil {
			for until := time.Now().Add(40 * ms); time.Now().Before(until); {
			}
			_ = watch.Sleep(ctx, c, 60*ms)
		}
	})
	lock := watch.NewMutex(c, "lock")
	locked := make(chan struct{})
	c.Go(ctx, "holder", func(ctx context.Context) {
		lock.Lock()
		defer lock.Unlock()
		close(locked)
		_ = watch.Sleep(ctx, c, time.Hour)
	})
	<-locked
	c.Go(ctx, "waiter", func(ctx context.Context) {
		lock.Lock()
		defer lock.Unlock()
		<-ctx.Done()
	})
	orders := watch.NewChan[int](c, "orders", 0)
	c.Go(ctx, "receiver", func(ctx context.Context) { _, _, _ = orders.Receive(ctx) })
	return s.Addr().String()
}

// exported runs `console export` and returns the first target of its output.
func exported(t *testing.T, args ...string) export.Target {
	t.Helper()
	out, err := call(t.Context(), append([]string{"export"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var d export.Document
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("error %v, output:\n%s", err, out)
	}
	return d.Targets[0]
}

func TestExport(t *testing.T) {
	addr := serveTasks(t)
	got := exported(t, "-duration", "3s", "-with-goroutines", "server="+addr)
	tasks := map[string]export.Task{}
	for _, x := range got.Tasks {
		tasks[x.Name] = x
	}
	// On a loaded machine the task runs for longer than 40 ms; its sleep is never shorter than 60
	// ms.
	if x := tasks["spins 40 ms of 100"]; x.Busy < x.Total/4 || x.Busy > 9*x.Total/10 || x.Polls < 5 || x.Idle < x.Total/20 {
		t.Errorf("unexpected times of the spinning task: %+v", x)
	}
	for _, name := range []string{"holder", "waiter", "receiver"} {
		if x := tasks[name]; x.State != "idle" || x.Busy > x.Total/4 || x.Polls != 1 {
			t.Errorf("%s: %+v", name, x)
		}
	}
	waits := map[string]uint64{}
	for _, x := range got.AsyncOps {
		if !x.Done {
			waits[x.Source] = x.Task
		}
	}
	if waits["Mutex.Lock"] != tasks["waiter"].WireID || waits["Chan.Receive"] != tasks["receiver"].WireID {
		t.Errorf("waiting tasks by operation: %v", waits)
	}
	found := false
	for _, g := range got.Goroutines {
		found = found || g.Task == tasks["waiter"].WireID && g.State == "sync.Mutex.Lock"
	}
	if !found {
		t.Errorf("no goroutine belongs to the waiter: %+v", got.Goroutines)
	}
}

func TestRecordThenReplay(t *testing.T) {
	addr := serveTasks(t)
	file := filepath.Join(t.TempDir(), "x.recording")
	out, err := call(t.Context(), "record", "-duration", "1s", "-with-goroutines", "-o", file, "server="+addr)
	if err != nil || !strings.Contains(out, "server: connected") || !strings.Contains(out, "console replay") {
		t.Fatalf("error %v, output:\n%s", err, out)
	}
	if _, err := call(t.Context(), "replay", file); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "not a terminal") {
		t.Errorf("replay without a terminal: %v", err)
	}
}

func TestInvalidArguments(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := call(t.Context(), args...)
		if exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("arguments %q: unexpected error %v", args, err)
		}
	}
	f("neither a duration nor \"none\"", "-retain-for", "soon")
	f("unknown warning", "-warn", "everything")
	f("unknown warning", "-A", "nothing")
	f("not one of 8, 16", "-palette", "12")
	f("replay takes one file", "replay")
	f("not a port number", "-pods", "a=b", "-pod-ports", "x")
	f("scheme", "ftp://x")
	f("no such file", "-ca", "/does/not/exist")
	f("negative", "-speed", "-1")
	f("not one of error, warn", "-events-level", "loud")
	if _, err := call(t.Context(), "127.0.0.1:1"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "not a terminal") {
		t.Errorf("unexpected error: %v", err)
	}
	if _, err := call(t.Context(), "export", "-duration", "300ms", "127.0.0.1:1"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "not reachable") {
		t.Errorf("unexpected error: %v", err)
	}
	if out, err := call(t.Context(), "--version"); exitCode(err) != 0 || !strings.HasPrefix(out, "console ") {
		t.Errorf("version output %q, error %v", out, err)
	}
}

func TestWarningsOnAndOff(t *testing.T) {
	f := func(warn, allow string, on ...string) {
		t.Helper()
		off, err := warnings(warn, allow)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"deadlock", "self-wakes", "lost-waker"} {
			if !off[name] {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != strings.Join(on, " ") {
			t.Errorf("-warn %s -allow %s: enabled %v", warn, allow, got)
		}
	}
	f("all", "", "deadlock", "self-wakes", "lost-waker")
	f("all", "self-wakes", "deadlock", "lost-waker")
	f("deadlock,lost-waker", "lost-waker", "deadlock")
	f("all", "all")
}

func TestPaletteAndCharset(t *testing.T) {
	f := func(raw rawFlags, env map[string]string, colors int, ascii bool) {
		t.Helper()
		getenv := func(k string) string { return env[k] }
		p, err := raw.colors(getenv)
		if err != nil || int(p) != colors || raw.utf8(getenv) == ascii {
			t.Errorf("%+v %v: %d, UTF-8 %t, %v", raw, env, p, raw.utf8(getenv), err)
		}
	}
	f(rawFlags{}, map[string]string{"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}, 3, false)
	f(rawFlags{}, map[string]string{"TERM": "xterm", "COLORTERM": "truecolor", "LC_ALL": "C"}, 4, true)
	f(rawFlags{}, map[string]string{"TERM": "xterm-256color", "NO_COLOR": "1"}, 0, true)
	f(rawFlags{}, map[string]string{"TERM": "dumb"}, 0, true)
	f(rawFlags{palette: "16", lang: "C.utf8"}, map[string]string{"NO_COLOR": "1"}, 2, false)
	f(rawFlags{noColors: true, palette: "16"}, nil, 0, true)
}

// TestPods uses a kubectl that forwards to a program of the test.
func TestPods(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	addr := serveTasks(t)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	script := filepath.Join(t.TempDir(), "kubectl")
	text := `#!/bin/sh
case "$1 $2" in
"get pods") echo pod/server-0; echo pod/server-1; echo "$@" >&2 ;;
"port-forward --address") echo "Forwarding from 127.0.0.1:` + port + ` -> 6669"; exec sleep 60 ;;
esac
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := call(t.Context(), "export", "-kubectl", script, "-pods", "app=x", "-pod-ports", "6669")
	if err != nil {
		t.Fatal(err)
	}
	var d export.Document
	if err := json.Unmarshal([]byte(out), &d); err != nil || len(d.Targets) != 2 || d.Targets[1].Name != "server-1" || len(d.Targets[1].Tasks) < 4 {
		t.Errorf("unexpected export: error %v\n%s", err, out)
	}
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho 'no cluster' >&2; exit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t.Context(), "export", "-kubectl", script, "-pods", "app=x"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "no cluster") {
		t.Errorf("unexpected error: %v", err)
	}
}

// TestReplacedPodIsForwardedAgain uses a kubectl whose first port forward ends, as it does when its
// pod is deleted.
func TestReplacedPodIsForwardedAgain(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	dir := t.TempDir()
	script, calls := filepath.Join(dir, "kubectl"), filepath.Join(dir, "calls")
	text := `#!/bin/sh
case "$1" in
get) echo pod/server-0 ;;
port-forward)
  echo "Forwarding from 127.0.0.1:4711 -> 6669"
  echo "$5" >>` + calls + `
  [ "$(wc -l <` + calls + `)" -ge 2 ] && exec sleep 60 ;;
esac
exit 0
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	p := podsConfig{selector: "app=x", kubectl: script, console: 6669}
	specs, stop, err := p.forward(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if len(specs) != 1 || specs[0].Console != "dns:///127.0.0.1:4711" {
		t.Errorf("unexpected targets: %+v", specs)
	}
	const want = ":6669\n4711:6669\n"
	var got []byte
	for deadline := time.Now().Add(20 * time.Second); string(got) != want && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		got, _ = os.ReadFile(calls)
	}
	if string(got) != want {
		t.Errorf("kubectl was called with the ports %q, want %q", got, want)
	}
}

func TestCreateDoesNotOverwrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	write := func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err }
	if err := create(name, write); err != nil {
		t.Fatal(err)
	}
	if err := create(name, write); !errors.Is(err, os.ErrExist) {
		t.Errorf("unexpected error: %v", err)
	}
}
