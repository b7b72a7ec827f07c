// Package redistest starts a redis-server for tests. It skips the test if
// redis-server is not installed. The server writes only to a temporary directory
// of the test and stops when the test ends.
package redistest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startTimeout is how long Start waits until the server answers PING.
const startTimeout = 20 * time.Second

// Start runs a redis-server without persistence and returns its address. args are
// arguments of redis-server, for example "--cluster-enabled", "yes".
func Start(t testing.TB, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for range 5 { // another process may take the free port first
		addr, err := start(t, binary, args)
		if err == nil {
			return addr
		}
		t.Logf("redis-server: %v", err)
		if errors.Is(err, errNoAnswer) {
			break
		}
	}
	t.Fatal("redis-server did not start")
	return ""
}

// errNoAnswer is a server that runs and does not answer.
var errNoAnswer = errors.New("no answer")

func start(t testing.TB, binary string, args []string) (string, error) {
	port, err := FreePort()
	if err != nil {
		return "", err
	}
	fixed := []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}
	cmd := exec.Command(binary, append(fixed, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	stop := func() { _ = cmd.Process.Kill(); <-done }

	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-done:
			return "", fmt.Errorf("%v: %s", err, out.String())
		default:
		}
		if answers(addr) {
			t.Cleanup(stop)
			return addr, nil
		}
	}
	stop()
	return "", fmt.Errorf("%w: %s", errNoAnswer, out.String())
}

// FreePort returns a TCP port that is free at the time of the call. It is below
// 55000, because the cluster bus port of redis-server is 10000 higher.
func FreePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port < 55000 {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port below 55000")
}

func answers(addr string) bool {
	reply, err := Do(addr, "PING")
	return err == nil && (strings.HasPrefix(reply, "+PONG") || strings.HasPrefix(reply, "-NOAUTH"))
}

// Do sends one inline command on a new connection and returns the reply: the
// content of a bulk string, or the line of any other reply with its first byte.
func Do(addr, line string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
		return "", err
	}
	rd := bufio.NewReader(conn)
	reply, err := rd.ReadString('\n')
	if err != nil {
		return "", err
	}
	reply = strings.TrimSpace(reply)
	size, ok := strings.CutPrefix(reply, "$")
	if !ok {
		return reply, nil
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		return "", fmt.Errorf("redistest: %s: %q", line, reply)
	}
	buf := make([]byte, n)
	_, err = io.ReadFull(rd, buf)
	return string(buf), err
}
