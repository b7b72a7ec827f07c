package ports

import (
	"net"
	"testing"
)

func mustReserve(t *testing.T, purpose string, wanted int) *Port {
	t.Helper()
	p, err := Reserve(purpose, wanted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p
}

// freePort returns a port that is free now. Another process could take it before its use; the tests
// accept this risk, because it is unlikely that a process requests exactly this port.
func freePort(t *testing.T) int {
	t.Helper()
	p := mustReserve(t, "test", 0)
	p.Release()
	return p.Number
}

func TestReserveDefaultPort(t *testing.T) {
	want := freePort(t)
	p := mustReserve(t, "RESP", want)
	if p.Number != want || p.Moved() {
		t.Fatalf("%+v, wanted %d", p, want)
	}
}

func TestReserveOtherPortIfInUse(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "::"} {
		busy, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("cannot listen on %s: %v", host, err)
			continue
		}
		defer busy.Close()
		wanted := busy.Addr().(*net.TCPAddr).Port
		p := mustReserve(t, "RESP", wanted)
		if p.Number == wanted || !p.Moved() {
			t.Errorf("%s: port %d, which is in use, was reserved: %+v", host, wanted, p)
		}
	}
}

func TestReservedPortsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		p := mustReserve(t, "any", 0)
		if seen[p.Number] {
			t.Fatalf("port %d was reserved twice", p.Number)
		}
		seen[p.Number] = true
		if p.Moved() {
			t.Fatal("Moved is true for a port without a default")
		}
	}
}

func TestReleasedPortCanBeListenedOn(t *testing.T) {
	p := mustReserve(t, "admin", 0)
	if l, err := net.Listen("tcp4", p.Addr()); err == nil {
		l.Close()
		t.Fatal("listening on a reserved port returned no error")
	}
	p.Release()
	l, err := net.Listen("tcp4", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if got := p.URL("/ready"); got != "http://"+p.Addr()+"/ready" {
		t.Error(got)
	}
}
