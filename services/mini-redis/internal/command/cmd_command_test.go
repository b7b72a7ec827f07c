package command_test

import (
	"fmt"
	"strings"
	"testing"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

func TestKeysOf(t *testing.T) {
	table := engine.NewTable(command.All())
	f := func(request, want string) {
		t.Helper()
		var args [][]byte
		for _, w := range strings.Fields(request) {
			args = append(args, []byte(w))
		}
		var keys []string
		for _, k := range table.Lookup(args).RequestKeys(args) {
			keys = append(keys, string(k.Key))
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%s: keys %q, want %q", request, got, want)
		}
	}
	f("get a", "a")
	f("mset a 1 b 2 c 3", "a b c")
	f("del a b c", "a b c")
	f("rename a b", "a b")
	f("blpop a b c 0", "a b c")
	f("object encoding a", "a")
	f("ping a", "")
	f("traced 1 f v mget a b", "a b")
	f("traced 0 ping", "")
	f("traced 9 get a", "")
	f("traced 0 nosuch a", "")
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

// TestEveryReplyIsWellFormed checks the replies about every command in both protocol
// versions.
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
