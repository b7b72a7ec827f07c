//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mini-redis/internal/inspect"
	"mini-redis/services/stack/internal/backends"
)

// requireE2E skips a test that runs the real stack unless MINI_REDIS_E2E is set. The first build of
// the stack takes minutes; use -timeout 30m.
func requireE2E(t *testing.T) {
	t.Helper()
	if os.Getenv("MINI_REDIS_E2E") == "" {
		t.Skip("runs the real stack; set MINI_REDIS_E2E=1 to run it")
	}
}

// arrivalTimeout is the limit for telemetry to appear in Jaeger or Prometheus on a busy machine.
const arrivalTimeout = 60 * time.Second

// poll calls ok every 200 ms until it returns nil. It fails the test after arrivalTimeout.
func poll(t *testing.T, ok func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), arrivalTimeout)
	defer cancel()
	for {
		err := ok(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v: %v", arrivalTimeout, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// TestEndToEnd checks a running stack with a load through the public APIs of its programs.
func TestEndToEnd(t *testing.T) {
	requireE2E(t)
	r, goRun := startGoRun(t, "-rate", "20")
	r.waitReady(t)
	jaeger := inspect.Jaeger{Base: r.ready.Addresses.Jaeger}
	prometheus := inspect.Prometheus{Base: r.ready.Addresses.Prometheus}

	var hello string
	t.Run("hello is one trace while its connection is open", func(t *testing.T) { hello = helloIsOneTrace(t, r, jaeger) })
	t.Run("the viewer shows the trace", func(t *testing.T) { browserShows(t, jaeger.TraceURL(hello)) })
	t.Run("the counter increases by the number of commands", func(t *testing.T) { counterIncreases(t, r, prometheus) })
	t.Run("the traces of exemplars are in Jaeger", func(t *testing.T) { exemplarsHaveTraces(t, jaeger, prometheus) })
	t.Run("the metrics page has rows", func(t *testing.T) { metricsPageHasRows(t, prometheus) })

	if err := syscall.Kill(-goRun.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.mustCleanUp(t)
}

const helloTree = `internal hello (hello)
  client SET (hello)
    server SET (mini-redis)
  client GET (hello)
    server GET (mini-redis)
`

func helloIsOneTrace(t *testing.T, r *running, jaeger inspect.Jaeger) (id string) {
	t.Helper()
	a := r.ready.Addresses
	hello := exec.Command("go", "run", "../../examples/hello", "-hold")
	hello.Env = append(os.Environ(), "MINI_REDIS_ADDR="+a.RESP, "OTEL_EXPORTER_OTLP_ENDPOINT="+a.OTLPGRPC, "MINI_REDIS_JAEGER="+a.Jaeger)
	hello.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	enter, err := hello.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := hello.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hello.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-hello.Process.Pid, syscall.SIGKILL) }) // go run and hello, if the test fails
	lines := bufio.NewScanner(out)
	traceID := regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	for id == "" && lines.Scan() {
		id = traceID.FindString(lines.Text())
	}
	if id == "" {
		t.Fatalf("hello printed no trace ID: %v", lines.Err())
	}
	poll(t, func(ctx context.Context) error {
		roots, err := jaeger.Trace(ctx, id)
		if err != nil {
			return err
		}
		if got := inspect.Outline(roots); got != helloTree {
			return fmt.Errorf("the trace is\n%s\nwant\n%s", got, helloTree)
		}
		return nil
	})
	if err := hello.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("hello has ended, so its connection was not open: %v", err)
	}
	if _, err := io.WriteString(enter, "\n"); err != nil { // Enter
		t.Error(err)
	}
	for lines.Scan() {
		continue
	}
	if err := hello.Wait(); err != nil {
		t.Errorf("hello: %v", err)
	}
	return id
}

func browserShows(t *testing.T, url string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	for markup, want := range map[string]int{`data-kind="CLIENT"`: 2, `data-kind="SERVER"`: 2, `data-kind="INTERNAL"`: 1, `class="phase exec"`: 2} {
		if got := strings.Count(string(dom), markup); got != want {
			t.Errorf("the page contains %s %d times, want %d", markup, got, want)
		}
	}
}

