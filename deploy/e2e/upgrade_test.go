package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// previousChart extracts the chart from before the last commit that changed it, and returns its
// directory.
func (c *cluster) previousChart(t *testing.T) string {
	t.Helper()
	commits := strings.Fields(c.must(t, "git", "log", "-2", "--format=%H", "--", stackChart))
	if len(commits) < 2 {
		t.Skip("the chart has no earlier version in this clone")
	}
	dir := t.TempDir()
	c.must(t, "sh", "-c", `git archive "$1" "$2" | tar -x -C "$3"`, "sh", commits[1], stackChart, dir)
	if _, err := os.Stat(filepath.Join(dir, stackChart, "Chart.yaml")); err != nil {
		t.Fatal(err)
	}
	t.Logf("the previous chart is from commit %.12s", commits[1])
	return filepath.Join(dir, stackChart)
}

// upgrade upgrades from the previous commit's chart to the current one and rolls back, each under a
// load of which every operation must succeed. The pod annotation replaces the server's pod even if
// the charts are equal.
func (c *cluster) upgrade(t *testing.T) {
	previous := c.previousChart(t)
	c.helm(t, "install", release, previous, "--wait", "--timeout", waitTimeout.String(), "--set", "server.podAnnotations.turn=old")

	f := func(name string, change func()) {
		t.Helper()
		load := c.startLoad(t, name, "rate=50", "duration=40s", "retryFor="+outage.String(), "thresholds.maxMissed=0")
		c.mustLoadBegin(t, load)
		before := c.podOf(t, "server").Metadata.UID
		change()
		if c.podOf(t, "server").Metadata.UID == before {
			t.Errorf("%s did not replace the server", name)
		}
		r := load.mustPass(t)
		t.Logf("%s: the server was unavailable for up to %.1f s, every operation succeeded", name, r.LatencyMS.Max/1000)
		if r.LatencyMS.Max > float64(outage.Milliseconds()) || r.Retried == 0 {
			t.Errorf("%s: want retries and a maximum latency below %v, got %v", name, outage, r)
		}
	}
	f("upgrade", func() {
		out := c.helm(t, "upgrade", release, stackChart, "--wait", "--timeout", waitTimeout.String(), "--set", "server.podAnnotations.turn=new")
		if !strings.Contains(out, "is empty") {
			t.Errorf("the notes do not mention the empty database:\n%s", out)
		}
	})
	f("rollback", func() { c.helm(t, "rollback", release, "1", "--wait", "--timeout", waitTimeout.String()) })

	c.helm(t, "test", release, "--logs")
	c.mustNotHaveRestarted(t)
	c.uninstall(t)
}
