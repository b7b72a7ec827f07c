package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// panicCase is the environment variable that makes TestPanicInThisProcess panic.
const panicCase = "MINI_REDIS_PANIC_CASE"

// panicCommand is a command that panics while it holds the execution lock.
func panicCommand(c *engine.Ctx) {
	var none []int
	c.W.Int(int64(none[len(c.Args)]))
}

// panicCauses are the ways to panic under the execution lock.
var panicCauses = map[string]func(t *testing.T, s *Server){
	"command on a loop":      sendPanic,
	"command on a goroutine": sendPanic,
	"command after a pause": func(t *testing.T, s *Server) {
		dial(t, s).mustDo("+OK\r\n", "CLIENT", "PAUSE", "20")
		sendPanic(t, s)
	},
	"log that blocks": sendPanic,
	"net/http handler": func(t *testing.T, s *Server) {
		admin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			s.Locked(func() { panicCommand(&engine.Ctx{Args: [][]byte{[]byte("x")}}) })
		}))
		_, _ = http.Get(admin.URL)
	},
	"housekeeping": func(*testing.T, *Server) {}, // its Tick panics
}

func sendPanic(t *testing.T, s *Server) {
	dial(t, s).send(request("PANIC"))
}

// A panic under the execution lock ends the process at once with exit code 2. The log
// and the standard error output have its stack.
func TestPanicEndsTheProcess(t *testing.T) {
	for name := range panicCauses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestPanicInThisProcess$")
			cmd.Env = append(os.Environ(), panicCase+"="+name)
			var output strings.Builder
			cmd.Stdout, cmd.Stderr = &output, &output
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Fatalf("the process ended with %v, want exit code 2:\n%s", err, clip(output.String()))
			}
			got := output.String()
			logged := strings.Contains(got, `"msg":"panic: the process ends","panic":"runtime error: index out of range [1] with length 0","stack":"goroutine`)
			if want := name != "log that blocks"; logged != want {
				t.Errorf("logged: %v, want %v:\n%s", logged, want, got)
			}
			if !strings.Contains(got, "panic: runtime error: index out of range") || !strings.Contains(got, "panicCommand") {
				t.Errorf("the output has no stack:\n%s", got)
			}
		})
	}
}

// TestPanicInThisProcess is run by TestPanicEndsTheProcess.
func TestPanicInThisProcess(t *testing.T) {
	name := os.Getenv(panicCase)
	if name == "" {
		t.Skip("it runs in a process of its own")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listener: l, Observer: unobserved{}, Loops: 2, Goroutines: name == "command on a goroutine",
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		Engine: engine.Config{
			Commands: append(command.All(), &engine.Spec{Name: "panic", Arity: 1, Handler: panicCommand}),
			Clock:    NewClock(),
		},
	}
	switch name {
	case "log that blocks":
		cfg.Logger = slog.New(blockedLog{})
	case "housekeeping":
		cfg.Tick = func() { panicCommand(&engine.Ctx{Args: [][]byte{[]byte("x")}}) }
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve()
	panicCauses[name](t, s)
	time.Sleep(20 * time.Second) // the process ends before
}

// blockedLog is a log handler whose output blocks at the first error.
type blockedLog struct{ slog.Handler }

func (blockedLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (blockedLog) Handle(context.Context, slog.Record) error        { select {} }
