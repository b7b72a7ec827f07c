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

// redisServer is a mini-redis that serves its console.
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

// connect opens connections until the test ends.
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
			s.t.Skipf("%d connections cannot be had here: %v", n, err)
		}
		list = append(list, c)
	}
	return list
}

// busy has the connections ask for PONGs until the returned function is called.
func busy(list []net.Conn) (stop func()) {
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

// TestTheStockClientOnTheServer connects the stock tokio-console to a mini-redis
// that works, and sees it through ten thousand connections, a pause, and a
// restart of the server.
func TestTheStockClientOnTheServer(t *testing.T) {
	stock := consoletest.StockConsole(t)
	s := startRedis(t)
	working := s.connect(20)
	stop := busy(working)
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
		t.Errorf("a warning about a sound server:\n%s", screen)
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
	term.Until("no pause", func(screen string) bool { return !strings.Contains(screen, "PAUS") })

	stop()
	s.stop()
	s.start()
	again := s.connect(1)[0]
	term.Type("i") // the youngest first: the stock client keeps the tasks of the old server
	term.UntilShown("(CONNECTED)", "peer="+again.LocalAddr().String())
	term.Type("q")
	end(t, term)
}

// openAsyncOp looks through the resources for the one that a client waits for.
func openAsyncOp(t *testing.T, term *consoletest.Terminal) {
	t.Helper()
	for range 5 {
		term.Type("j", "Enter")
		if screen := term.UntilShown("Async Ops ("); strings.Contains(screen, "BLPOP") {
			if !strings.Contains(consoletest.Line(screen, "BLPOP"), "(connection)") {
				t.Errorf("it does not say who waits:\n%s", screen)
			}
			return
		}
		term.Type("Escape")
		term.UntilShown("Resources (")
	}
	t.Error("no resource has the client that waits")
}

// TestOurClientOnTheServer sees the same, and what the stock client cannot: the
// goroutines of the server and its spans, with their tasks.
func TestOurClientOnTheServer(t *testing.T) {
	s := startRedis(t)
	defer busy(s.connect(5))()
	waiting, listening := s.connect(1)[0], s.connect(1)[0]
	fmt.Fprint(waiting, "BLPOP nothing 0\r\n")
	fmt.Fprint(listening, "SUBSCRIBE news\r\n")
	term := consoletest.NewTerminal(t, 170, 40, []string{"TERM=xterm"}, build(t, "."), "-events-level", "debug", "server="+s.console)
	term.UntilShown("(connected)", "event loop 0", "connection")
	term.Type("a")
	term.UntilShown("BLPOP", "(connection)", "keys that clients wait for")
	term.Type("r")
	if row := consoletest.Line(term.UntilShown("Channel", "subscribers=1"), "Channel"); !strings.Contains(row, "news") || !strings.Contains(row, "(connection)") {
		t.Errorf("a channel without its subscriber: %s", row)
	}
	term.Type("s")
	screen := term.UntilShown("PING", "(connection)", "BLPOP")
	if row := consoletest.Line(screen, "BLPOP"); !strings.Contains(row, "open") || !strings.Contains(row, "(connection)") {
		t.Errorf("the command that waits is not open: %s", row)
	}
	if !regexp.MustCompile(`PING .*\d+ \(connection\)\s+[0-9a-f]{32}`).MatchString(screen) {
		t.Errorf("a span without its task or its trace:\n%s", screen)
	}
	term.Type("o")
	term.UntilShown("Goroutines (", "times within", "loop_linux.go:")
	term.Type("v")
	term.Until("events", func(screen string) bool {
		_ = s.connect(1)[0].Close() // until they are listened to
		return strings.Contains(screen, "client gone")
	})
	_ = waiting.Close()
	peer := waiting.LocalAddr().String()
	if row := consoletest.Line(term.UntilShown(peer), peer); !strings.Contains(row, "DEBUG") || !strings.Contains(row, "client gone") {
		t.Errorf("%s", row)
	}
	term.Type("s")
	term.Until("the span's end", func(screen string) bool {
		row := consoletest.Line(screen, "BLPOP")
		return row != "" && !strings.Contains(row, "open")
	})
	term.Type("q")
	end(t, term)
}
