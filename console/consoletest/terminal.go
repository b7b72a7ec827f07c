package consoletest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Terminal is a program that runs in a terminal of a known size.
type Terminal struct {
	t      testing.TB
	socket string
}

// NewTerminal runs a command in tmux until the test ends; without tmux the test
// is skipped. The environment is the given variables over a plain one: no
// colours promised, UTF-8.
func NewTerminal(t testing.TB, width, height int, env []string, command ...string) *Terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed")
	}
	dir, err := os.MkdirTemp("", "tmux") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, socket: filepath.Join(dir, "s")}
	quoted := []string{"env", "-u", "COLORTERM", "-u", "NO_COLOR", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}
	for _, word := range append(env, command...) {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	line := strings.Join(quoted, " ") + `; echo "[exit $?]"; sleep 600`
	out, err := term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), line).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the terminal's last screen:\n%s", term.Screen())
		}
		_ = term.tmux("kill-server").Run()
		os.RemoveAll(dir)
	})
	return term
}

func (term *Terminal) tmux(args ...string) *exec.Cmd {
	return exec.Command("tmux", append([]string{"-u", "-S", term.socket}, args...)...)
}

// Type sends keys, each by tmux's name for it: r, Enter, Escape, Down, Space.
func (term *Terminal) Type(keys ...string) {
	term.t.Helper()
	for _, key := range keys {
		if out, err := term.tmux("send-keys", key).CombinedOutput(); err != nil {
			term.t.Fatalf("tmux: %v\n%s", err, out)
		}
		pause := 30 * time.Millisecond
		if key == "Escape" { // with what follows it would be another key
			pause = 200 * time.Millisecond
		}
		time.Sleep(pause)
	}
}

// Screen returns what the terminal shows.
func (term *Terminal) Screen() string {
	out, err := term.tmux("capture-pane", "-p").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("tmux: %v\n%s", err, out)
	}
	return string(out)
}

// Resize changes the terminal's size.
func (term *Terminal) Resize(width, height int) {
	term.t.Helper()
	if out, err := term.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)).CombinedOutput(); err != nil {
		term.t.Fatalf("tmux: %v\n%s", err, out)
	}
}

// Until waits for a screen, and returns it.
func (term *Terminal) Until(what string, is func(screen string) bool) string {
	term.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		screen := term.Screen()
		if is(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("no screen with %s", what)
		}
		if strings.Contains(screen, "[exit ") {
			term.t.Fatalf("the program has ended")
		}
	}
}

// UntilShown waits until the screen has all of the texts.
func (term *Terminal) UntilShown(texts ...string) string {
	term.t.Helper()
	return term.Until(fmt.Sprintf("%q", texts), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// Line returns the screen's first line that has the text, "" where there is
// none.
func Line(screen, text string) string {
	for line := range strings.Lines(screen) {
		if strings.Contains(line, text) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}

// StockConsole finds the stock tokio-console, or skips the test.
func StockConsole(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("tokio-console"); err == nil {
		return path
	}
	home, _ := os.UserHomeDir()
	path := filepath.Join(home, ".cargo", "bin", "tokio-console")
	if _, err := os.Stat(path); err != nil {
		t.Skip("tokio-console is not installed (cargo install --locked tokio-console)")
	}
	return path
}
