package command_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestClientKill(t *testing.T) {
	f := func(want string, killed string, words ...string) {
		t.Helper()
		h := newHarness(t)
		a, b, c := h.connect(), h.connect(), h.connect()
		c.do("SUBSCRIBE", "x")
		a.must(strings.Join(words, " "), want)
		got := ""
		for _, g := range []*client{a, b, c} {
			if g.killed || g.session.Closing {
				got += fmt.Sprint(g.session.ID)
			}
		}
		if got != killed {
			t.Errorf("%q killed %q, want %q", words, got, killed)
		}
	}
	f("+OK", "2", "CLIENT", "KILL", "127.0.0.1:50002")
	f("+OK", "1", "CLIENT", "KILL", "127.0.0.1:50001")
	f(":1", "3", "CLIENT", "KILL", "TYPE", "pubsub")
	f(":1", "2", "CLIENT", "KILL", "TYPE", "normal")
	f(":2", "12", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
	f(":2", "23", "CLIENT", "KILL", "USER", "default")
	f(":2", "23", "CLIENT", "KILL", "LADDR", "127.0.0.1:6379")
	f(":1", "2", "CLIENT", "KILL", "ID", "2", "ADDR", "127.0.0.1:50002")
	f(":0", "", "CLIENT", "KILL", "ID", "2", "ADDR", "127.0.0.1:50003")
	f(":0", "", "CLIENT", "KILL", "ID", "1")
}
