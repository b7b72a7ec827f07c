package e2e

import (
	"testing"
	"time"
)

// outage is the maximum time that a client with retries may wait for the server.
const outage = 15 * time.Second

// kill deletes a component's pod by force, so that the program gets no SIGTERM, and returns the
// time until another pod is ready.
func (c *cluster) kill(t *testing.T, component string) time.Duration {
	t.Helper()
	old := c.podOf(t, component)
	began := time.Now()
	c.kubectl(t, "delete", "pod", old.Metadata.Name, "--grace-period=0", "--force", "--wait=false")
	eventually(t, "another pod of the "+component+" is ready", func() bool {
		for _, p := range c.pods(t) {
			if p.component() == component && p.Metadata.UID != old.Metadata.UID && p.ready() {
				return true
			}
		}
		return false
	})
	return time.Since(began)
}

// killUnderLoad kills a component 10 s into a load run of 30 s. It returns how many of the run's
// traces are missing in Jaeger and how many of its operations are missing in Prometheus.
func (c *cluster) killUnderLoad(t *testing.T, component, run string) (r report, lostTraces, lostOperations int64) {
	t.Helper()
	load := c.startLoad(t, run, "rate=50", "duration=30s", "retryFor="+outage.String(), "thresholds.maxMissed=0")
	c.mustLoadBegin(t, load)
	time.Sleep(10 * time.Second) // so that there is data from before and after the kill
	away := c.kill(t, component)
	r = load.mustPass(t) // no operation may fail, whichever component is killed
	if r.LatencyMS.Max > float64(outage.Milliseconds()) {
		t.Errorf("the slowest operation took %.0f ms, want at most %v", r.LatencyMS.Max, outage)
	}
	traces, operations := c.awaitCounts(t, run, r)
	lostTraces, lostOperations = max(0, r.Operations-int64(traces.Traces)), r.Operations-int64(operations)
	t.Logf("kill of the %s: another was ready after %v; of %d operations 0 failed, the slowest took %.0f ms; Jaeger lacks %d traces and one side of %d others; Prometheus lacks %d operations",
		component, away.Round(100*time.Millisecond), r.Operations, r.LatencyMS.Max, lostTraces, traces.Single, lostOperations)
	c.mustNotHaveRestarted(t)
	return r, lostTraces, lostOperations
}

// kills kills each component of a stack without volumes.
func (c *cluster) kills(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		r, traces, operations := c.killUnderLoad(t, "server", "kill-server")
		if traces != 0 || operations != 0 {
			t.Errorf("%d traces and %d operations are lost; the load exports its telemetry without the server", traces, operations)
		}
		if r.Retried == 0 {
			t.Error("no operation was retried: the kill had no effect")
		}
	})
	t.Run("collector", func(t *testing.T) {
		_, traces, operations := c.killUnderLoad(t, "collector", "kill-collector")
		if traces > 50*2 { // acknowledged and not delivered yet: less than 2 s of the load
			t.Errorf("%d traces are lost, want at most 100", traces)
		}
		if operations != 0 {
			t.Errorf("%d operations are lost; counters are cumulative, so no push can lose any", operations)
		}
	})
	t.Run("Jaeger", func(t *testing.T) {
		r, traces, operations := c.killUnderLoad(t, "jaeger", "kill-jaeger")
		if traces == 0 || traces >= r.Operations {
			t.Errorf("%d traces are lost, want those from before the kill only", traces)
		}
		if operations != 0 {
			t.Errorf("%d operations are lost, want 0", operations)
		}
	})
	t.Run("Prometheus", func(t *testing.T) {
		_, traces, operations := c.killUnderLoad(t, "prometheus", "kill-prometheus")
		if traces != 0 || operations != 0 {
			t.Errorf("%d traces and %d operations are lost; counters are cumulative and traces do not go to Prometheus", traces, operations)
		}
	})
}

// volumes are the values that enable persistence for all components that support it.
var volumes = []string{
	"--set", "collector.persistence.enabled=true",
	"--set", "prometheus.persistence.enabled=true",
	"--set", "jaeger.persistence.enabled=true,jaeger.resources.requests.memory=384Mi,jaeger.resources.limits.memory=384Mi",
}

// killsWithVolumes kills each component of a stack that stores acknowledged data on volumes.
// Nothing may be lost.
func (c *cluster) killsWithVolumes(t *testing.T) {
	c.helm(t, append([]string{"upgrade", release, stackChart, "--wait", "--timeout", waitTimeout.String()}, volumes...)...)
	c.mustBeReady(t)
	for _, component := range []string{"collector", "jaeger", "prometheus"} {
		t.Run(component, func(t *testing.T) {
			_, traces, operations := c.killUnderLoad(t, component, "volume-"+component)
			if traces != 0 || operations != 0 {
				t.Errorf("%d traces and %d operations are lost, want 0", traces, operations)
			}
		})
	}
	c.logMemory(t, "with volumes, after three load runs")
}
