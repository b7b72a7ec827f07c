package command_test

import (
	"slices"
	"strings"
	"testing"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

func TestTableIsComplete(t *testing.T) {
	table := engine.NewTable(command.All())
	groups := []string{"connection", "generic", "list", "pubsub", "server", "string", "transactions"}
	for i, s := range table.All() {
		bad := func(what string) { t.Errorf("%s: %s", s.Name, what) }
		if s.ID != i {
			bad("its ID is not its index")
		}
		if len(s.Name) > 64 || strings.ToLower(s.Name) != s.Name {
			bad("invalid name")
		}
		if s.Summary == "" || !strings.HasSuffix(s.Summary, ".") || strings.Contains(s.Summary, "\n") {
			bad("its summary is not one sentence")
		}
		if s.Since == "" || s.Complexity == "" || !slices.Contains(groups, s.Group) {
			bad("its documentation is incomplete")
		}
		if (s.Handler == nil) != (len(s.Subs) > 0 && s.Name != "command") {
			bad("it has no handler, or is a container with a handler")
		}
		if (s.Deprecated == "") != (s.Instead == "") {
			bad("Deprecated and Instead must be set together")
		}
		if s.Has(engine.Write) && s.Has(engine.ReadOnly) {
			bad("it is both Write and ReadOnly")
		}
		if len(s.KeySpecs) > 0 && !s.Has(engine.Write) && !s.Has(engine.ReadOnly) && s.Name != "watch" {
			bad("it has keys and is neither Write nor ReadOnly")
		}
		if _, err := s.Arguments(); err != nil {
			bad(err.Error())
		}
		if table.Find(s.Name) != s {
			bad("Find does not return it")
		}
		request := [][]byte{[]byte(strings.ToUpper(s.Name))}
		if parent, child, ok := strings.Cut(s.Name, "|"); ok {
			request = [][]byte{[]byte(parent), []byte(strings.ToUpper(child))}
		}
		if table.Lookup(request) != s {
			bad("Lookup does not return it")
		}
	}
}

func TestTableIDsAreStable(t *testing.T) {
	a, b := engine.NewTable(command.All()), engine.NewTable(command.All())
	for i, s := range a.All() {
		if b.All()[i].Name != s.Name {
			t.Fatalf("command %d is %s and %s", i, s.Name, b.All()[i].Name)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	table := engine.NewTable(command.All())
	for _, name := range []string{"", "nosuch", "get|set", "client|nosuch", "client|", "|id", strings.Repeat("x", 100_000)} {
		if s := table.Find(name); s != nil {
			t.Errorf("%.20q is %s", name, s.Name)
		}
		if s := table.Lookup([][]byte{[]byte(name), []byte(name)}); s != nil {
			t.Errorf("a request %.20q is %s", name, s.Name)
		}
	}
	if table.Lookup(nil) != nil {
		t.Error("an empty request has a command")
	}
}

func TestUsage(t *testing.T) {
	table := engine.NewTable(command.All())
	f := func(name, want string) {
		t.Helper()
		if got := table.Find(name).Usage(); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	f("get", "key")
	f("ping", "[message]")
	f("set", "key value [<NX | XX>] [GET] [<EX seconds | PX milliseconds | EXAT unix-time-seconds | "+
		"PXAT unix-time-milliseconds | KEEPTTL>]")
	f("mset", "key value [key value ...]")
	f("blpop", "key [key ...] timeout")
	f("client|pause", "timeout [<WRITE | ALL>]")
	f("hello", "[protover [AUTH username password] [SETNAME clientname]]")
	f("multi", "")
}

func TestNotation(t *testing.T) {
	for _, wrong := range []string{"key", "key:key [", "[a:key b:key]", "x=(A", "x=(A |", "x={a:key", "a:key ]", "[]"} {
		s := &engine.Spec{Name: "x", Syntax: wrong}
		if list, err := s.Arguments(); err == nil {
			t.Errorf("%q was parsed as %+v", wrong, list)
		}
	}
}
