package server

import (
	"runtime"
	"testing"
)

// An idle connection holds no buffers: what it costs is its state alone.
func TestIdleConnectionsAreSmall(t *testing.T) {
	s := start(t, func(c *Config) { c.Loops = 1 })
	const n = 500
	clients := make([]*testClient, 0, n)
	open := func(count int) {
		for range count {
			c := dial(t, s)
			c.mustDo("+OK\r\n", "SET", "k", "v")
			c.r = nil // the client's own buffer is not the server's
			clients = append(clients, c)
		}
	}
	open(100) // so that what is shared is there
	before := heap()
	open(n)
	each := (int64(heap()) - int64(before)) / n
	// Both ends live in this process: the limit of the server's end, 4 KiB, holds
	// for the two together.
	if each > 4<<10 {
		t.Errorf("an idle connection holds %d bytes", each)
	}
	t.Logf("an idle connection and its client hold %d bytes", each)
	runtime.KeepAlive(clients)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
