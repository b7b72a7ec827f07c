// Package servertest starts real servers for tests of the project's clients:
// redis-server, mini-redis, and an OTLP receiver that stores the spans of clients
// and servers.
//
// All of them listen on a free port of 127.0.0.1 and stop when their test ends.
package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// testTimeout is how long a test waits for an expected event. A passing test
// needs far less, also on a busy machine.
const testTimeout = 30 * time.Second

// Redis starts a redis-server without persistence and returns its address. args
// are its arguments, for example "--requirepass", "secret". The test is skipped
// if redis-server is not installed.
func Redis(t testing.TB, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for range 5 { // another process can take the free port before redis-server does
		addr, err := startRedis(t, binary, args)
		if err == nil {
			return addr
		}
		t.Log(err)
	}
	t.Fatal("redis-server did not start")
	return ""
}

func startRedis(t testing.TB, binary string, args []string) (string, error) {
	addr, err := FreeAddr()
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(binary, append([]string{
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir(), "--enable-debug-command", "yes",
	}, args...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	for deadline := time.Now().Add(testTimeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-ended:
			return "", fmt.Errorf("redis-server exited: %v: %s", err, output.String())
		default:
		}
		if answersPing(addr) {
			t.Cleanup(stop)
			return addr, nil
		}
	}
	stop()
	return "", errors.New("redis-server did not answer")
}

// answersPing reports whether a server at addr sends any reply to PING, including an error.
func answersPing(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Write([]byte("PING\r\n"))
	n, _ := conn.Read(make([]byte, 64))
	return n > 0
}

// FreeAddr returns an address of 127.0.0.1 that is not in use at the time of the call.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)), nil
}

// Ask sends one inline command on a new connection and returns what the first
// read returns of the reply, in wire format.
func Ask(t testing.TB, addr, line string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, testTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testTimeout))
	if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 64<<10)
	n, err := conn.Read(reply)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply[:n])
}

// End makes a redis-server exit at once without saving, like a crash.
func End(t testing.TB, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, testTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testTimeout))
	if _, err := conn.Write([]byte("SHUTDOWN NOSAVE NOW FORCE\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, _ := conn.Read(make([]byte, 64)); n > 0 {
		t.Fatal("redis-server did not exit")
	}
}
