package command_test

import (
	"fmt"
	"strings"
	"testing"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// tableDifferences are the rows of the table, which is that of Redis 7.2, that differ from
// redis-server 7.0.15, with the reason.
var tableDifferences = map[string]string{
	"blpop":                   "7.2 allows it in scripts",
	"brpop":                   "7.2 allows it in scripts",
	"client|no-touch":         "7.2 has it",
	"client|setinfo":          "7.2 has it",
	"client|setname":          "7.2 tells proxies to send it everywhere",
	"command|getkeys":         "7.2 takes commands without arguments",
	"command|getkeysandflags": "7.2 takes commands without arguments",
	"config|resetstat":        "7.2 tells proxies to send it everywhere",
	"config|rewrite":          "7.2 tells proxies to send it everywhere",
	"msetnx":                  "7.2 has proxies send it to one shard",
	"publish":                 "7.2 says that it is replicated",
	"randomkey":               "7.2 says that its replies cannot be joined",
	"scan":                    "7.2 says that its replies cannot be joined",
	"traced":                  "the extension",
}

// TestTableAgainstRedis compares the replies of COMMAND INFO for every command.
func TestTableAgainstRedis(t *testing.T) {
	target := startRedis(t)
	if version := redisVersion(t); version != reviewedWith {
		t.Skipf("the differences were reviewed with redis-server %s, this is %s", reviewedWith, version)
	}
	theirs, err := target.Open()
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	ours := conversationClient{h.connect()}
	for _, s := range engine.NewTable(command.All()).All() {
		if s.Subs != nil {
			continue // the subcommands are compared one by one
		}
		got, want := infoOf(t, ours, s.Name), infoOf(t, theirs, s.Name)
		reason, known := tableDifferences[s.Name]
		switch {
		case got == want && known:
			t.Errorf("%s: unused difference: %s", s.Name, reason)
		case got != want && !known:
			t.Errorf("%s:\nours   %s\ntheirs %s", s.Name, got, want)
		}
	}
}

// infoOf returns the reply of COMMAND INFO for one command without the notes on keys.
func infoOf(t *testing.T, c replytest.Client, name string) string {
	t.Helper()
	if err := c.Send(toBytes([]string{"COMMAND", "INFO", name})); err != nil {
		t.Fatal(err)
	}
	reply, err := c.Reply(5e9)
	if err != nil {
		t.Fatal(err)
	}
	lines := replytest.Lines(reply)
	for i := 0; i+3 < len(lines); i++ {
		if lines[i] == "notes" {
			lines[i-2] = fmt.Sprintf("*%d", 6) // the pairs that are left
			lines = append(lines[:i-1], lines[i+3:]...)
		}
	}
	return strings.Join(lines, " ")
}
