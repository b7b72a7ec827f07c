package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

// A server that is out of file descriptors pauses accepting, keeps serving those
// it has, and goes on when one becomes free.
func TestOutOfFileDescriptors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no limit on open files to set")
	}
	const limit = 40
	cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, limit),
		servertest.Build(t, "mini-redis/services/mini-redis"), "-addr", "127.0.0.1:0", "-admin-addr", "")
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
	addr := awaitLog(t, log, "ready")["addr"].(string)

	conns := make([]net.Conn, 2*limit)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", addr); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	awaitLog(t, log, "accept failed, pausing")
	mustPong(t, conns[0])
	for _, c := range conns[:2*limit-1] {
		_ = c.Close()
	}
	mustPong(t, conns[2*limit-1])
}

func awaitLog(t *testing.T, log <-chan map[string]any, msg string) map[string]any {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-log:
			if !ok {
				t.Fatalf("the log ended without %q", msg)
			}
			if line["msg"] == msg {
				return line
			}
		case <-deadline:
			t.Fatalf("no log line %q", msg)
		}
	}
}

func mustPong(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "PING\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "+PONG\r\n" {
		t.Fatalf("PING: %q, %v", line, err)
	}
}
