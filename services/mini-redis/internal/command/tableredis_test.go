package command_test

import (
	"fmt"
	"strings"
	"testing"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// tableDifferences are the rows in which this server's table, which is that of
// Redis 7.2, is not that of redis-server 7.0.15, and why.
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

// TestTableAgainstRedis compares what COMMAND INFO says of every command.
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
			t.Errorf("%s: there is no such difference (any more): %s", s.Name, reason)
		case got != want && !known:
			t.Errorf("%s:\nours   %s\ntheirs %s", s.Name, got, want)
		}
	}
}

// infoOf is COMMAND INFO of one command, without the notes on keys.
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

func TestCommandCount(t *testing.T) {
	g := newHarness(t).connect()
	top := 0
	for _, s := range engine.NewTable(command.All()).All() {
		if s.Parent == nil {
			top++
		}
	}
	g.must("COMMAND COUNT", fmt.Sprint(":", top))
	g.must("CLIENT TRACKING ON", "-ERR client tracking is not supported by this server")
}

// TestEveryReplyIsWellFormed asks for everything there is to know of every
// command, in both protocol versions.
func TestEveryReplyIsWellFormed(t *testing.T) {
	for _, proto := range []string{"2", "3"} {
		h := newHarness(t)
		g := conversationClient{h.connect()}
		g.do("HELLO", proto)
		ask := func(words ...string) {
			t.Helper()
			reply := g.do(words...)
			if replytest.Frame([]byte(reply)) != len(reply) || reply == "" {
				t.Errorf("RESP%s: %q is answered by %q", proto, words, reply)
			}
		}
		ask("COMMAND")
		ask("COMMAND", "INFO")
		ask("COMMAND", "DOCS")
		ask("COMMAND", "LIST")
		for _, s := range engine.NewTable(command.All()).All() {
			ask("COMMAND", "INFO", s.Name)
			ask("COMMAND", "DOCS", s.Name)
			if strings.HasSuffix(s.Name, "|help") {
				ask(strings.Split(s.Name, "|")...)
			}
		}
	}
}
