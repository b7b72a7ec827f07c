package command

import (
	"slices"
	"strings"
	"testing"
)

func TestTableIsComplete(t *testing.T) {
	table := NewTable()
	groups := []string{"connection", "generic", "list", "pubsub", "server", "string", "transactions"}
	for i, s := range table.All() {
		bad := func(what string) { t.Errorf("%s: %s", s.Name, what) }
		if s.ID != i {
			bad("its ID is not its place")
		}
		if len(s.Name) > 2*longestName || strings.ToLower(s.Name) != s.Name {
			bad("not a name")
		}
		if s.Summary == "" || !strings.HasSuffix(s.Summary, ".") || strings.Contains(s.Summary, "\n") {
			bad("its summary is not one sentence")
		}
		if s.Since == "" || s.Complexity == "" || !slices.Contains(groups, s.Group) {
			bad("its documentation is not complete")
		}
		if (s.Handler == nil) != (len(s.Subs) > 0 && s.Name != "command") {
			bad("it has no handler, or one too many")
		}
		if (s.Deprecated == "") != (s.Instead == "") {
			bad("half deprecated")
		}
		if s.Has(Write) && s.Has(ReadOnly) {
			bad("it writes and it does not")
		}
		if len(s.KeySpecs) > 0 && !s.Has(Write) && !s.Has(ReadOnly) && s.Name != "watch" {
			bad("what it does to its keys is not said")
		}
		if _, err := s.arguments(); err != nil {
			bad(err.Error())
		}
		if table.Find(s.Name) != s {
			bad("it is not found by its name")
		}
		request := [][]byte{[]byte(strings.ToUpper(s.Name))}
		if parent, child, ok := strings.Cut(s.Name, "|"); ok {
			request = [][]byte{[]byte(parent), []byte(strings.ToUpper(child))}
		}
		if table.find(request) != s {
			bad("a request does not find it")
		}
	}
}

func TestTableIsTheSameEachTime(t *testing.T) {
	a, b := NewTable(), NewTable()
	for i, s := range a.All() {
		if b.All()[i].Name != s.Name {
			t.Fatalf("command %d is %s and %s", i, s.Name, b.All()[i].Name)
		}
	}
}

func TestWhatIsNoCommand(t *testing.T) {
	table := NewTable()
	for _, name := range []string{"", "nosuch", "get|set", "client|nosuch", "client|", "|id", strings.Repeat("x", 100_000)} {
		if s := table.Find(name); s != nil {
			t.Errorf("%.20q is %s", name, s.Name)
		}
		if s := table.find([][]byte{[]byte(name), []byte(name)}); s != nil {
			t.Errorf("a request %.20q is %s", name, s.Name)
		}
	}
	if table.find(nil) != nil {
		t.Error("nothing is a command")
	}
}

func TestUsage(t *testing.T) {
	table := NewTable()
	f := func(name, want string) {
		t.Helper()
		if got := table.Find(name).usage(); got != want {
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
		s := &Spec{Name: "x", Syntax: wrong}
		if list, err := s.arguments(); err == nil {
			t.Errorf("%q was read as %+v", wrong, list)
		}
	}
}

func TestKeysOf(t *testing.T) {
	table := NewTable()
	f := func(request, want string) {
		t.Helper()
		var args [][]byte
		for _, w := range strings.Fields(request) {
			args = append(args, []byte(w))
		}
		var keys []string
		for _, k := range table.find(args).keysOf(args) {
			keys = append(keys, string(k.key))
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
