package command_test

import (
	"fmt"
	"strings"
	"testing"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

const longPassword = 1024

// TestAuth: only the exact password is accepted, whatever its length.
func TestAuth(t *testing.T) {
	f := func(password, attempt string, want bool) {
		t.Helper()
		h := newHarness(t)
		h.engine.SetPassword(password)
		g := h.connect()
		reply := g.do("AUTH", attempt)
		if got := reply == "+OK\r\n"; got != want || g.session.Authenticated != want {
			t.Errorf("AUTH of %d bytes, the password has %d: %q", len(attempt), len(password), reply)
		}
	}
	long := strings.Repeat("p", longPassword)
	f("sesame", "sesame", true)
	f("sesame", "sesam", false)
	f("sesame", "sesame\x00", false)
	f("sesame", "Sesame", false)
	f("sesame", "", false)
	f(long, long, true)
	f(long, long[1:], false)
	f(long, long+"p", false)
	f(long, "q"+long[1:], false)
	f(long, long[1:]+"q", false)
}

// BenchmarkAuth compares wrong passwords of the right length and of another one: their
// times are equal, because digests are compared.
func BenchmarkAuth(b *testing.B) {
	for _, length := range []int{longPassword - 1, longPassword} {
		for _, where := range []string{"first", "last"} {
			b.Run(fmt.Sprintf("length=%d/wrong=%s", length, where), func(b *testing.B) {
				e := engine.New(engine.Config{
					Commands: command.All(), Clock: &realClock{}, Observer: idle{}, Password: strings.Repeat("p", longPassword),
				})
				s := e.NewSession(1, newHarness(b).connect())
				attempt := []byte(strings.Repeat("p", length))
				if where == "first" {
					attempt[0] = 'q'
				} else {
					attempt[length-1] = 'q'
				}
				var w resp.Writer
				request := [][]byte{[]byte("AUTH"), attempt}
				for b.Loop() {
					w.Buf = w.Buf[:0]
					e.Exec(s, request, false, &w)
				}
				if !strings.HasPrefix(string(w.Buf), "-WRONGPASS") {
					b.Fatal(string(w.Buf))
				}
			})
		}
	}
}
