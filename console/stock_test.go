package console_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/consoletest"
	"mini-redis/console/watch"
)

const ms = time.Millisecond

// runStock runs the stock tokio-console, connected to the console at addr.
func runStock(t *testing.T, addr string) *consoletest.Terminal {
	t.Helper()
	return consoletest.NewTerminal(t, 170, 40, []string{"RUST_BACKTRACE=1"},
		consoletest.StockConsole(t), "--palette", "off", "--retain-for", "20s", "http://"+addr)
}

func listen(t *testing.T, c *console.Console, addr string) *console.Server {
	t.Helper()
	s, err := c.Listen(console.ServeOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(s) })
	return s
}

func shut(s *console.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
	defer cancel()
	_ = s.Close(ctx)
}

// fixture is a program whose tasks have exact times, because the test controls the clock.
type fixture struct {
	c     *console.Console
	clock *consoletest.Clock
	tasks map[string]*console.Task
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	k := &fixture{clock: consoletest.NewClock(), tasks: map[string]*console.Task{}}
	k.c = console.New(console.Options{Clock: k.clock, PublishInterval: 50 * ms, AlwaysHistograms: true})
	task := func(name, kind string, fields ...console.Field) *console.Task {
		k.tasks[name] = k.c.NewTask(console.TaskOptions{Name: name, Kind: kind, Fields: fields})
		return k.tasks[name]
	}
	spinner, waiter, holder, done := task("spinner", ""), task("waiter", console.KindBlocking), task("holder", "", console.Text("peer", "1.2.3.4:5")), task("done", "")
	for _, x := range []*console.Task{spinner, waiter, holder, done} {
		x.BeginPoll(k.clock.Mono())
	}
	k.clock.Pass(200 * ms)
	for _, x := range []*console.Task{spinner, waiter, holder, done} {
		x.EndPoll(k.clock.Mono())
	}
	k.clock.Pass(300 * ms)
	for range 10 {
		woken := k.clock.Mono()
		k.clock.Pass(20 * ms)
		began := k.clock.Mono()
		k.clock.Pass(10 * ms)
		spinner.Polled(woken, began, k.clock.Mono())
	}
	done.Drop()
	lock := watch.NewMutex(k.c, "account")
	lock.LockTask(holder)
	go func() {
		lock.LockTask(waiter)
		lock.Unlock()
	}()
	t.Cleanup(lock.Unlock)
	k.clock.Pass(ms)
	return k
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(ms) {
		if time.Now().After(deadline) {
			t.Fatal("timed out after 20 s")
		}
	}
}

func TestStockClientShowsTasksAndResources(t *testing.T) {
	k := newFixture(t)
	s := listen(t, k.c, "127.0.0.1:0")
	term := runStock(t, s.Addr().String())
	screen := term.UntilShown("(CONNECTED)", "Tasks (4)", "spinner", "waiter", "holder", "done")
	row := consoletest.Line(screen, "spinner")
	// Total 801 ms: 200 spinning, 300 idle, 10 times 20 scheduled and 10 busy.
	for _, want := range []string{"801ms", "300ms", "200ms", " 11 ", " task ", "console/stock_test.go:", "target=mini-redis/console_test"} {
		if !strings.Contains(row, want) {
			t.Errorf("the row has no %q: %s", want, row)
		}
	}
	if row := consoletest.Line(screen, "holder"); !strings.Contains(row, "peer=1.2.3.4:5") || !strings.Contains(row, "601ms") {
		t.Errorf("%s", row)
	}
	if row := consoletest.Line(screen, "waiter"); !strings.Contains(row, "blocking") {
		t.Errorf("%s", row)
	}
	if strings.Contains(screen, "⚠") {
		t.Errorf("unexpected warning:\n%s", screen)
	}

	term.Type("r")
	screen = term.UntilShown("Resources (1)", "account")
	row = consoletest.Line(screen, "account")
	for _, want := range []string{"Mutex", "sync.Mutex", "locked=true", "holder=" + strconv.FormatUint(k.tasks["holder"].ID(), 10), "waiters=1", "console/stock_test.go:"} {
		if !strings.Contains(row, want) {
			t.Errorf("the resource has no %q: %s", want, row)
		}
	}
	term.Type("j", "Enter")
	screen = term.UntilShown("Async Ops (1)", "Mutex.Lock")
	row = consoletest.Line(screen, "Mutex.Lock")
	if want := fmt.Sprintf("%d (waiter)", k.tasks["waiter"].ID()); !strings.Contains(row, want) {
		t.Errorf("the row of the waiting task has no %q: %s", want, row)
	}
}

