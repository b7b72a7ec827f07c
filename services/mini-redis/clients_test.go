package main

import (
	"bytes"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// runClient runs a client program and returns its output. It skips the test if the program is
// not installed; how says how to install it.
func runClient(t *testing.T, how, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (%s)", name, how)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, &out)
	}
	return strings.TrimSpace(out.String())
}

const (
	debian = "Debian: apt-get install redis-tools"
	cargo  = "cargo install mini-redis"
)

func TestRedisCLI(t *testing.T) {
	_, port, _ := net.SplitHostPort(startRun(t, quiet()).addr)
	f := func(want string, args ...string) {
		t.Helper()
		if got := runClient(t, debian, "redis-cli", append([]string{"-p", port}, args...)...); got != want {
			t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
	f("PONG", "ping")
	f("OK", "set", "k", "v", "EX", "100")
	f("v", "get", "k")
	f("2", "-3", "rpush", "l", "a", "b")
	f("a\nb", "lrange", "l", "0", "-1")
	f("v", "-n", "0", "get", "k")
	f("ERR unknown command 'nope', with args beginning with: 'x'", "nope", "x")
	f("maxclients\n10000", "config", "get", "maxclients")
	f("string", "type", "k")
}

func TestRedisBenchmark(t *testing.T) {
	_, port, _ := net.SplitHostPort(startRun(t, quiet()).addr)
	for _, pipeline := range []string{"1", "16"} {
		out := runClient(t, debian, "redis-benchmark", "-p", port, "-t", "ping,set,get,incr,mset", "-n", "2000", "-P", pipeline, "--csv")
		for _, test := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"} {
			if !strings.Contains(out, `"`+test+`","`) {
				t.Errorf("pipeline %s: no result of %s in\n%s", pipeline, test, out)
			}
		}
		if strings.Contains(strings.ToLower(out), "err") {
			t.Errorf("pipeline %s:\n%s", pipeline, out)
		}
	}
}

// The client of Tokio's mini-redis sends the expiration time as an integer.
func TestTokioClient(t *testing.T) {
	_, port, _ := net.SplitHostPort(startRun(t, quiet()).addr)
	f := func(want string, args ...string) {
		t.Helper()
		if path, err := exec.LookPath("mini-redis-cli"); err == nil && !isTokio(t, path) {
			t.Skip("the mini-redis-cli in PATH is not Tokio's")
		}
		if got := runClient(t, cargo, "mini-redis-cli", append([]string{"--port", port}, args...)...); got != want {
			t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
	f("OK", "set", "k", "v")
	f(`"v"`, "get", "k")
	f("(nil)", "get", "none")
	f("OK", "set", "short", "v", "20")
	waitUntil(t, func() bool { return ask(t, "127.0.0.1:"+port, "GET short") == "$-1" })
	f("(nil)", "get", "short")
}

// isTokio reports whether a program is the client of Tokio's mini-redis.
func isTokio(t *testing.T, path string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, "--help").CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("Carl Lerche"))
}

// waitUntil waits up to 5 s for a condition.
func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the condition does not hold after 5 s")
}
