package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/inspect"
)

// TestCluster is one story: what one part leaves behind is where the next begins.
func TestCluster(t *testing.T) {
	c := mustCluster(t)
	c.makeNamespace(t)
	steps := []struct {
		name string
		do   func(*cluster, *testing.T)
	}{
		{"renders are admitted by the API server", (*cluster).admits},
		{"install under the restricted standard", (*cluster).install},
		{"helm test follows a call", (*cluster).helmTest},
		{"a load run passes and is found by its name", (*cluster).loadPasses},
		{"a load run misses its threshold", (*cluster).loadFails},
		{"a load run is drained away", (*cluster).loadIsEvicted},
		{"network policies", (*cluster).networkPolicies},
		{"the console of a pod", (*cluster).console},
		{"a kill of each pod", (*cluster).kills},
		{"a kill of each pod with volumes", (*cluster).killsWithVolumes},
		{"uninstall leaves nothing", (*cluster).uninstall},
		{"upgrade and rollback under load", (*cluster).upgrade},
		{"metrics that are scraped", (*cluster).scraped},
		{"a password", (*cluster).password},
		{"two collectors", (*cluster).twoCollectors},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.do(c, t) }) {
			t.Fatal("the rest would tell nothing")
		}
	}
}

// admits has the API server judge every render that the golden files hold, without keeping anything.
func (c *cluster) admits(t *testing.T) {
	values, err := filepath.Glob(filepath.Join(c.root, "deploy/helm/*/ci/*-values.yaml"))
	if err != nil || len(values) == 0 {
		t.Fatal(err, len(values))
	}
	for _, file := range values {
		chart := filepath.Dir(filepath.Dir(file))
		args := []string{"template", "x", chart, "--namespace", namespace, "--values", file,
			"--set", "serviceAccount.create=false,serviceAccount.name=default"} // a dry run leaves none for the test pod to find
		if strings.HasSuffix(file, "scraped-values.yaml") { // the Prometheus Operator's kinds are not here
			args = append(args, "--set", "monitoring.podMonitor.enabled=false")
		}
		manifest := filepath.Join(t.TempDir(), "manifest.yaml")
		c.must(t, "sh", append([]string{"-c", `out=$1; shift; helm "$@" >"$out"`, "sh", manifest}, args...)...)
		_, stderr, err := c.try(t, "kubectl", c.kubectlArgs([]string{"apply", "--dry-run=server", "--filename", manifest})...)
		if err != nil || strings.Contains(stderr, "Warning") {
			t.Errorf("%s: %v\n%s", file, err, stderr)
		}
	}
}

func (c *cluster) install(t *testing.T) {
	began := time.Now()
	_, stderr, err := c.try(t, "helm", "--kube-context", c.context, "--namespace", namespace, "install", release, stackChart, "--wait", "--timeout", patience.String())
	if err != nil || strings.Contains(stderr, "Warning") {
		t.Fatalf("%v\n%s", err, stderr)
	}
	t.Logf("ready after %v", time.Since(began).Round(100*time.Millisecond))
	for _, p := range c.pods(t) {
		if !p.ready() {
			t.Errorf("%s is not ready", p.Metadata.Name)
		}
	}
	c.mustNotHaveRestarted(t)
	c.mustFit(t)
	c.logMemory(t, "idle")
}

// mustFit checks that the memory that is promised to the containers is what they may take, and less than 1 GiB in all.
func (c *cluster) mustFit(t *testing.T) {
	t.Helper()
	sum := 0
	out := c.kubectl(t, "get", "pods", "--output", `jsonpath={range .items[*].spec.containers[*]}{.resources.requests.memory} {.resources.limits.memory}{"\n"}{end}`)
	for line := range strings.Lines(out) {
		var request, limit int
		if n, err := fmt.Sscanf(line, "%dMi %dMi", &request, &limit); n != 2 || request != limit {
			t.Errorf("a container requests and may take %q (%v)", line, err)
		}
		sum += limit
	}
	t.Logf("memory limits: %d MiB", sum)
	if sum == 0 || sum >= 1024 {
		t.Error("the stack is to stay under 1 GiB")
	}
}

