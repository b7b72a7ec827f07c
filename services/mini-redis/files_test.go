package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

// A server with a low limit of open files lowers maxclients, refuses the clients beyond
// it, and keeps the admin endpoint reachable.
func TestLimitOfOpenFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no limit on open files to set")
	}
	const limit = 100
	cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, limit),
		servertest.Build(t, "mini-redis/services/mini-redis"), "-addr", "127.0.0.1:0", "-admin-addr", "127.0.0.1:0")
	cmd.Env = append(cmd.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	log := make(chan map[string]any, 100)
	go func() {
		defer close(log)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				log <- line
			}
		}
	}()
	lowered := awaitLog(t, log, "maxclients lowered to the limit of open files")
	most := int(lowered["maxclients"].(float64))
	ready := awaitLog(t, log, "ready")
	addr := ready["addr"].(string)

	conns := make([]net.Conn, 2*limit)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", addr); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	for _, c := range conns[:most] {
		mustPong(t, c)
	}
	for _, c := range conns[most:] {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "-ERR max number of clients reached\r\n" {
			t.Fatalf("a client beyond maxclients read %q, %v", line, err)
		}
	}
	resp, err := http.Get("http://" + ready["admin_addr"].(string) + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/healthz: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	for _, c := range conns[:most] {
		_ = c.Close()
	}
	var last net.Conn
	for range 200 { // until the server has closed a connection
		if last, err = net.Dial("tcp", addr); err != nil {
			t.Fatal(err)
		}
		defer last.Close()
		fmt.Fprint(last, "PING\r\n")
		_ = last.SetDeadline(time.Now().Add(20 * time.Second))
		if line, _ := bufio.NewReader(last).ReadString('\n'); line == "+PONG\r\n" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("no client is accepted after other clients have closed their connections")
}

// awaitLog waits for a log line with a message.
func awaitLog(t *testing.T, log <-chan map[string]any, msg string) map[string]any {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-log:
			if !ok {
				t.Fatalf("the log ended before %q", msg)
			}
			if line["msg"] == msg {
				return line
			}
		case <-deadline:
			t.Fatalf("no log line %q within 20 s", msg)
		}
	}
}

// mustPong sends PING and reads the reply.
func mustPong(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "PING\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "+PONG\r\n" {
		t.Fatalf("PING: %q, %v", line, err)
	}
}
