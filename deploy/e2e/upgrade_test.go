package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// previousChart writes the chart as it was before the last commit that changed it, and returns where.
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
	t.Logf("the previous chart is of %.12s", commits[1])
	return filepath.Join(dir, stackChart)
}

// upgrade goes from the previous commit's chart to this one and back, under loads of which every operation must succeed. Every
// pod is replaced both times: the annotation sees to it where the charts do not differ.
func (c *cluster) upgrade(t *testing.T) {
	previous := c.previousChart(t)
	c.helm(t, "install", release, previous, "--wait", "--timeout", patience.String(), "--set", "server.podAnnotations.turn=old")

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
		t.Logf("%s: the server was away for up to %.1f s, and every operation succeeded", name, r.LatencyMS.Max/1000)
		if r.LatencyMS.Max > float64(outage.Milliseconds()) || r.Retried == 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
	f("upgrade", func() {
		out := c.helm(t, "upgrade", release, stackChart, "--wait", "--timeout", patience.String(), "--set", "server.podAnnotations.turn=new")
		if !strings.Contains(out, "began empty") {
			t.Errorf("the notes do not tell of the outage:\n%s", out)
		}
	})
	f("rollback", func() { c.helm(t, "rollback", release, "1", "--wait", "--timeout", patience.String()) })

	c.helm(t, "test", release, "--logs")
	c.mustNotHaveRestarted(t)
	c.uninstall(t)
}
