package main

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/servertest"
)

// client is one member of a room.
type client struct {
	screen servertest.Screen
	typed  chan string
	left   chan error
	cancel context.CancelFunc
}

// mustJoin starts a member that joins the room lobby.
func mustJoin(t *testing.T, name string, env []string) *client {
	t.Helper()
	app, err := setup.Start(t.Context(), "chat", servertest.Env(env...))
	if err != nil {
		t.Fatal(err)
	}
	c := &client{typed: make(chan string), left: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	c.cancel = cancel
	r := newRoom(app, "lobby", name, &c.screen)
	go func() {
		err := r.run(ctx, c.typed)
		_ = app.Close()
		c.left <- err
	}()
	c.screen.Await(t, "the greeting", func(text string) bool { return strings.HasPrefix(text, "lobby: ") })
	return c
}

func (c *client) mustShowLine(t *testing.T, line string) {
	t.Helper()
	c.screen.Await(t, line, func(text string) bool { return strings.HasSuffix(text, "\n"+line+"\n") })
}

func TestTwoMembersExchangeMessages(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	env := append(collector.Env(), "MINI_REDIS_ADDR="+addr)

	ann := mustJoin(t, "ann", env)
	bob := mustJoin(t, "bob", env)
	ann.mustShowLine(t, "bob joined")
	if got := bob.screen.String(); !strings.HasPrefix(got, "lobby: 1 other member.") {
		t.Errorf("bob's greeting is %q", got)
	}
	bob.typed <- "hi ann"
	ann.mustShowLine(t, "bob: hi ann")
	ann.typed <- "hello\x1b[2J bob"
	bob.mustShowLine(t, "ann: hello·[2J bob")

	ann.typed <- "/trace"
	link := regexp.MustCompile(`/trace/([0-9a-f]{32})\n$`)
	ann.screen.Await(t, "a link", link.MatchString)
	const want = "chat: INTERNAL say\n  chat: CLIENT PUBLISH\n    mini-redis: SERVER PUBLISH\n"
	if got := collector.Trace(t, link.FindStringSubmatch(ann.screen.String())[1], 3); got != want {
		t.Errorf("the trace\n%swant\n%s", got, want)
	}

	servertest.Ask(t, addr, "PUBLISH chat:lobby gossip")
	ann.mustShowLine(t, "?: gossip")
	ann.typed <- "/dance"
	ann.mustShowLine(t, "unknown command /dance; commands: /trace, /quit")
	if strings.Contains(ann.screen.String(), "ann:") {
		t.Errorf("ann received her own message: %s", ann.screen.String())
	}

	ann.cancel()
	if err := <-ann.left; err != nil {
		t.Error(err)
	}
	bob.mustShowLine(t, "ann left")
	close(bob.typed)
	if err := <-bob.left; err != nil {
		t.Error(err)
	}
}

func TestLongLineIsSplit(t *testing.T) {
	var got []int
	for line := range readLines(strings.NewReader("one\n" + strings.Repeat("x", maxLine+10) + "\nlast\n")) {
		got = append(got, len(line))
	}
	if want := []int{3, maxLine, 10, 4}; !slices.Equal(got, want) {
		t.Errorf("lines of %v bytes, want %v", got, want)
	}
}
