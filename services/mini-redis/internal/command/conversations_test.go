package command_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mini-redis/internal/replytest"
)

const conversationDir = "../../testdata/conversations"

var update = flag.Bool("update", false, "write the replies of the engine into the conversations")

func conversationFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(conversationDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations in %s: %v", conversationDir, err)
	}
	return files
}

func loadConversations(t *testing.T, file string) []replytest.Case {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := replytest.Parse(filepath.Base(file), bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestConversations runs the conversations against the engine alone.
func TestConversations(t *testing.T) {
	for _, file := range conversationFiles(t) {
		var out strings.Builder
		for _, c := range loadConversations(t, file) {
			t.Run(c.File+"/"+c.Name, func(t *testing.T) {
				turns, err := replytest.Run(&c, conversationTarget{newHarness(t)})
				if err != nil {
					t.Fatal(err)
				}
				if *update {
					rewrite(&out, &c, turns)
					return
				}
				for _, turn := range turns {
					for _, d := range turn.Differences() {
						t.Errorf("%s:%d: %s\n%s", c.File, turn.Step.Line, turn.Step.Text, d)
					}
				}
			})
		}
		if *update {
			head := header(t, file)
			if err := os.WriteFile(file, []byte(head+out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// header returns the comment at the start of a file.
func header(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "== ")
	return head
}

// rewrite writes a case with the received replies. A pattern that matches its reply stays.
func rewrite(out *strings.Builder, c *replytest.Case, turns []replytest.Turn) {
	fmt.Fprintf(out, "== %s\n", c.Name)
	for _, turn := range turns {
		s := turn.Step
		switch {
		case s.Sleep > 0:
			fmt.Fprintln(out, s.Text)
		default:
			fmt.Fprintf(out, "%s> %s\n", prefix(s.Conn), s.Text)
		}
		for _, g := range turn.Got {
			out.WriteString(g.String())
		}
	}
	out.WriteString("\n")
}

func prefix(conn int) string {
	if conn == 1 {
		return ""
	}
	return fmt.Sprint(conn)
}
