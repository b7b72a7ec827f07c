package main

import (
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/internal/servertest"
	"mini-redis/services/client-load/internal/report"
)

// door is a way to a server that can be shut: connections end, and new ones are
// refused.
type door struct {
	t        testing.TB
	addr, to string

	mu       sync.Mutex // guards the rest
	listener net.Listener
	through  []net.Conn
}

func newDoor(t testing.TB, to string) *door {
	t.Helper()
	d := &door{t: t, addr: "127.0.0.1:0", to: to}
	d.open()
	t.Cleanup(d.shut)
	return d
}

func (d *door) open() {
	d.t.Helper()
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.listener, d.addr = l, l.Addr().String()
	d.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", d.to)
			if err != nil {
				_ = in.Close()
				continue
			}
			d.mu.Lock()
			d.through = append(d.through, in, out)
			d.mu.Unlock()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		}
	}()
}

func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.listener.Close()
	for _, c := range d.through {
		_ = c.Close()
	}
	d.through = nil
}

func TestEveryOperationIsTriedUntilTheServerIsBack(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		way := newDoor(t, addr)
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, quiet, "-addr", way.addr, "-rate", "100", "-duration", "2s", "-retry-for", "1m", "-max-missed", "0", "-report", file)
		p.Stdout.Await(t, "the beginning", func(text string) bool { return text != "" })
		way.shut()
		time.Sleep(500 * time.Millisecond) // the outage
		way.open()
		if code := finish(t, p); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.Operations != 200 || r.Errors != 0 || r.Missed != 0 || r.Retried == 0 || r.LatencyMS.Max < 300 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAnAnswerIsNotAskedForAgain(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		servertest.Ask(t, addr, "LPUSH client-load:0 x")
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "50", "-duration", "200ms", "-keys", "1", "-read-ratio", "1", "-retry-for", "1m", "-report", file)
		finish(t, p)
		if r := mustReport(t, file); r.ErrorsByType["WRONGTYPE"] != 10 || r.Retried != 0 || calls(t, addr, "get") != 10 {
			t.Errorf("%d calls: %+v", calls(t, addr, "get"), r)
		}
	})
}

func TestTheReportAndTheProgressAreInTheLog(t *testing.T) {
	addr := servertest.MiniRedis(t, quiet...)
	p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "100", "-duration", "1s", "-progress", "200ms", "-report", "-")
	p.Stdout.Await(t, "the end", func(text string) bool { return strings.HasSuffix(text, "-----END LOAD REPORT-----\n") })
	text := p.Stdout.String()
	marked := regexp.MustCompile(`(?s)\n-----BEGIN LOAD REPORT-----\n([^\n]*)\n-----END LOAD REPORT-----\n$`).FindStringSubmatch(text)
	var r report.Report
	if marked == nil || json.Unmarshal([]byte(marked[1]), &r) != nil || r.Operations+r.Missed != 100 {
		t.Errorf("%+v in\n%s", r, text)
	}
	if lines := regexp.MustCompile(`(?m)^ +\d+s +\d+ operations +[\d.]+/s  0 errors, \d+ missed  p50 \S+  p99 \S+  max \S+$`).FindAllString(text, -1); len(lines) == 0 {
		t.Errorf("no progress in\n%s", text)
	}
}

func TestThresholdsOfTime(t *testing.T) {
	addr := servertest.MiniRedis(t, quiet...)
	f := func(limit string, want int) {
		t.Helper()
		p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "100", "-duration", "200ms", "-max-p99", limit)
		if code := finish(t, p); code != want {
			t.Errorf("-max-p99 %s: exit code %d, want %d: %s", limit, code, want, p.Stderr.String())
		}
	}
	f("1us", exitThreshold)
	f("1h", 0)
}

func TestThePasswordComesFromTheEnvironment(t *testing.T) {
	addr := servertest.Redis(t, "--requirepass", "secret")
	p := servertest.Start(t, run, append([]string{"MINI_REDIS_PASSWORD=secret"}, quiet...), "-addr", addr, "-duration", "100ms")
	if code := finish(t, p); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
}

func TestACluster(t *testing.T) {
	addr := servertest.Redis(t, "--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf"))
	servertest.Ask(t, addr, "CLUSTER ADDSLOTSRANGE 0 16383")
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(servertest.Ask(t, addr, "CLUSTER INFO"), "cluster_state:ok"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, quiet, "-addr", addr+","+addr, "-rate", "100", "-duration", "500ms", "-report", file)
	if code := finish(t, p); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	if r := mustReport(t, file); r.Operations != 50 || calls(t, addr, "get") != r.ByCommand["GET"].Operations {
		t.Errorf("%+v", r)
	}
}