// counterIncreases sends commands that the load does not use. Their counters must increase by
// exactly the number of commands.
func counterIncreases(t *testing.T, r *running, prometheus inspect.Prometheus) {
	t.Helper()
	sent := map[string]int{"incr": 137, "append": 21, "rpush": 3}
	count := func(ctx context.Context) (map[string]float64, error) {
		return prometheus.ByLabel(ctx, "sum by (cmd) (redis_commands_total)", "cmd")
	}
	before, err := count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.ready.Addresses.RESP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	replies := bufio.NewReader(conn)
	for cmd, n := range sent {
		for i := range n {
			fmt.Fprintf(conn, "%s e2e:%s%s\r\n", cmd, cmd, map[bool]string{true: " x"}[cmd != "incr"])
			if reply, err := replies.ReadString('\n'); err != nil || !strings.HasPrefix(reply, ":") {
				t.Fatalf("%s %d: %q, %v", cmd, i, reply, err)
			}
		}
	}
	exactly := func(ctx context.Context) error {
		after, err := count(ctx)
		for cmd, n := range sent {
			if increase := after[cmd] - before[cmd]; err == nil && increase != float64(n) {
				err = fmt.Errorf("the counter of %s increased by %v, want %d", cmd, increase, n)
			}
		}
		return err
	}
	poll(t, exactly)
	time.Sleep(5 * time.Second) // two more pushes, so that double counting would show
	if err := exactly(t.Context()); err != nil {
		t.Error(err)
	}
}

func exemplarsHaveTraces(t *testing.T, jaeger inspect.Jaeger, prometheus inspect.Prometheus) {
	t.Helper()
	for _, metric := range []string{"mini_redis_command_duration_seconds_bucket", "db_client_operation_duration_seconds_bucket", "traces_span_metrics_duration_bucket"} {
		poll(t, func(ctx context.Context) error {
			now := time.Now()
			exemplars, err := prometheus.Exemplars(ctx, metric, now.Add(-time.Minute), now)
			if err != nil {
				return err
			}
			if len(exemplars) == 0 {
				return fmt.Errorf("%s has no exemplar", metric)
			}
			for _, e := range exemplars[:min(10, len(exemplars))] {
				roots, err := jaeger.Trace(ctx, e.TraceID)
				if err != nil {
					return err
				}
				if len(roots) == 0 {
					return fmt.Errorf("an exemplar of %s has the trace %q, which is not in Jaeger", metric, e.TraceID)
				}
			}
			return nil
		})
	}
}

func metricsPageHasRows(t *testing.T, prometheus inspect.Prometheus) {
	t.Helper()
	poll(t, func(ctx context.Context) error {
		page, err := get(ctx, prometheus.Base+"/consoles/mini-redis.html")
		for _, want := range []string{"<th>get</th>", "<th>set</th>", "<th>GET</th>"} {
			if err == nil && !strings.Contains(page, want) {
				err = fmt.Errorf("the page does not contain %s:\n%s", want, page)
			}
		}
		return err
	})
}

// TestRunWithDuration runs the stack with -duration. It must exit with code 0 and counts that
// agree.
func TestRunWithDuration(t *testing.T) {
	requireE2E(t)
	r, goRun := startGoRun(t, "-duration", "8s")
	r.waitReady(t)
	var last event
	if err := r.next(&last); err != nil || last.Event != "summary" {
		t.Fatalf("no summary: %v; output:\n%s", err, r.text)
	}
	if err := goRun.Wait(); err != nil {
		t.Errorf("%v; output:\n%s", err, r.text)
	}
	f := last.Summary
	if f.Load.Operations != 400 || f.Load.Errors != 0 || len(last.Losses) != 0 {
		t.Errorf("%d operations, %d errors, losses %q, want 400, 0 and none", f.Load.Operations, f.Load.Errors, last.Losses)
	}
	if f.Traces.Found != 400 || f.Traces.Spans != 800 || f.Traces.Single != 0 {
		t.Errorf("traces in Jaeger: %+v, want 400 with 2 spans each", f.Traces)
	}
	if f.Spans.Stored != f.Spans.Accepted || f.Spans.Accepted != f.Load.Operations+f.Spans.Server {
		t.Errorf("the span counts do not agree: %+v", f.Spans)
	}
	if f.Counter["get"]+f.Counter["set"] != 400 {
		t.Errorf("Prometheus counted %v, want 400 GET and SET", f.Counter)
	}
	var total int64
	for _, m := range f.Memory {
		total += m.Bytes
	}
	if total > 1<<30 {
		t.Errorf("the stack used %d MiB, want at most 1024: %+v", total>>20, f.Memory)
	}
	r.mustCleanUp(t)
	if !strings.Contains(r.text.String(), "operations  ") || !strings.Contains(r.text.String(), backends.Jaeger) {
		t.Errorf("the output has no summary:\n%s", r.text)
	}
}
