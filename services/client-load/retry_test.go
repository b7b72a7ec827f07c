package main

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

// restartable is a server that a test can kill and restart at the same address.
type restartable struct {
	t       *testing.T
	addr    string
	command []string
	process *exec.Cmd
}

// mustStart starts the server and waits until it accepts connections.
func (s *restartable) mustStart() {
	s.t.Helper()
	s.process = exec.Command(s.command[0], s.command[1:]...)
	s.process.Env = append(s.process.Environ(), noTelemetry...)
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, s.command[0], func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// kill sends SIGKILL, so that the server cannot shut down cleanly.
func (s *restartable) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// startRestartable starts a server with the given command. It replaces ADDR and PORT
// in the command by an unused address and its port.
func startRestartable(t *testing.T, command ...string) *restartable {
	t.Helper()
	addr, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	s := &restartable{t: t, addr: addr}
	for _, word := range command {
		s.command = append(s.command, strings.NewReplacer("ADDR", addr, "PORT", port).Replace(word))
	}
	s.mustStart()
	t.Cleanup(s.kill)
	return s
}

// stockRedis starts a redis-server that takes 0.5 ms to load each key and serves
// its clients while it is loading.
func stockRedis(t *testing.T) *restartable {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	return startRestartable(t, binary, "--bind", "127.0.0.1", "--port", "PORT", "--save", "", "--dir", t.TempDir(),
		"--enable-debug-command", "yes", "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
}

// eventually polls ok every 5 ms and fails the test if it is not true within 30 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after 30 s waiting for %s", what)
		}
	}
}

func TestServerRestartLosesNoOperation(t *testing.T) {
	const outage = 400 * time.Millisecond
	f := func(t *testing.T, server *restartable) {
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, noTelemetry, "-addr", server.addr, "-rate", "100", "-duration", "2s",
			"-retry-for", "1m", "-max-errors", "0", "-max-missed", "0", "-report", file)
		eventually(t, "the load", func() bool { return calls(t, server.addr, "get") >= 10 })
		server.kill()
		time.Sleep(outage)
		server.mustStart()
		if code := finish(t, p); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.Operations != 200 || r.Errors != 0 || r.Missed != 0 || len(r.ErrorsByType) != 0 || !r.Passed {
			t.Errorf("report %+v, want 200 operations, passed, none failed or missed", r)
		}
		if r.Retried == 0 || r.Retries < r.Retried || r.RetriesByType["connection_refused"] == 0 || r.LatencyMS.Max < float64(outage.Milliseconds()) {
			t.Errorf("the outage of %v does not show in %+v", outage, r)
		}
		var sum int64
		for _, n := range r.RetriesByType {
			sum += n
		}
		if sum != r.Retries || r.ByCommand["GET"].Retries+r.ByCommand["SET"].Retries != r.Retries {
			t.Errorf("the sum of retries by type is %d, want the total of %+v", sum, r)
		}
		if !strings.Contains(p.Stdout.String(), " took more than one attempt.\n") || strings.Contains(p.Stderr.String(), "operation failed;") {
			t.Errorf("wrong messages about retries: %s%s", p.Stdout.String(), p.Stderr.String())
		}
	}
	t.Run("redis-server", func(t *testing.T) {
		f(t, stockRedis(t))
	})
	t.Run("mini-redis", func(t *testing.T) {
		binary := servertest.Build(t, "mini-redis/services/mini-redis")
		f(t, startRestartable(t, binary, "-addr", "ADDR", "-admin-addr", "127.0.0.1:0"))
	})
}

func TestRetryTransientErrors(t *testing.T) {
	server := stockRedis(t)
	servertest.Ask(t, server.addr, "DEBUG POPULATE 2000") // 1 s to load
	file := filepath.Join(t.TempDir(), "report.json")
	f := func(command, errorType string) {
		t.Helper()
		before := calls(t, server.addr, "get")
		p := servertest.Start(t, run, noTelemetry, "-addr", server.addr, "-rate", "50", "-duration", "1s", "-timeout", "200ms", "-retry-for", "1m", "-report", file)
		eventually(t, "the load", func() bool { return calls(t, server.addr, "get") > before })
		servertest.Ask(t, server.addr, command)
		if code := finish(t, p); code != 0 {
			t.Errorf("%s: exit code %d: %s", command, code, p.Stderr.String())
		}
		if r := mustReport(t, file); r.Operations != 50 || r.Errors != 0 || r.RetriesByType[errorType] == 0 {
			t.Errorf("%s: report %+v, want 50 operations, no errors and %s retries", command, r, errorType)
		}
	}
	f("DEBUG SLEEP 0.7", "timeout")
	f("DEBUG RELOAD", "LOADING")
}

