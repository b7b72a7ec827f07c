package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/inspect"
)

// TestCluster runs its steps in order. Each step starts with the state that the previous one
// leaves.
func TestCluster(t *testing.T) {
	c := mustCluster(t)
	c.createNamespace(t)
	steps := []struct {
		name string
		do   func(*cluster, *testing.T)
	}{
		{"the API server accepts the rendered charts", (*cluster).acceptsCharts},
		{"install with the restricted standard", (*cluster).install},
		{"helm test finds a trace", (*cluster).helmTest},
		{"load run passes and is found by name", (*cluster).loadPasses},
		{"load run misses a threshold", (*cluster).loadFails},
		{"load run is evicted", (*cluster).loadIsEvicted},
		{"network policies", (*cluster).networkPolicies},
		{"console of a pod", (*cluster).console},
		{"kill each pod", (*cluster).kills},
		{"kill each pod with volumes", (*cluster).killsWithVolumes},
		{"uninstall removes everything", (*cluster).uninstall},
		{"upgrade and rollback under load", (*cluster).upgrade},
		{"scraped metrics", (*cluster).scraped},
		{"password", (*cluster).password},
		{"two collectors", (*cluster).twoCollectors},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.do(c, t) }) {
			t.Fatal("the remaining steps depend on this one")
		}
	}
}

// acceptsCharts applies the charts with each values file of ci/ as a server-side dry run. It must
// cause no error or warning.
func (c *cluster) acceptsCharts(t *testing.T) {
	values, err := filepath.Glob(filepath.Join(c.root, "deploy/helm/*/ci/*-values.yaml"))
	if err != nil || len(values) == 0 {
		t.Fatal(err, len(values))
	}
	for _, file := range values {
		chart := filepath.Dir(filepath.Dir(file))
		args := []string{"template", "x", chart, "--namespace", namespace, "--values", file,
			"--set", "serviceAccount.create=false,serviceAccount.name=default"} // a dry run creates no service account for the test pod
		if strings.HasSuffix(file, "scraped-values.yaml") { // the cluster lacks the Prometheus Operator's CRDs
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
	_, stderr, err := c.try(t, "helm", "--kube-context", c.context, "--namespace", namespace, "install", release, stackChart, "--wait", "--timeout", waitTimeout.String())
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

// mustFit checks that each container's memory request equals its limit and that the limits sum to
// less than 1 GiB.
func (c *cluster) mustFit(t *testing.T) {
	t.Helper()
	sum := 0
	out := c.kubectl(t, "get", "pods", "--output", `jsonpath={range .items[*].spec.containers[*]}{.resources.requests.memory} {.resources.limits.memory}{"\n"}{end}`)
	for line := range strings.Lines(out) {
		var request, limit int
		if n, err := fmt.Sscanf(line, "%dMi %dMi", &request, &limit); n != 2 || request != limit {
			t.Errorf("memory request and limit of a container are %q, want equal values in Mi (%v)", line, err)
		}
		sum += limit
	}
	t.Logf("memory limits: %d MiB", sum)
	if sum == 0 || sum >= 1024 {
		t.Errorf("the memory limits sum to %d MiB, want less than 1024", sum)
	}
}

func (c *cluster) helmTest(t *testing.T) {
	out := c.helm(t, "test", release, "--logs")
	for _, want := range []string{"client GET (stack-check)\n    server GET (mini-redis)", "redis_commands_total"} {
		if !strings.Contains(out, want) {
			t.Errorf("helm test did not print %q:\n%s", want, out)
		}
	}
	t.Log(out)
}

func (c *cluster) loadPasses(t *testing.T) {
	const rate, seconds = 100, 30
	r := c.startLoad(t, "passes", fmt.Sprintf("rate=%d", rate), fmt.Sprintf("duration=%ds", seconds))
	c.mustLoadBegin(t, r)
	peak := c.samplePeakMemory(t)
	result := r.mustPass(t)
	t.Logf("peak memory under load:\n%s", peak())
	if result.Operations+result.Missed != rate*seconds {
		t.Errorf("operations and missed operations are not %d: %v", rate*seconds, result)
	}
	traces, operations := c.awaitCounts(t, r.name, result)
	if int64(traces.Traces) != result.Operations || traces.Single != 0 || int64(operations) != result.Operations {
		t.Errorf("%d operations, but Jaeger has %+v and Prometheus has %.0f", result.Operations, traces, operations)
	}
	c.mustBeFoundByName(t, r.name, result)
	c.mustResolveExemplars(t, r.name, result)
	c.mustNotHaveRestarted(t)
}

// loadFails sets a latency threshold that cannot be met. Both pods must finish and report, because
// a failed pod does not stop the other.
func (c *cluster) loadFails(t *testing.T) {
	r := c.startLoad(t, "fails", "pods=2", "duration=5s", "thresholds.maxP99=1us")
	code, reports := r.finish(t)
	if code != 2 || len(reports) != 2 {
		t.Fatalf("exit code %d and %d reports, want 2 and 2:\n%s", code, len(reports), r.output.String())
	}
	status := c.kubectl(t, "get", "job", "fails-client-load", "--output", `jsonpath={.status.failedIndexes} {.status.conditions[?(@.type=="Failed")].reason}`)
	if status != "0,1 FailedIndexes" {
		t.Errorf("status of the Job is %q, want both indexes failed", status)
	}
}

// uninstall uninstalls the release and waits until all its objects and volumes are gone.
func (c *cluster) uninstall(t *testing.T) {
	c.helm(t, "uninstall", release, "--wait", "--timeout", waitTimeout.String())
	eventually(t, "all objects of the release are gone", func() bool {
		return c.leftovers(t) == ""
	})
	eventually(t, "the volumes are gone", func() bool {
		return !strings.Contains(c.kubectl(t, "get", "persistentvolumes", "--output", `jsonpath={range .items[*]}{.spec.claimRef.namespace}{"\n"}{end}`), namespace)
	})
}

// leftovers lists the objects of the release that still exist.
func (c *cluster) leftovers(t *testing.T) string {
	t.Helper()
	return c.kubectl(t, "get", "all,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims,endpointslices",
		"--selector", "app.kubernetes.io/instance="+release, "--output", "name") +
		c.kubectl(t, "get", "secrets", "--selector", "owner=helm,name="+release, "--output", "name")
}

// scraped installs the stack with metrics that are scraped. The collector must accept span metrics
// although it has no metrics backend.
func (c *cluster) scraped(t *testing.T) {
	c.helm(t, "install", release, stackChart, "--wait", "--timeout", waitTimeout.String(),
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
