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

// restartable is a server that a test kills and starts again at its address.
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
	s.process.Env = append(s.process.Environ(), quiet...)
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

// kill gives the server no chance to say goodbye.
func (s *restartable) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// startRestartable starts a server of the given command, in which ADDR and PORT
// stand for an address that is free.
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

// stockRedis starts a redis-server that takes half a millisecond to load a key,
// and looks at its clients meanwhile.
func stockRedis(t *testing.T) *restartable {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	return startRestartable(t, binary, "--bind", "127.0.0.1", "--port", "PORT", "--save", "", "--dir", t.TempDir(),
		"--enable-debug-command", "yes", "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

func TestNoOperationIsLostWhenTheServerIsRestarted(t *testing.T) {
	const outage = 400 * time.Millisecond
	f := func(t *testing.T, server *restartable) {
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, quiet, "-addr", server.addr, "-rate", "100", "-duration", "2s",
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
			t.Errorf("%+v", r)
		}
		if r.Retried == 0 || r.Retries < r.Retried || r.RetriesByType["connection_refused"] == 0 || r.LatencyMS.Max < float64(outage.Milliseconds()) {
			t.Errorf("the outage does not show in %+v", r)
		}
		var sum int64
		for _, n := range r.RetriesByType {
			sum += n
		}
		if sum != r.Retries || r.ByCommand["GET"].Retries+r.ByCommand["SET"].Retries != r.Retries {
			t.Errorf("%d retries by type: %+v", sum, r)
		}
		if !strings.Contains(p.Stdout.String(), " took more than one attempt.\n") || strings.Contains(p.Stderr.String(), "operations fail;") {
			t.Errorf("%s%s", p.Stdout.String(), p.Stderr.String())
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

func TestWhatPassesIsTriedAgain(t *testing.T) {
	server := stockRedis(t)
	servertest.Ask(t, server.addr, "DEBUG POPULATE 2000") // a second to load
	file := filepath.Join(t.TempDir(), "report.json")
	f := func(trouble, kind string) {
		t.Helper()
		before := calls(t, server.addr, "get")
		p := servertest.Start(t, run, quiet, "-addr", server.addr, "-rate", "50", "-duration", "1s", "-timeout", "200ms", "-retry-for", "1m", "-report", file)
		eventually(t, "the load", func() bool { return calls(t, server.addr, "get") > before })
		servertest.Ask(t, server.addr, trouble)
		if code := finish(t, p); code != 0 {
			t.Errorf("%s: exit code %d: %s", trouble, code, p.Stderr.String())
		}
		if r := mustReport(t, file); r.Operations != 50 || r.Errors != 0 || r.RetriesByType[kind] == 0 {
			t.Errorf("%s: %+v", trouble, r)
		}
	}
	f("DEBUG SLEEP 0.7", "timeout")
	f("DEBUG RELOAD", "LOADING")
}

func TestTryingAgainHasAnEnd(t *testing.T) {
	server := stockRedis(t)
	file := filepath.Join(t.TempDir(), "report.json")
	f := func(why string, want int64, end func(p *servertest.Process), args ...string) {
		t.Helper()
		p := servertest.Start(t, run, quiet, append([]string{"-addr", server.addr, "-report", file}, args...)...)
		eventually(t, "the load", func() bool { return calls(t, server.addr, "get") >= 1 })
		server.kill()
		end(p)
		if code := finish(t, p); code != exitThreshold {
			t.Errorf("%s: exit code %d: %s", why, code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.Errors == 0 || r.ErrorsByType["connection_refused"] == 0 || r.Retries == 0 || r.Operations+r.Missed < want {
			t.Errorf("%s: %+v", why, r)
		}
		server.mustStart()
	}
	f("the time is over", 100, func(*servertest.Process) {}, "-rate", "100", "-duration", "1s", "-retry-for", "200ms", "-read-ratio", "1")
	f("the run is stopped", 1, func(p *servertest.Process) {
		p.Stderr.Await(t, "a retry", func(text string) bool { return strings.Contains(text, "attempts fail and are made again") })
		p.Stop()
	}, "-rate", "100", "-duration", "0", "-retry-for", "1h", "-read-ratio", "1")
}

func TestAnAnswerIsNotAskedForAgain(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		servertest.Ask(t, addr, "LPUSH client-load:0 x")
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "50", "-duration", "200ms", "-keys", "1", "-read-ratio", "1", "-retry-for", "1m", "-report", file)
		finish(t, p)
		if r := mustReport(t, file); r.ErrorsByType["WRONGTYPE"] != 10 || r.Retried != 0 || r.Retries != 0 || calls(t, addr, "get") != 10 {
			t.Errorf("%d calls: %+v", calls(t, addr, "get"), r)
		}
	})
}

func TestWhatMayBeLateWithRetries(t *testing.T) {
	f := func(retryFor, lag, after time.Duration) {
		t.Helper()
		p := plan(config{rate: 1, retryFor: retryFor})
		if p.MaxLag != lag || p.Grace != after {
			t.Errorf("-retry-for %v: up to %v late and until %v after the end, want %v and %v", retryFor, p.MaxLag, p.Grace, lag, after)
		}
	}
	f(0, 10*time.Second, time.Second)
	f(time.Second, 10*time.Second, 6*time.Second)
	f(15*time.Second, 20*time.Second, 20*time.Second)
}

func TestErrorsThatPass(t *testing.T) {
	f := func(err error, want bool) {
		t.Helper()
		if got := maySucceedLater(err); got != want {
			t.Errorf("%v may succeed later: %v", err, got)
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
