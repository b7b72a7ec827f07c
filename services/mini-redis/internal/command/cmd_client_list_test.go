package command_test

import (
	"strings"
	"testing"
	"time"
)

func TestClientList(t *testing.T) {
	h := newHarness(t)
	a, b, c := h.connect(), h.connect(), h.connect()
	a.do("CLIENT", "SETNAME", "alice")
	a.do("CLIENT", "SETINFO", "LIB-NAME", "lib")
	a.do("CLIENT", "SETINFO", "LIB-VER", "1.0")
	a.do("SELECT", "3")
	h.clock.elapsed = 90 * time.Second
	b.do("HELLO", "3")
	b.do("SUBSCRIBE", "x", "y")
	c.do("BLPOP", "q", "0")
	want := []string{
		"id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 name=alice age=90 idle=0 flags=N db=3 sub=0 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=client|list user=default redir=-1 resp=2 lib-name=lib lib-ver=1.0",
		"id=2 addr=127.0.0.1:50002 laddr=127.0.0.1:6379 name= age=90 idle=0 flags=P db=0 sub=2 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=subscribe user=default redir=-1 resp=3 lib-name= lib-ver=",
		"id=3 addr=127.0.0.1:50003 laddr=127.0.0.1:6379 name= age=90 idle=0 flags=b db=0 sub=0 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=blpop user=default redir=-1 resp=2 lib-name= lib-ver=",
	}
	list := func(words ...string) string {
		t.Helper()
		_, body, _ := strings.Cut(a.do(append([]string{"CLIENT", "LIST"}, words...)...), "\r\n")
		return strings.TrimSuffix(body, "\r\n")
	}
	if got := list(); got != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%s", got)
	}
	if got := list("TYPE", "pubsub"); got != want[1]+"\n" {
		t.Errorf("subscribers:\n%s", got)
	}
	if got := list("ID", "3", "2", "99"); got != want[2]+"\n"+want[1]+"\n" {
		t.Errorf("by number:\n%s", got)
	}
	c.got()
}

func TestClientFlags(t *testing.T) {
	h := newHarness(t)
	g, other := h.connect(), h.connect()
	g.do("CLIENT", "NO-EVICT", "ON")
	g.do("CLIENT", "NO-TOUCH", "ON")
	g.do("WATCH", "k")
	other.do("SET", "k", "v")
	g.do("MULTI")
	if info := other.do("CLIENT", "LIST", "ID", "1"); !strings.Contains(info, " flags=xdeT ") || !strings.Contains(info, " multi=0 ") {
		t.Error(info)
	}
}
