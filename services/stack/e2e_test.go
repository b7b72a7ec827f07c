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

// These tests run the real stack, whose first build takes minutes: MINI_REDIS_E2E=1 asks for them (and -timeout 30m leaves
// time for that build).
func needsRealStack(t *testing.T) {
	t.Helper()
	if os.Getenv("MINI_REDIS_E2E") == "" {
		t.Skip("runs the real stack; MINI_REDIS_E2E=1 asks for it")
	}
}

// arrival is how long what was sent may take to be seen in Jaeger or Prometheus on a busy machine.
const arrival = 60 * time.Second

// soon polls until ok returns no error.
func soon(t *testing.T, ok func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), arrival)
	defer cancel()
	for {
		err := ok(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v: %v", arrival, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// TestEndToEnd asks a stack with a load, through the APIs that anybody would use, whether what it promises is true.
func TestEndToEnd(t *testing.T) {
	needsRealStack(t)
	r, goRun := startThere(t, "-rate", "20")
	r.waitReady(t)
	jaeger := inspect.Jaeger{Base: r.ready.Addresses.Jaeger}
	prometheus := inspect.Prometheus{Base: r.ready.Addresses.Prometheus}

	var hello string
	t.Run("a hello is one trace while its connection is open", func(t *testing.T) { hello = helloIsOneTrace(t, r, jaeger) })
	t.Run("a browser shows it", func(t *testing.T) { browserShows(t, jaeger.TraceURL(hello)) })
	t.Run("the counter rises by what was sent", func(t *testing.T) { counterRises(t, r, prometheus) })
	t.Run("the trace of an exemplar is in Jaeger", func(t *testing.T) { exemplarsAreTraces(t, jaeger, prometheus) })
	t.Run("the metrics page has rows", func(t *testing.T) { metricsPage(t, prometheus) })

	if err := syscall.Kill(-goRun.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.mustLeaveNothing(t)
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
	t.Cleanup(func() { _ = syscall.Kill(-hello.Process.Pid, syscall.SIGKILL) }) // go run and hello, when the test fails
	lines := bufio.NewScanner(out)
	traceID := regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	for id == "" && lines.Scan() {
		id = traceID.FindString(lines.Text())
	}
	if id == "" {
		t.Fatalf("hello printed no trace id: %v", lines.Err())
	}
	soon(t, func(ctx context.Context) error {
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
		t.Skip("no chromium here to show the page in")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{`data-kind="CLIENT"`: 2, `data-kind="SERVER"`: 2, `data-kind="INTERNAL"`: 1, `class="phase exec"`: 2} {
		if got := strings.Count(string(dom), what); got != want {
			t.Errorf("%d times %s, want %d", got, what, want)
		}
	}
}

// counterRises sends commands that the load does not use, so that their counters must rise by exactly what is sent.
func counterRises(t *testing.T, r *running, prometheus inspect.Prometheus) {
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
			if rose := after[cmd] - before[cmd]; err == nil && rose != float64(n) {
				err = fmt.Errorf("%s rose by %v, %d were sent", cmd, rose, n)
			}
		}
		return err
	}
	soon(t, exactly)
	time.Sleep(5 * time.Second) // two more pushes: what is counted twice would show now
	if err := exactly(t.Context()); err != nil {
		t.Error(err)
	}
}

func exemplarsAreTraces(t *testing.T, jaeger inspect.Jaeger, prometheus inspect.Prometheus) {
	t.Helper()
	for _, metric := range []string{"mini_redis_command_duration_seconds_bucket", "db_client_operation_duration_seconds_bucket", "traces_span_metrics_duration_bucket"} {
		soon(t, func(ctx context.Context) error {
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
					return fmt.Errorf("%s names the trace %q, which Jaeger does not have", metric, e.TraceID)
				}
			}
			return nil
		})
	}
}

func metricsPage(t *testing.T, prometheus inspect.Prometheus) {
	t.Helper()
	soon(t, func(ctx context.Context) error {
		page, err := get(ctx, prometheus.Base+"/consoles/mini-redis.html")
		for _, want := range []string{"<th>get</th>", "<th>set</th>", "<th>GET</th>"} {
			if err == nil && !strings.Contains(page, want) {
				err = fmt.Errorf("the page has no %s:\n%s", want, page)
			}
		}
		return err
	})
}

// TestEndsByItself is what a newcomer's first command and CI run: it must end with 0 and figures that agree.
func TestEndsByItself(t *testing.T) {
	needsRealStack(t)
	r, goRun := startThere(t, "-duration", "8s")
	r.waitReady(t)
	var last event
	if err := r.next(&last); err != nil || last.Event != "summary" {
		t.Fatalf("no summary: %v; it said:\n%s", err, r.text)
	}
	if err := goRun.Wait(); err != nil {
		t.Errorf("%v; it said:\n%s", err, r.text)
	}
	f := last.Summary
	if f.Load.Operations != 400 || f.Load.Errors != 0 || len(last.Losses) != 0 {
		t.Errorf("%d operations, %d errors, losses %q", f.Load.Operations, f.Load.Errors, last.Losses)
	}
	if f.Traces.Found != 400 || f.Traces.Spans != 800 || f.Traces.Single != 0 {
		t.Errorf("Jaeger has %+v", f.Traces)
	}
	if f.Spans.Stored != f.Spans.Accepted || f.Spans.Accepted != f.Load.Operations+f.Spans.Server {
		t.Errorf("spans %+v", f.Spans)
	}
	if f.Counter["get"]+f.Counter["set"] != 400 {
		t.Errorf("Prometheus counts %v", f.Counter)
	}
	var total int64
	for _, m := range f.Memory {
		total += m.Bytes
	}
	if total > 1<<30 {
		t.Errorf("the stack took %d MiB: %+v", total>>20, f.Memory)
	}
	r.mustLeaveNothing(t)
	if !strings.Contains(r.text.String(), "operations  ") || !strings.Contains(r.text.String(), backends.Jaeger) {
		t.Errorf("it said:\n%s", r.text)
	}
}
