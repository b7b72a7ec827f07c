package goroutines

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/wire/goroutinespb"
)

var (
	_ console.GoroutineSource = (*Local)(nil)
	_ console.GoroutineSource = (*Remote)(nil)
)

const printed = `goroutine 1 [running]:
main.main()
	/home/x/prog/main.go:16 +0x106

goroutine 18 gp=0xc0 m=3 mp=0xc1 [chan receive (leaked), 12 minutes, locked to thread labels:{"a": "b]", "console.task": "12"}]:
main.(*T).leak.func1({0x1, 0x2})
	/home/x/prog/leak.go:11 +0x19
runtime.goexit({})
	/usr/local/go/src/runtime/asm_amd64.s:1700 +0x1
created by main.(*T).leak in goroutine 1
	/home/x/prog/leak.go:10 +0x5f

goroutine 23 [select (no cases)]:
main.wait(...)
	/home/x/prog/main.go:15
net/http.(*conn).serve(0x1bcb)
	C:/go/src/net/http/server.go:2067 +0x690
`

func TestReadStacks(t *testing.T) {
	list, err := readStacks(strings.NewReader(printed))
	if err != nil || len(list) != 3 {
		t.Fatalf("%d, %v", len(list), err)
	}
	want := stack{
		id: 18, count: 1, name: "main.(*T).leak.func1", state: "chan receive", blocked: 12 * time.Minute, leaked: true,
		createdBy: "main.(*T).leak", location: "prog/leak.go:10", parent: 1, frames: []string{"main.(*T).leak.func1 prog/leak.go:11"},
		labels: map[string]string{"a": "b]", "console.task": "12"},
	}
	if got := fmt.Sprintf("%+v", list[1]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("\n got %s\nwant %+v", got, want)
	}
	if g := list[2]; g.state != "select (no cases)" || g.name != "net/http.(*conn).serve" || g.frames[1] != "net/http.(*conn).serve http/server.go:2067" {
		t.Errorf("%+v", g)
	}
}

const profiled = `goroutine profile: total 7
5 @ 0x448c91 0x488d5d
#	0x489184	internal/poll.runtime_pollWait+0x84		/usr/local/go/src/runtime/netpoll.go:351
#	0x673398	main.serve+0x18	/home/x/main.go:11

2 @ 0x489f6e
#	0x673398	main.leak.func1+0x18	/home/x/main.go:12
`

func TestReadProfile(t *testing.T) {
	list, total, err := readProfile(strings.NewReader(profiled))
	if err != nil || total != 7 || len(list) != 2 {
		t.Fatalf("%d of %d, %v", len(list), total, err)
	}
	if g := list[0]; g.count != 5 || g.state != "IO wait" || g.name != "main.serve" || g.location != "x/main.go:11" {
		t.Errorf("%+v", g)
	}
	if g := list[1]; g.count != 2 || g.state != "unknown" {
		t.Errorf("%+v", g)
	}
}

func TestSnapshotBySiteAboveLimit(t *testing.T) {
	list, total, _ := readProfile(strings.NewReader(profiled))
	f := rawSnapshot{stacks: list, total: total}
	s := f.snapshot(3)
	if !s.BySite || len(s.Goroutines) != 0 || s.Sites[0].Count != 5 || s.Sites[0].States["IO wait"] != 5 || s.Total != 7 || s.Window != nil {
		t.Errorf("%v", s)
	}
	list, _ = readStacks(strings.NewReader(printed))
	f = rawSnapshot{stacks: list, times: map[uint64]Times{18: {Waiting: time.Second, Scheduled: 4}}, window: time.Second}
	s = f.snapshot(3)
	if s.BySite || len(s.Goroutines) != 3 || s.Goroutines[1].Times.Waiting.AsDuration() != time.Second || s.Goroutines[1].Parent != 1 {
		t.Errorf("%v", s)
	}
}

// startGoroutines starts goroutines of known behavior, which run until the test ends.
func startGoroutines(t *testing.T) {
	t.Helper()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go spins(stop)
	go sleeps(stop)
	go receives(stop)
}

func spins(stop chan struct{}) {
	for stopped := false; !stopped; {
		select {
		case <-stop:
			stopped = true
		default:
		}
	}
}

