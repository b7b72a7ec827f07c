package main

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"mini-redis/internal/servertest"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/observe"
	"mini-redis/services/mini-redis/internal/ordertest"
	"mini-redis/services/mini-redis/internal/server"
)

var (
	stressDuration = flag.Duration("stress.duration", 0, "duration of the stress test; 0 means $MINI_REDIS_STRESS, or 2s")
	stressSeed     = flag.Uint64("stress.seed", 0, "seed of the stress test; 0 means a random one")
	stressAddr     = flag.String("stress.addr", "", "host:port of a running server for the stress test, whose data is deleted; empty means servers in this process")
)

// spanCounter is a sink that counts spans.
type spanCounter struct{ atomic.Int64 }

func (c *spanCounter) Emit(records []telemetry.Record) int {
	c.Add(int64(len(records)))
	return len(records)
}
func (c *spanCounter) Enabled() bool           { return true }
func (c *spanCounter) Watched() bool           { return false }
func (c *spanCounter) Show([]telemetry.Record) {}

// stressTime returns how long the stress test lasts.
func stressTime(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(cmp.Or(os.Getenv("MINI_REDIS_STRESS"), "2s"))
	if err != nil {
		t.Fatalf("MINI_REDIS_STRESS: %v", err)
	}
	return cmp.Or(*stressDuration, d)
}

// stress loads a server for d and fails if what the clients received differs from the
// model of the order.
func stress(t *testing.T, addr string, d time.Duration) {
	t.Helper()
	seed := *stressSeed
	if seed == 0 {
		seed = rand.Uint64N(1e9)
	}
	t.Logf("seed %d: repeat with -stress.seed %d", seed, seed)
	report, err := ordertest.Run(t.Context(), ordertest.Config{Addr: addr, Duration: d, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	for _, v := range report.Violations {
		t.Error(v)
	}
	for what, n := range map[string]int64{
		"messages": report.Received, "reads of the stamp": report.Reads, "pipelined requests": report.Pipelined,
		"pops": report.Popped, "waits": report.Waits, "pauses": report.Pauses, "kills": report.Kills,
	} {
		if n == 0 && len(report.Violations) == 0 {
			t.Errorf("the load contained no %s", what)
		}
	}
}

// TestStress runs the stress program against servers with one, two and four event loops
// and with the goroutine transport, all of them with tracing; or against the server at
// -stress.addr.
func TestStress(t *testing.T) {
	if *stressAddr != "" {
		stress(t, *stressAddr, stressTime(t))
		return
	}
	targets := []struct {
		name   string
		change func(*server.Config)
	}{
		{"one loop", func(c *server.Config) { c.Loops = 1 }},
		{"two loops", func(c *server.Config) { c.Loops = 2 }},
		{"four loops", func(c *server.Config) { c.Loops = 4 }},
		{"goroutines", func(c *server.Config) { c.Goroutines = true }},
	}
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			var spans spanCounter
			_, _, s := traced(t, 0, func(c *server.Config) {
				target.change(c)
				c.Observer = observe.New(observe.Options{
					Clock: c.Engine.Clock, Sink: &spans, Propagator: propagation.TraceContext{}, Roots: 1000,
				})
			})
			stress(t, s.Addr().String(), stressTime(t)/time.Duration(len(targets)))
			if spans.Load() == 0 {
				t.Error("no span was recorded")
			}
		})
	}
}

// TestStressModel runs the stress program against redis-server: the model is right.
func TestStressModel(t *testing.T) {
	stress(t, servertest.Redis(t), stressTime(t)/2)
}