func TestStockClientShowsTaskHistograms(t *testing.T) {
	k := newFixture(t)
	s := listen(t, k.c, "127.0.0.1:0")
	term := runStock(t, s.Addr().String())
	term.UntilShown("Tasks (4)")
	term.Type("h", "h", "h", "h", "h", "i") // sort by name, in descending order
	for i := 0; ; i++ {
		term.Type("j", "Enter")
		screen := term.UntilShown("Poll Times Percentiles", "Waker")
		if strings.Contains(screen, "Name: spinner") {
			break
		}
		if i == 4 {
			t.Fatal("no task is named spinner")
		}
		term.Type("Escape")
		term.UntilShown("Tasks (4)")
	}
	// HdrHistograms of two digits: 10 ms is in a bucket that ends at 10.03 ms.
	screen := term.UntilShown("p50: 10.03ms", "p99: 200.28ms", "p50: 20.05ms", "Woken: 10 times", "Current wakers: 1")
	for _, want := range []string{"Total Time: 801.00ms", "Busy: 300.00ms (37.45%)", "Scheduled: 200.00ms (24.97%)", "Idle: 301.00ms (37.58%)"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen has no %q", want)
		}
	}
}

func TestStockClientSurvivesPauseDisconnectAndRestart(t *testing.T) {
	k := newFixture(t)
	s := listen(t, k.c, "127.0.0.1:0")
	addr := s.Addr().String()
	term := runStock(t, addr)
	term.UntilShown("(CONNECTED)", "Tasks (4)")
	term.Type("Space")
	term.UntilShown("PAUSED")
	k.c.NewTask(console.TaskOptions{Name: "created during the pause"})
	time.Sleep(500 * ms)
	if screen := term.Screen(); strings.Contains(screen, "created during the pause") {
		t.Errorf("a paused client shows a new task:\n%s", screen)
	}
	term.Type("Space")
	screen := term.UntilShown("created during the pause", "Tasks (5)")
	if strings.Contains(screen, "PAUSED") {
		t.Error("the client shows PAUSED after it resumed")
	}

	shut(s) // the stock client draws nothing while it reconnects
	waitUntil(t, func() bool { return !k.c.Watched() })
	k.c.NewTask(console.TaskOptions{Name: "created while disconnected"})
	listen(t, k.c, addr)
	term.UntilShown("(CONNECTED)", "created while disconnected")
}

func TestStockClientWith10000Tasks(t *testing.T) {
	c := console.New(console.Options{PublishInterval: 200 * ms})
	tasks := make([]*console.Task, 10_000)
	for i := range tasks {
		tasks[i] = c.NewTask(console.TaskOptions{Name: fmt.Sprintf("connection %d", i), Fields: []console.Field{console.Text("peer", "10.0.0.1:1234")}})
	}
	s := listen(t, c, "127.0.0.1:0")
	term := runStock(t, s.Addr().String())
	term.UntilShown("(CONNECTED)", "Tasks (10000)")
	stop := make(chan struct{})
	defer close(stop)
	go func() { // poll the first half of the tasks, end the second half
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(ms):
			}
			task := tasks[i%5000]
			at := c.Mono()
			task.Polled(at, at+1, at+2000)
			tasks[5000+i%5000].Drop()
		}
	}()
	for range 3 {
		term.Type("G", "g", "g", "j", "Enter")
		term.UntilShown("Poll Times Percentiles")
		term.Type("Escape")
		term.UntilShown("Tasks (")
	}
	term.Type("q")
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(term.Screen(), "[exit 0]") {
		if time.Now().After(deadline) {
			t.Fatal("tokio-console did not exit with code 0 within 20 s")
		}
		time.Sleep(50 * ms)
	}
}
