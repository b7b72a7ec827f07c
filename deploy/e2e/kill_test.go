package e2e

import (
	"testing"
	"time"
)

// outage is how long a client that tries again may have to wait for the server.
const outage = 15 * time.Second

// kill ends a component's pod at once, without a word to the program, and returns how long it took until another was ready.
func (c *cluster) kill(t *testing.T, component string) time.Duration {
	t.Helper()
	old := c.podOf(t, component)
	began := time.Now()
	c.kubectl(t, "delete", "pod", old.Metadata.Name, "--grace-period=0", "--force", "--wait=false")
	eventually(t, "another "+component, func() bool {
		for _, p := range c.pods(t) {
			if p.component() == component && p.Metadata.UID != old.Metadata.UID && p.ready() {
				return true
			}
		}
		return false
	})
	return time.Since(began)
}

// killUnderLoad kills a component in the middle of a load run and says what of the run is missing where.
func (c *cluster) killUnderLoad(t *testing.T, component, run string) (r report, lostTraces, lostOperations int64) {
	t.Helper()
	load := c.startLoad(t, run, "rate=50", "duration=30s", "retryFor="+outage.String(), "thresholds.maxMissed=0")
	c.mustLoadBegin(t, load)
	time.Sleep(10 * time.Second) // so that there is a before, and an after
	away := c.kill(t, component)
	r = load.mustPass(t) // whatever was killed: no operation fails
	if r.LatencyMS.Max > float64(outage.Milliseconds()) {
		t.Errorf("an operation took %.0f ms", r.LatencyMS.Max)
	}
	traces, operations := c.awaitCounts(t, run, r)
	lostTraces, lostOperations = max(0, r.Operations-int64(traces.Traces)), r.Operations-int64(operations)
	t.Logf("kill of the %s: another was ready after %v; of %d operations 0 failed, the slowest took %.0f ms; Jaeger lacks %d traces and one side of %d others; Prometheus lacks %d operations",
		component, away.Round(100*time.Millisecond), r.Operations, r.LatencyMS.Max, lostTraces, traces.Single, lostOperations)
	c.mustNotHaveRestarted(t)
	return r, lostTraces, lostOperations
}

// kills are of a stack that keeps everything in memory.
func (c *cluster) kills(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		r, traces, operations := c.killUnderLoad(t, "server", "kill-server")
		if traces != 0 || operations != 0 {
			t.Error("the load's own telemetry has nothing to do with the server")
		}
		if r.Retried == 0 {
			t.Error("nobody noticed")
		}
	})
	t.Run("collector", func(t *testing.T) {
		_, traces, operations := c.killUnderLoad(t, "collector", "kill-collector")
		if traces > 50*2 { // what was acknowledged and not delivered yet: less than two seconds' worth
			t.Errorf("%d traces are lost", traces)
		}
		if operations != 0 {
			t.Error("counters are pushed again and again, so none can be lost")
		}
	})
	t.Run("Jaeger", func(t *testing.T) {
		r, traces, operations := c.killUnderLoad(t, "jaeger", "kill-jaeger")
		if traces == 0 || traces >= r.Operations {
			t.Errorf("%d traces are lost: those before the kill are, those after it are not", traces)
		}
		if operations != 0 {
			t.Errorf("%d operations are lost", operations)
		}
	})
	t.Run("Prometheus", func(t *testing.T) {
		_, traces, operations := c.killUnderLoad(t, "prometheus", "kill-prometheus")
		if traces != 0 || operations != 0 {
			t.Error("counters are pushed again to an empty Prometheus, and traces do not go there")
		}
	})
}

// volumes are the values with which everything that can survive does.
var volumes = []string{
	"--set", "collector.persistence.enabled=true",
	"--set", "prometheus.persistence.enabled=true",
	"--set", "jaeger.persistence.enabled=true,jaeger.resources.requests.memory=384Mi,jaeger.resources.limits.memory=384Mi",
}

// killsWithVolumes are of a stack that keeps on volumes what it has acknowledged.
func (c *cluster) killsWithVolumes(t *testing.T) {
	c.helm(t, append([]string{"upgrade", release, stackChart, "--wait", "--timeout", patience.String()}, volumes...)...)
	c.mustBeReady(t)
	for _, component := range []string{"collector", "jaeger", "prometheus"} {
		t.Run(component, func(t *testing.T) {
			_, traces, operations := c.killUnderLoad(t, component, "keeps-"+component)
			if traces != 0 || operations != 0 {
				t.Errorf("%d traces and %d operations are lost", traces, operations)
			}
		})
	}
	c.logMemory(t, "with volumes, after three load runs")
}
