package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

// startCluster starts a Redis Cluster of two nodes with half of the slots each.
func startCluster(t *testing.T) (a, b string) {
	t.Helper()
	var nodes, buses []string
	for range 2 {
		bus, err := servertest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(bus)
		nodes = append(nodes, servertest.Redis(t, "--cluster-enabled", "yes", "--cluster-port", port))
		buses = append(buses, port)
	}
	servertest.Ask(t, nodes[0], "CLUSTER ADDSLOTSRANGE 0 8191")
	servertest.Ask(t, nodes[1], "CLUSTER ADDSLOTSRANGE 8192 16383")
	host, port, _ := net.SplitHostPort(nodes[1])
	servertest.Ask(t, nodes[0], fmt.Sprintf("CLUSTER MEET %s %s %s", host, port, buses[1]))
	for _, node := range nodes {
		eventually(t, "the cluster state ok", func() bool {
			return strings.Contains(servertest.Ask(t, node, "CLUSTER INFO"), "cluster_state:ok")
		})
	}
	return nodes[0], nodes[1]
}

func TestCluster(t *testing.T) {
	a, b := startCluster(t)
	collector := servertest.NewCollector(t)
	file := filepath.Join(t.TempDir(), "report.json")
	f := func(addr string, env ...string) {
		t.Helper()
		get, set := calls(t, a, "get")+calls(t, b, "get"), calls(t, a, "set")+calls(t, b, "set")
		p := servertest.Start(t, run, env, "-addr", addr, "-rate", "100", "-duration", "500ms", "-report", file)
		if code := finish(t, p); code != 0 {
			t.Errorf("%s: exit code %d: %s", addr, code, p.Stderr.String())
		}
		r := mustReport(t, file)
		get, set = calls(t, a, "get")+calls(t, b, "get")-get, calls(t, a, "set")+calls(t, b, "set")-set
		if r.Operations+r.Missed != 50 || get != r.ByCommand["GET"].Operations || set != r.ByCommand["SET"].Operations || r.Address != addr {
			t.Errorf("the nodes executed %d GET and %d SET, want the counts of the report %+v", get, set, r)
		}
	}
	f(a+","+b, noTelemetry...)
	f("redis://"+b+",", noTelemetry...)
	f(a+","+b, collector.Env()...)
	if calls(t, a, "set") == 0 || calls(t, b, "set") == 0 {
		t.Error("a node received no SET")
	}
	r := mustReport(t, file)
	if got, want := collector.Trace(t, r.LastTraceID, 1), "client-load: CLIENT "; !strings.HasPrefix(got, want) {
		t.Errorf("the last trace is %q, want prefix %q", got, want)
	}
}

// TestWarmUpClusterConcurrently opens the first connections to the nodes
// concurrently. A regression shows as a data race under the race detector.
func TestWarmUpClusterConcurrently(t *testing.T) {
	a, b := startCluster(t)
	for range 10 {
		client, err := newClient(config{addr: a + "," + b, concurrency: 16, timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := warmUp(t.Context(), client, 16); err != nil {
			t.Error(err)
		}
		if got := client.PoolStats().TotalConns; got != 32 {
			t.Errorf("%d connections, want 32", got)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestClusterOperationIsOneAttempt(t *testing.T) {
	a, b := startCluster(t)
	collector := servertest.NewCollector(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, collector.Env(), "-addr", a+","+b, "-rate", "100", "-duration", "1s", "-max-errors", "-1", "-report", file)
	eventually(t, "the first GET", func() bool { return calls(t, b, "get") > 0 })
	servertest.End(t, b)
	if code := finish(t, p); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	r := mustReport(t, file)
	if r.ErrorsByType["connection_refused"] == 0 || r.Retries != 0 {
		t.Errorf("report %+v, want connection_refused errors and no retries", r)
	}
	spans := 0
	for _, s := range collector.Spans() {
		if s.Service == serviceName {
			spans++
		}
	}
	if int64(spans) != r.Operations {
		t.Errorf("%d spans for %d operations, want one per operation", spans, r.Operations)
	}
}

func TestClusterOptions(t *testing.T) {
	f := func(addr string, want ...string) {
		t.Helper()
		o, err := clusterOptions(config{addr: addr, concurrency: 1, password: "env"})
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			return
		}
		var got []string
		if o != nil {
			got = append([]string{o.Username, o.Password}, o.Addrs...)
			if (o.TLSConfig != nil) != strings.HasPrefix(addr, "rediss:") || (o.TLSConfig != nil && o.TLSConfig.ServerName != "") {
				t.Errorf("%s: TLS configuration %+v", addr, o.TLSConfig)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	f("h:1")
	f("redis://:a,b@h:1/2")
	f("h:1,", "", "env", "h:1")
	f("h:1, i:2", "", "env", "h:1", "i:2")
	f("redis://u:a,b@h:1,i:2,[::1]:3/0?protocol=2", "u", "a,b", "h:1", "i:2", "[::1]:3")
	f("rediss://h:1,i:2", "", "env", "h:1", "i:2")

	bad := func(addr, want string) {
		t.Helper()
		_, err := clusterOptions(config{addr: addr})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want %q without the password", addr, err, want)
		}
	}
	bad("redis://:secret@h:1,i:2/3", "only database 0, not 3")
	bad("redis://:secret@h:1,i", "addr param: i")
	bad("http://:secret@h:1,i:2", "scheme: http")
	bad("redis://:secret@h:port,i:2", "invalid port")
}
