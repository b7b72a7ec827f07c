package main

import (
	"os"
	"path/filepath"
	"testing"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/server"
)

// TestConversationsOverTCP runs the conversations of package command against the whole
// server, with each transport.
func TestConversationsOverTCP(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for name, change := range map[string]func(*server.Config){
		"loops":      func(c *server.Config) { c.Loops = 2 },
		"goroutines": func(c *server.Config) { c.Goroutines = true },
	} {
		t.Run(name, func(t *testing.T) {
			_, _, s := traced(t, 0, change)
			target := &replytest.TCP{Address: s.Addr().String()}
			t.Cleanup(target.Close)
			for _, file := range files {
				for _, c := range parseConversations(t, file) {
					t.Run(filepath.Base(file)+"/"+c.Name, func(t *testing.T) { runConversation(t, &c, target) })
				}
			}
		})
	}
}

func parseConversations(t *testing.T, file string) []replytest.Case {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := replytest.Parse(filepath.Base(file), f)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func runConversation(t *testing.T, c *replytest.Case, target *replytest.TCP) {
	t.Helper()
	if err := target.Empty(); err != nil {
		t.Fatal(err)
	}
	turns, err := replytest.Run(c, target)
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		for _, d := range turn.Differences() {
			t.Errorf("%s:%d: %s\n%s", c.File, turn.Step.Line, turn.Step.Text, d)
		}
	}
}
