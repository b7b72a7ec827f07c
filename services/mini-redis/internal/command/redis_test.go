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

// startRedis starts a redis-server of its own on a free port, and skips the test
// where there is none.
func startRedis(t *testing.T) *replytest.TCP {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: nothing to compare with")
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

// TestConversationsAgainstRedis holds the same conversations with a redis-server. Its
// replies are those of the scripts but for the reviewed differences.
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
			continue // a stock server does not know it
		}
		for _, c := range loadConversations(t, file) {
			t.Run(c.File+"/"+c.Name, func(t *testing.T) { compare(t, &c, target, differences) })
		}
	}
	if version := redisVersion(t); version == reviewedWith {
		for _, line := range differences.Unused() {
			t.Errorf("differences.txt: there is no such difference (any more): %s", line)
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

// redisVersion is what the installed redis-server says of itself.
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