func sleeps(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func receives(stop chan struct{}) { <-stop }

// snapshotWithTimes requests snapshots until one has times, for up to 20 s.
func snapshotWithTimes(t *testing.T, s console.GoroutineSource) *goroutinespb.Snapshot {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		snapshot, err := s.Snapshot(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.Window != nil && snapshot.Window.AsDuration() > 100*time.Millisecond {
			return snapshot
		}
		if time.Now().After(deadline) {
			t.Fatalf("no times within 20 s: %q", snapshot.Note)
		}
	}
}

// checkTimes requires that one of 20 snapshots has the expected times. A busy machine may not run a
// goroutine during a whole window.
func checkTimes(t *testing.T, source console.GoroutineSource) {
	t.Helper()
	var wrong []string
	for range 20 {
		if wrong = timeErrors(snapshotWithTimes(t, source)); len(wrong) == 0 {
			return
		}
	}
	t.Error(strings.Join(wrong, "\n"))
}

// timeErrors returns the differences between a snapshot and the goroutines of startGoroutines.
func timeErrors(s *goroutinespb.Snapshot) (wrong []string) {
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	find := func(name string) *goroutinespb.Goroutine {
		for _, g := range s.Goroutines {
			if strings.HasSuffix(g.Name, "."+name) {
				return g
			}
		}
		report("no goroutine %s", name)
		return &goroutinespb.Goroutine{}
	}
	window := s.Window.AsDuration()
	share := func(part time.Duration) float64 { return float64(part) / float64(window) }
	spinner, sleeper, receiver := find("spins"), find("sleeps"), find("receives")
	if active := share(spinner.GetTimes().GetRunning().AsDuration() + spinner.GetTimes().GetRunnable().AsDuration()); active < 0.95 || spinner.GetTimes().GetRunning().AsDuration() == 0 {
		report("the spinning goroutine was active for %.2f of the window: %v", active, spinner.Times)
	}
	if w := share(sleeper.GetTimes().GetWaiting().AsDuration()); w < 0.3 || sleeper.GetTimes().GetScheduled() == 0 {
		report("the sleeping goroutine waited for %.2f of the window: %v", w, sleeper.Times)
	}
	if w := share(receiver.GetTimes().GetWaiting().AsDuration()); w < 0.95 || receiver.State != "chan receive" {
		report("the receiving goroutine waited for %.2f of the window, in state %q", w, receiver.State)
	}
	for _, g := range []*goroutinespb.Goroutine{spinner, sleeper, receiver} {
		sum := g.GetTimes().GetRunning().AsDuration() + g.GetTimes().GetRunnable().AsDuration() + g.GetTimes().GetWaiting().AsDuration()
		if x := share(sum); x < 0.95 || x > 1.001 {
			report("%s: the times add up to %.3f of the window", g.Name, x)
		}
		if !strings.HasPrefix(g.Location, "goroutines/goroutines_test.go:") || !strings.HasSuffix(g.CreatedBy, ".startGoroutines") {
			report("created at %s by %s", g.Location, g.CreatedBy)
		}
	}
	return wrong
}

func TestLocalGoroutines(t *testing.T) {
	startGoroutines(t)
	l := &Local{}
	defer l.Rest()
	checkTimes(t, l)
	few, err := l.Snapshot(t.Context(), 1)
	if err != nil || !few.BySite || len(few.Sites) == 0 {
		t.Errorf("%v, %v", few, err)
	}
	l.Rest()
	other := &Local{} // possible, because Rest stopped the recorder of l
	defer other.Rest()
	if _, err := other.Snapshot(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	second, err := l.Snapshot(t.Context(), 1000)
	if err != nil || !strings.Contains(second.Note, "no times") || second.Window != nil || len(second.Goroutines) == 0 {
		t.Errorf("two recorders: %q, %v", second.GetNote(), err)
	}
}

func serveProfiles(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestRemoteGoroutines(t *testing.T) {
	startGoroutines(t)
	r := &Remote{URL: serveProfiles(t) + "/debug/pprof/", Window: 300 * time.Millisecond}
	checkTimes(t, r)
	if few, err := r.Snapshot(t.Context(), 1); err != nil || !few.BySite {
		t.Errorf("%v, %v", few, err)
	}
	if _, err := (&Remote{URL: "http://127.0.0.1:1"}).Snapshot(t.Context(), 1); err == nil {
		t.Error("snapshot of an address without a server")
	}
}

// TestLeakedGoroutines builds a program with the goroutineleakprofile experiment and one without.
func TestLeakedGoroutines(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the test builds a program with another standard library")
	}
	f := func(experiment string, known bool) {
		t.Helper()
		addr := runLeaky(t, experiment)
		r := &Remote{URL: "http://" + addr, Window: time.Millisecond}
		s, err := r.Snapshot(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		leaked := 0
		for _, g := range s.Goroutines {
			if g.Leaked {
				leaked++
				if g.State != "chan receive" || !strings.HasPrefix(g.Name, "main.leak") {
					t.Errorf("%v", g)
				}
			}
		}
		want := 0
		if known {
			want = 1
		}
		if s.LeaksKnown != known || leaked != want {
			t.Errorf("experiment %q: leaks known %t, %d leaked of %d", experiment, s.LeaksKnown, leaked, s.Total)
		}
	}
	f("", false)
	f("goroutineleakprofile", true)
}

func runLeaky(t *testing.T, experiment string) (addr string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "leaky")
	build := exec.Command("go", "build", "-o", bin, "./testdata/leaky")
	build.Env = append(os.Environ(), "GOEXPERIMENT="+experiment)
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("testdata/leaky does not build with GOEXPERIMENT=%s: %v\n%s", experiment, err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, bin)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	return addr
}

func FuzzStacks(f *testing.F) {
	f.Add(printed)
	f.Add(profiled)
	f.Fuzz(func(t *testing.T, text string) {
		if list, err := readStacks(strings.NewReader(text)); err == nil {
			(&rawSnapshot{stacks: list}).snapshot(10)
		}
		if list, total, err := readProfile(strings.NewReader(text)); err == nil {
			(&rawSnapshot{stacks: list, total: total}).snapshot(10)
		}
	})
}
