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

// Terminal is a terminal of a known size in which a program runs.
type Terminal struct {
	t      testing.TB
	socket string
}

// NewTerminal runs a command in tmux until the test ends. It skips the test if tmux is not
// installed. env is added to an environment with a UTF-8 locale and without COLORTERM and NO_COLOR.
func NewTerminal(t testing.TB, width, height int, env []string, command ...string) *Terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed")
	}
	dir, err := os.MkdirTemp("", "tmux") // the path of a unix socket must be short
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
			t.Logf("last screen of the terminal:\n%s", term.Screen())
		}
		_ = term.tmux("kill-server").Run()
		os.RemoveAll(dir)
	})
	return term
}

func (term *Terminal) tmux(args ...string) *exec.Cmd {
	return exec.Command("tmux", append([]string{"-u", "-S", term.socket}, args...)...)
}

// Type sends keys by their tmux names: r, Enter, Escape, Down, Space.
func (term *Terminal) Type(keys ...string) {
	term.t.Helper()
	for _, key := range keys {
		if out, err := term.tmux("send-keys", key).CombinedOutput(); err != nil {
			term.t.Fatalf("tmux: %v\n%s", err, out)
		}
		pause := 30 * time.Millisecond
		if key == "Escape" { // a key that follows immediately would be read as Alt and that key
			pause = 200 * time.Millisecond
		}
		time.Sleep(pause)
	}
}

// Screen returns the content of the terminal.
func (term *Terminal) Screen() string {
	out, err := term.tmux("capture-pane", "-p").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("tmux: %v\n%s", err, out)
	}
	return string(out)
}

// Resize changes the size of the terminal.
func (term *Terminal) Resize(width, height int) {
	term.t.Helper()
	if out, err := term.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)).CombinedOutput(); err != nil {
		term.t.Fatalf("tmux: %v\n%s", err, out)
	}
}

// Until waits up to 30 s for a screen for which is returns true, and returns the screen. It fails
// the test if the program exits before.
func (term *Terminal) Until(what string, is func(screen string) bool) string {
	term.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		screen := term.Screen()
		if is(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("timed out after 30 s waiting for a screen with %s", what)
		}
		if strings.Contains(screen, "[exit ") {
			term.t.Fatalf("the program exited while the test waited for a screen with %s", what)
		}
	}
}

// UntilShown waits until the screen contains all of the texts.
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

// Line returns the first line of the screen that contains text, or "".
func Line(screen, text string) string {
	for line := range strings.Lines(screen) {
		if strings.Contains(line, text) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}

// StockConsole returns the path of the stock tokio-console. It skips the test if it is not
// installed.
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
