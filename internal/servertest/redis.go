// Package servertest starts the real servers that tests of the project's
// clients talk to: a stock redis-server, mini-redis itself, and an OTLP
// receiver that keeps the spans both ends send.
//
// Everything listens on a free port of 127.0.0.1 and ends with its test.
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

// patience is how long a test waits for what must happen; one that passes never
// comes near it, on a busy machine either.
const patience = 30 * time.Second

// Redis starts a stock redis-server that persists nothing and returns its
// address. args are settings, "--requirepass", "secret". The test is skipped
// where no redis-server is installed.
func Redis(t testing.TB, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for range 5 { // a free port can be taken by another process before it is used
		addr, err := startRedis(t, binary, args)
		if err == nil {
			return addr
		}
		t.Log(err)
	}
	t.Fatal("redis-server does not start")
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
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-ended:
			return "", fmt.Errorf("redis-server ended: %v: %s", err, output.String())
		default:
		}
		if accepts(addr) {
			t.Cleanup(stop)
			return addr, nil
		}
	}
	stop()
	return "", errors.New("redis-server does not answer")
}

// accepts says whether something at addr answers a PING in whatever way.
func accepts(addr string) bool {
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

// FreeAddr is an address of 127.0.0.1 at which nothing listened a moment ago.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)), nil
}

// Ask sends one command, as a line, on a connection of its own and returns the
// beginning of the reply as it came over the wire.
func Ask(t testing.TB, addr, line string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
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

// End makes a stock redis-server end at once, as if it had crashed.
func End(t testing.TB, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("SHUTDOWN NOSAVE NOW FORCE\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, _ := conn.Read(make([]byte, 64)); n > 0 {
		t.Fatal("redis-server does not end")
	}
}