func (c *cluster) helmTest(t *testing.T) {
	out := c.helm(t, "test", release, "--logs")
	for _, want := range []string{"client GET (stack-check)\n    server GET (mini-redis)", "redis_commands_total"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	t.Log(out)
}

func (c *cluster) loadPasses(t *testing.T) {
	const rate, seconds = 100, 30
	r := c.startLoad(t, "passes", fmt.Sprintf("rate=%d", rate), fmt.Sprintf("duration=%ds", seconds))
	c.mustLoadBegin(t, r)
	peak := c.watchMemory(t)
	result := r.mustPass(t)
	t.Logf("memory, the highest under load:\n%s", peak())
	if result.Operations+result.Missed != rate*seconds {
		t.Errorf("%v", result)
	}
	traces, operations := c.awaitCounts(t, r.name, result)
	if int64(traces.Traces) != result.Operations || traces.Single != 0 || int64(operations) != result.Operations {
		t.Errorf("Jaeger has %+v, Prometheus %.0f", traces, operations)
	}
	c.mustBeFoundByName(t, r.name, result)
	c.mustResolveExemplars(t, r.name, result)
	c.mustNotHaveRestarted(t)
}

// loadFails asks for a latency that cannot be had. Both pods must come to their verdict: one's miss does not end the other.
func (c *cluster) loadFails(t *testing.T) {
	r := c.startLoad(t, "fails", "pods=2", "duration=5s", "thresholds.maxP99=1us")
	code, reports := r.finish(t)
	if code != 2 || len(reports) != 2 {
		t.Fatalf("exit code %d, %d reports:\n%s", code, len(reports), r.output.String())
	}
	status := c.kubectl(t, "get", "job", "fails-client-load", "--output", `jsonpath={.status.failedIndexes} {.status.conditions[?(@.type=="Failed")].reason}`)
	if status != "0,1 FailedIndexes" {
		t.Errorf("the Job says %q", status)
	}
}

// uninstall takes the release away, and looks for what it left.
func (c *cluster) uninstall(t *testing.T) {
	c.helm(t, "uninstall", release, "--wait", "--timeout", patience.String())
	eventually(t, "everything of the release is gone", func() bool {
		return c.leftovers(t) == ""
	})
	eventually(t, "the volumes are gone", func() bool {
		return !strings.Contains(c.kubectl(t, "get", "persistentvolumes", "--output", `jsonpath={range .items[*]}{.spec.claimRef.namespace}{"\n"}{end}`), namespace)
	})
}

func (c *cluster) leftovers(t *testing.T) string {
	t.Helper()
	return c.kubectl(t, "get", "all,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims,endpointslices",
		"--selector", "app.kubernetes.io/instance="+release, "--output", "name") +
		c.kubectl(t, "get", "secrets", "--selector", "owner=helm,name="+release, "--output", "name")
}

// scraped installs the stack without anything that is pushed to: the collector must take span metrics that nobody wants.
func (c *cluster) scraped(t *testing.T) {
	c.helm(t, "install", release, stackChart, "--wait", "--timeout", patience.String(),
		"--set", "telemetry.metrics=scrape,prometheus.enabled=false")
	out := c.helm(t, "test", release, "--logs")
	if !strings.Contains(out, "server GET (mini-redis)") || strings.Contains(out, "prometheus") {
		t.Error(out)
	}
	url, stop := c.forward(t, "pod/mini-redis-0", "9121")
	defer stop()
	totals, err := (inspect.Client{}).Totals(t.Context(), url+"/metrics")
	if err != nil || totals["redis_commands_total"] == 0 {
		t.Errorf("%v, %v", err, totals["redis_commands_total"])
	}
	c.mustNotHaveRestarted(t)
	c.uninstall(t)
}
