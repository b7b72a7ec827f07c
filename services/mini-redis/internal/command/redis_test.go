package command_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/replytest"
)

// startRedis starts a redis-server on a free port. It skips the test if redis-server is
// not installed.
func startRedis(t *testing.T) *replytest.TCP {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for range 5 {
		if target := tryRedis(t, program); target != nil {
			return target
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

func tryRedis(t *testing.T, program string) *replytest.TCP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	target := &replytest.TCP{Address: address}
	t.Cleanup(func() {
		target.Close()
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for range 100 {
		if target.Empty() == nil {
			return target
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// reviewedWith is the redis-server that testdata/differences.txt was written for.
const reviewedWith = "7.0.15"

// TestConversationsAgainstRedis runs the same conversations against a redis-server. Its
// replies are the expected ones, except the reviewed differences.
func TestConversationsAgainstRedis(t *testing.T) {
	target := startRedis(t)
	list, err := os.Open("../../testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	differences, err := replytest.ParseDifferences(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range conversationFiles(t) {
		if strings.HasPrefix(filepath.Base(file), "traced") {
			continue // redis-server has no TRACED
		}
		for _, c := range loadConversations(t, file) {
			t.Run(c.File+"/"+c.Name, func(t *testing.T) { compare(t, &c, target, differences) })
		}
	}
	if version := redisVersion(t); version == reviewedWith {
		for _, line := range differences.Unused() {
			t.Errorf("differences.txt: unused line: %s", line)
		}
	}
}

func compare(t *testing.T, c *replytest.Case, target *replytest.TCP, differences *replytest.Differences) {
	t.Helper()
	if err := target.Empty(); err != nil {
		t.Fatal(err)
	}
	turns, err := replytest.Run(c, target)
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		found := turn.Differences()
		if len(found) == 0 {
			continue
		}
		if reason, ok := differences.Reason(c, turn.Step); ok {
			t.Logf("%s:%d: %s: %s", c.File, turn.Step.Line, turn.Step.Text, reason)
			continue
		}
		for _, d := range found {
			t.Errorf("%s:%d: %s\n%s", c.File, turn.Step.Line, turn.Step.Text, d)
		}
	}
}

// redisVersion returns the version of the installed redis-server.
func redisVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "v=")
	version, _, _ := strings.Cut(rest, " ")
	return version
}
