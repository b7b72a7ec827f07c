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

// guest is one person in a room.
type guest struct {
	screen servertest.Screen
	typed  chan string
	left   chan error
	cancel context.CancelFunc
}

// mustEnter lets somebody into the lobby.
func mustEnter(t *testing.T, name string, env []string) *guest {
	t.Helper()
	app, err := setup.Start(t.Context(), "chat", servertest.Env(env...))
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{typed: make(chan string), left: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	g.cancel = cancel
	r := newRoom(app, "lobby", name, &g.screen)
	go func() {
		err := r.talk(ctx, g.typed)
		_ = app.Close()
		g.left <- err
	}()
	g.screen.Await(t, "the greeting", func(text string) bool { return strings.HasPrefix(text, "lobby: ") })
	return g
}

func (g *guest) mustHear(t *testing.T, line string) {
	t.Helper()
	g.screen.Await(t, line, func(text string) bool { return strings.HasSuffix(text, "\n"+line+"\n") })
}

func TestTwoPeopleTalk(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	env := append(collector.Env(), "MINI_REDIS_ADDR="+addr)

	ann := mustEnter(t, "ann", env)
	bob := mustEnter(t, "bob", env)
	ann.mustHear(t, "bob joined")
	if got := bob.screen.String(); !strings.HasPrefix(got, "lobby: one other is here.") {
		t.Errorf("bob is told %q", got)
	}
	bob.typed <- "hi ann"
	ann.mustHear(t, "bob: hi ann")
	ann.typed <- "hello\x1b[2J bob"
	bob.mustHear(t, "ann: hello·[2J bob")

	ann.typed <- "/trace"
	link := regexp.MustCompile(`/trace/([0-9a-f]{32})\n$`)
	ann.screen.Await(t, "a link", link.MatchString)
	const want = "chat: INTERNAL say\n  chat: CLIENT PUBLISH\n    mini-redis: SERVER PUBLISH\n"
	if got := collector.Trace(t, link.FindStringSubmatch(ann.screen.String())[1], 3); got != want {
		t.Errorf("the trace\n%swant\n%s", got, want)
	}

	servertest.Ask(t, addr, "PUBLISH chat:lobby gossip")
	ann.mustHear(t, "?: gossip")
	ann.typed <- "/dance"
	ann.mustHear(t, "/dance is no command: /trace, /quit")
	if strings.Contains(ann.screen.String(), "ann:") {
		t.Errorf("ann hears herself: %s", ann.screen.String())
	}

	ann.cancel()
	if err := <-ann.left; err != nil {
		t.Error(err)
	}
	bob.mustHear(t, "ann left")
	close(bob.typed)
	if err := <-bob.left; err != nil {
		t.Error(err)
	}
}

func TestALongLineIsSaidInPieces(t *testing.T) {
	var got []int
	for line := range readLines(strings.NewReader("one\n" + strings.Repeat("x", maxLine+10) + "\nlast\n")) {
		got = append(got, len(line))
	}
	if want := []int{3, maxLine, 10, 4}; !slices.Equal(got, want) {
		t.Errorf("lines of %v bytes, want %v", got, want)
	}
}