func TestRetriesEnd(t *testing.T) {
	server := stockRedis(t)
	file := filepath.Join(t.TempDir(), "report.json")
	f := func(why string, want int64, end func(p *servertest.Process), args ...string) {
		t.Helper()
		p := servertest.Start(t, run, noTelemetry, append([]string{"-addr", server.addr, "-report", file}, args...)...)
		eventually(t, "the load", func() bool { return calls(t, server.addr, "get") >= 1 })
		server.kill()
		end(p)
		if code := finish(t, p); code != exitThreshold {
			t.Errorf("%s: exit code %d: %s", why, code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.Errors == 0 || r.ErrorsByType["connection_refused"] == 0 || r.Retries == 0 || r.Operations+r.Missed < want {
			t.Errorf("%s: report %+v, want connection_refused errors after retries", why, r)
		}
		server.mustStart()
	}
	f("-retry-for has passed", 100, func(*servertest.Process) {}, "-rate", "100", "-duration", "1s", "-retry-for", "200ms", "-read-ratio", "1")
	f("the run is interrupted", 1, func(p *servertest.Process) {
		p.Stderr.Await(t, "a retry", func(text string) bool { return strings.Contains(text, "attempt failed and will be retried") })
		p.Stop()
	}, "-rate", "100", "-duration", "0", "-retry-for", "1h", "-read-ratio", "1")
}

func TestErrorReplyIsNotRetried(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		servertest.Ask(t, addr, "LPUSH client-load:0 x")
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, noTelemetry, "-addr", addr, "-rate", "50", "-duration", "200ms", "-keys", "1", "-read-ratio", "1", "-retry-for", "1m", "-report", file)
		finish(t, p)
		if r := mustReport(t, file); r.ErrorsByType["WRONGTYPE"] != 10 || r.Retried != 0 || r.Retries != 0 || calls(t, addr, "get") != 10 {
			t.Errorf("%d calls, want 10 without retries: %+v", calls(t, addr, "get"), r)
		}
	})
}

func TestPlanWithRetries(t *testing.T) {
	f := func(retryFor, maxLag, grace time.Duration) {
		t.Helper()
		p := plan(config{rate: 1, retryFor: retryFor})
		if p.MaxLag != maxLag || p.Grace != grace {
			t.Errorf("-retry-for %v: MaxLag %v and Grace %v, want %v and %v", retryFor, p.MaxLag, p.Grace, maxLag, grace)
		}
	}
	f(0, 10*time.Second, time.Second)
	f(time.Second, 10*time.Second, 6*time.Second)
	f(15*time.Second, 20*time.Second, 20*time.Second)
}

func TestIsRetryable(t *testing.T) {
	f := func(err error, want bool) {
		t.Helper()
		if got := isRetryable(err); got != want {
			t.Errorf("isRetryable(%v) = %v, want %v", err, got, want)
		}
	}
	f(&net.OpError{Op: "dial", Err: errors.New("no route to host")}, true)
	f(reply("LOADING Redis is loading the dataset in memory"), true)
	f(reply("READONLY You can't write against a read only replica."), true)
	f(reply("CLUSTERDOWN The cluster is down"), true)
	f(reply("ERR max number of clients reached"), true)
	f(reply("NOAUTH Authentication required."), false)
	f(reply("OOM command not allowed when used memory > 'maxmemory'."), false)
	f(reply("ERR unknown command 'NOPE'"), false)
}

// reply is an error reply as go-redis returns one.
type reply string

func (e reply) Error() string { return string(e) }
func (e reply) RedisError()   {}
