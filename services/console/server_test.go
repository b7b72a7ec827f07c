package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/console/consoletest"
)

// redisServer is a mini-redis process that serves its console.
type redisServer struct {
	t             *testing.T
	bin           string
	addr, console string
	cmd           *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	s := &redisServer{t: t, bin: build(t, "../mini-redis"), addr: freePort(t), console: freePort(t)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *redisServer) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, "-addr", s.addr, "-admin-addr", "", "-maxclients", "20000", "-console-addr", s.console)
	s.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none", "LOG_LEVEL=error")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * ms) {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("mini-redis does not listen")
		}
	}
}

func (s *redisServer) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// connect opens connections, which are closed when the test ends. It skips the test if the system
// does not permit that many.
func (s *redisServer) connect(n int) []net.Conn {
	s.t.Helper()
	list := make([]net.Conn, 0, n)
	s.t.Cleanup(func() {
		for _, c := range list {
			c.Close()
		}
	})
	for range n {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			s.t.Skipf("this system does not permit %d connections: %v", n, err)
		}
		list = append(list, c)
	}
	return list
}

// startPings sends a PING on each connection every millisecond until stop is called.
func startPings(list []net.Conn) (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, c := range list {
		all.Go(func() {
			in := bufio.NewReader(c)
			for {
				select {
				case <-done:
					return
				case <-time.After(ms):
				}
				if _, err := fmt.Fprint(c, "PING\r\n"); err != nil {
					return
				}
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(done); all.Wait() })
}

// TestStockClientOnServer connects the stock tokio-console to a mini-redis under load. The client
// must stay connected with ten thousand connections, through a pause, and after a restart.
func TestStockClientOnServer(t *testing.T) {
	stock := consoletest.StockConsole(t)
	s := startRedis(t)
	working := s.connect(20)
	stop := startPings(working)
	defer stop()
	waiting := s.connect(1)[0]
	fmt.Fprint(waiting, "BLPOP nothing 0\r\n")

	term := consoletest.NewTerminal(t, 170, 40, []string{"RUST_BACKTRACE=1"}, stock, "--palette", "off", "http://"+s.console)
	screen := term.UntilShown("(CONNECTED)", "event loop 0", "peer="+working[0].LocalAddr().String())
	row := consoletest.Line(screen, "peer="+working[0].LocalAddr().String())
	polls, _ := strconv.Atoi(regexp.MustCompile(`\s(\d+)\s+task\s`).FindStringSubmatch(row)[1])
	term.Until("more polls", func(screen string) bool {
		m := regexp.MustCompile(`\s(\d+)\s+task\s`).FindStringSubmatch(consoletest.Line(screen, "peer="+working[0].LocalAddr().String()))
		if m == nil {
			return false
		}
		now, _ := strconv.Atoi(m[1])
		return now > polls
	})
	if strings.Contains(screen, "⚠") {
		t.Errorf("the stock client shows a warning about the server:\n%s", screen)
	}
	term.Type("r")
	term.UntilShown("Resources (", "execution lock", "sync.Mutex", "keys that clients wait for")
	openAsyncOp(t, term)

	term.Type("t")
	s.connect(10_000)
	term.Until("ten thousand tasks", func(screen string) bool {
		m := regexp.MustCompile(`Tasks \((\d+)\)`).FindStringSubmatch(screen)
		if m == nil {
			return false
		}
		n, _ := strconv.Atoi(m[1])
		return n >= 10_000
	})
	term.Type("Space")
	term.UntilShown("PAUSED")
	term.Type("Space")
	term.Until("the end of the pause", func(screen string) bool { return !strings.Contains(screen, "PAUS") })

	stop()
	s.stop()
	s.start()
	again := s.connect(1)[0]
	term.Type("i") // newest first: the stock client keeps the tasks of the old process
	term.UntilShown("(CONNECTED)", "peer="+again.LocalAddr().String())
	term.Type("q")
	mustExit(t, term)
}

// openAsyncOp opens resources until it finds the one that a client waits for.
func openAsyncOp(t *testing.T, term *consoletest.Terminal) {
	t.Helper()
	for range 5 {
		term.Type("j", "Enter")
		if screen := term.UntilShown("Async Ops ("); strings.Contains(screen, "BLPOP") {
			if !strings.Contains(consoletest.Line(screen, "BLPOP"), "(connection)") {
				t.Errorf("the async operation does not name the waiting task:\n%s", screen)
			}
			return
		}
		term.Type("Escape")
		term.UntilShown("Resources (")
	}
	t.Error("no resource shows the waiting client")
}

// TestConsoleOnServer covers the same, and the views that the stock client does not have:
// goroutines, spans with their tasks, and events.
func TestConsoleOnServer(t *testing.T) {
	s := startRedis(t)
	defer startPings(s.connect(5))()
	waiting, listening := s.connect(1)[0], s.connect(1)[0]
	fmt.Fprint(waiting, "BLPOP nothing 0\r\n")
	fmt.Fprint(listening, "SUBSCRIBE news\r\n")
	term := consoletest.NewTerminal(t, 170, 40, []string{"TERM=xterm"}, build(t, "."), "-events-level", "debug", "server="+s.console)
	term.UntilShown("(connected)", "event loop 0", "connection")
	term.Type("a")
	term.UntilShown("BLPOP", "(connection)", "keys that clients wait for")
	term.Type("r")
	if row := consoletest.Line(term.UntilShown("Channel", "subscribers=1"), "Channel"); !strings.Contains(row, "news") || !strings.Contains(row, "(connection)") {
		t.Errorf("the channel does not show its subscriber: %s", row)
	}
	term.Type("s")
	screen := term.UntilShown("PING", "(connection)", "BLPOP")
	if row := consoletest.Line(screen, "BLPOP"); !strings.Contains(row, "open") || !strings.Contains(row, "(connection)") {
		t.Errorf("the span of the waiting command is not open: %s", row)
	}
	if !regexp.MustCompile(`PING .*\d+ \(connection\)\s+[0-9a-f]{32}`).MatchString(screen) {
		t.Errorf("a span does not show its task or trace:\n%s", screen)
	}
	term.Type("o")
	term.UntilShown("Goroutines (", "times over", "epoll_linux.go:")
	term.Type("v")
	term.Until("events", func(screen string) bool {
		_ = s.connect(1)[0].Close() // repeated until the subscription is active
		return strings.Contains(screen, "client disconnected")
	})
	_ = waiting.Close()
	peer := waiting.LocalAddr().String()
	if row := consoletest.Line(term.UntilShown(peer), peer); !strings.Contains(row, "DEBUG") || !strings.Contains(row, "client disconnected") {
		t.Errorf("unexpected event: %s", row)
	}
	term.Type("s")
	term.Until("the end of the span", func(screen string) bool {
		row := consoletest.Line(screen, "BLPOP")
		return row != "" && !strings.Contains(row, "open")
	})
	term.Type("q")
	mustExit(t, term)
}
