package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// quiet returns an environment without telemetry exporters, with extra variables.
func quiet(extra ...string) func(string) string {
	env := map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
	for _, e := range extra {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	return func(k string) string { return env[k] }
}

// running is a program that startRun has started.
type running struct {
	addr, admin string
	console     string
	stop        func() error // stops the program and returns the error of run
}

// startRun runs the program until the test ends. It returns when the server is ready.
func startRun(t *testing.T, getenv func(string) string, args ...string) running {
	t.Helper()
	return startRunWith(t, command.All(), getenv, args...)
}

// startRunWith is startRun with a command table.
func startRunWith(t *testing.T, commands []*engine.Spec, getenv func(string) string, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := runWith(ctx, commands, append([]string{"-addr", "127.0.0.1:0", "-admin-addr", "127.0.0.1:0"}, args...), getenv, in)
		_ = in.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	var ready struct {
		Msg       string
		Addr      string
		AdminAddr string `json:"admin_addr"`
		Console   string `json:"console_addr"`
	}
	for ready.Msg != "ready" {
		if !lines.Scan() {
			cancel()
			t.Fatalf("the program ended before it was ready: %v", <-ended)
		}
		if err := json.Unmarshal(lines.Bytes(), &ready); err != nil {
			t.Fatalf("log line %q: %v", lines.Bytes(), err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = stop() })
	return running{addr: ready.Addr, admin: ready.AdminAddr, console: ready.Console, stop: stop}
}

// ask sends one inline request on a new connection and returns the first line of the reply.
func ask(t *testing.T, addr, request string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(nc, "%s\r\n", request)
	line, err := bufio.NewReader(nc).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(line, "\r\n")
}

// get returns the status and the body of an HTTP response.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestServerServesAndStops(t *testing.T) {
	r := startRun(t, quiet())
	if got := ask(t, r.addr, "PING"); got != "+PONG" {
		t.Errorf("PING: %q", got)
	}
	for path, want := range map[string]string{
		"/healthz": "",
		"/readyz":  "",
		"/metrics": `redis_commands_total{cmd="ping"} 1`,
	} {
		if code, body := get(t, "http://"+r.admin+path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, want 200 and %q in the body", path, code, want)
		}
	}
	if code, _ := get(t, "http://"+r.admin+"/debug/pprof/"); code != 404 {
		t.Errorf("/debug/pprof/ of the admin endpoint: status %d, want 404", code)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestSettingsFromTheEnvironment(t *testing.T) {
	r := startRun(t, quiet("MINI_REDIS_REQUIREPASS=secret", "MINI_REDIS_PORT=tcp://10.0.0.1:6379"))
	if got := ask(t, r.addr, "GET k"); got != "-NOAUTH Authentication required." {
		t.Errorf("GET without a password: %q", got)
	}
	if got := ask(t, r.addr, "AUTH secret"); got != "+OK" {
		t.Errorf("AUTH: %q", got)
	}
}

func TestShutdownCommand(t *testing.T) {
	r := startRun(t, quiet())
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprint(nc, "SHUTDOWN NOSAVE\r\n")
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
		t.Errorf("SHUTDOWN: read %q, %v; want the end of the connection", rest, err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// An unreachable collector does not delay commands, and delays the stop by at most a second.
func TestUnreachableCollector(t *testing.T) {
	r := startRun(t, quiet("OTEL_TRACES_EXPORTER=otlp", "OTEL_METRICS_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"))
	for range 100 {
		if got := ask(t, r.addr, "PING"); got != "+PONG" {
			t.Fatalf("PING: %q", got)
		}
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestInvalidSettings(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	f := func(code int, want string, getenv func(string) string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var stdout, stderr bytes.Buffer
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-admin-addr", ""}, args...), getenv, &stdout, &stderr)
		if got := program.Exit(err, &stderr); got != code || !strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: exit code %d, stderr %q; want exit code %d and one line with %q", args, got, &stderr, code, want)
		}
	}
	f(program.ExitError, "address already in use", quiet(), "-addr", busy.Addr().String())
	f(program.ExitError, "cannot serve the admin endpoint", quiet(), "-admin-addr", busy.Addr().String())
	f(program.ExitUsage, "not defined: -nope", quiet(), "-nope")
	f(program.ExitUsage, "-maxclients 0", quiet(), "-maxclients", "0")
	f(program.ExitUsage, "-trace-contexts", quiet(), "-trace-contexts", "trust")
	f(program.ExitUsage, "MINI_REDIS_LOOPS", quiet("MINI_REDIS_LOOPS=many"))
	f(program.ExitUsage, "LOG_LEVEL", quiet("LOG_LEVEL=loud"))
	f(program.ExitUsage, "OTEL_EXPORTER_OTLP_PROTOCOL", quiet("OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"))
	f(program.ExitUsage, "OTEL_PROPAGATORS", quiet("OTEL_TRACES_EXPORTER=otlp", "OTEL_PROPAGATORS=pigeon"))
}
