package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/inspect"
)

// report has the fields of a load run's report that the tests use.
type report struct {
	Started    time.Time `json:"started"`
	Seconds    float64   `json:"seconds"`
	Operations int64     `json:"operations"`
	Errors     int64     `json:"errors"`
	Missed     int64     `json:"missed"`
	Retried    int64     `json:"retried"`
	LatencyMS  struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"`
}

func (r report) String() string {
	return fmt.Sprintf("%d operations, %d errors, %d missed, %d retried, p50 %.2f ms, p99 %.2f ms, max %.0f ms",
		r.Operations, r.Errors, r.Missed, r.Retried, r.LatencyMS.P50, r.LatencyMS.P99, r.LatencyMS.Max)
}

// run is a load run in progress.
type run struct {
	name   string
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// startLoad starts a load run with the script of `task load`.
func (c *cluster) startLoad(t *testing.T, name string, settings ...string) *run {
	t.Helper()
	r := &run{name: name, ended: make(chan error, 1)}
	args := []string{name}
	for _, s := range settings {
		args = append(args, "--set", s)
	}
	r.cmd = c.command(context.WithoutCancel(t.Context()), "deploy/helm/load.sh", args...)
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() {
		_, _, _ = c.try(t, "helm", "--kube-context", c.context, "--namespace", namespace, "uninstall", name, "--ignore-not-found")
	})
	return r
}

// mustLoadBegin waits until the run's pods have sent operations.
func (c *cluster) mustLoadBegin(t *testing.T, r *run) {
	t.Helper()
	eventually(t, "run "+r.name+" begins", func() bool {
		out, _, _ := c.try(t, "kubectl", c.kubectlArgs([]string{"logs", "--selector", "app.kubernetes.io/instance=" + r.name, "--tail=-1"})...)
		return strings.Contains(out, "operations/s")
	})
}

// finish waits until the run ends, and returns its exit code and the reports of its pods.
func (r *run) finish(t *testing.T) (code int, reports []report) {
	t.Helper()
	select {
	case err := <-r.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(2 * waitTimeout):
		t.Fatalf("run %s did not end within %v", r.name, 2*waitTimeout)
	}
	// Lines of several pods may alternate, but a report is a single line.
	for line := range strings.Lines(r.output.String()) {
		if begin := strings.Index(line, `{"run_id":`); begin >= 0 {
			var parsed report
			if err := json.Unmarshal([]byte(line[begin:]), &parsed); err != nil {
				t.Fatalf("run %s: %v in %s", r.name, err, line)
			}
			reports = append(reports, parsed)
		}
	}
	return r.cmd.ProcessState.ExitCode(), reports
}

// mustPass waits for a run of one pod and fails the test unless the run passed.
func (r *run) mustPass(t *testing.T) report {
	t.Helper()
	code, reports := r.finish(t)
	if code != 0 || len(reports) != 1 {
		t.Fatalf("run %s: exit code %d and %d reports, want 0 and 1:\n%s", r.name, code, len(reports), r.output.String())
	}
	t.Logf("run %s: %v", r.name, reports[0])
	return reports[0]
}

// loadIsEvicted evicts the pod of a run, as a node drain does. The run must start again and pass
// with all its operations.
func (c *cluster) loadIsEvicted(t *testing.T) {
	r := c.startLoad(t, "evicted", "duration=12s", "progress=1s")
	c.mustLoadBegin(t, r)
	pod := c.kubectl(t, "get", "pods", "--selector", "app.kubernetes.io/instance="+r.name, "--output", "jsonpath={.items[0].metadata.name}")
	eviction := fmt.Sprintf(`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": %q, "namespace": %q}}`, pod, namespace)
	c.must(t, "sh", "-c", `printf %s "$1" | kubectl --context "$KUBE_CONTEXT" create --raw "$2" --filename -`, "sh",
		eviction, "/api/v1/namespaces/"+namespace+"/pods/"+pod+"/eviction")
	code, reports := r.finish(t)
	if code != 0 || len(reports) == 0 || reports[len(reports)-1].Operations != 12*50 {
		t.Errorf("exit code %d, %d reports, the last of which is not of a complete run:\n%s", code, len(reports), r.output.String())
	}
}

// countTraces counts the run's traces in Jaeger.
func countTraces(t *testing.T, jaeger inspect.Jaeger, r report) inspect.Count {
	t.Helper()
	count, err := jaeger.Count(t.Context(), "client-load", r.Started.Add(-time.Second), r.Started.Add(time.Duration(r.Seconds*float64(time.Second))+time.Second), 20000)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// countOperations returns the number of the run's operations in Prometheus.
func countOperations(t *testing.T, prometheus inspect.Prometheus, name string) float64 {
	t.Helper()
	value, _, err := prometheus.Scalar(t.Context(), fmt.Sprintf(`sum(client_load_operations_total{load_run_id=%q})`, name))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// awaitCounts waits until Jaeger has a complete trace of every operation of the run and Prometheus
// has counted every operation, or until neither count has changed in eight polls, one per second.
// It returns the last counts.
func (c *cluster) awaitCounts(t *testing.T, name string, r report) (traces inspect.Count, operations float64) {
	t.Helper()
	jaeger, prometheus := c.jaeger(t), c.prometheus(t)
	unchanged := 0
	for unchanged < 8 {
		nowTraces, nowOperations := countTraces(t, jaeger, r), countOperations(t, prometheus, name)
		unchanged++
		if nowTraces != traces || nowOperations != operations {
			unchanged = 0
		}
		traces, operations = nowTraces, nowOperations
		if int64(traces.Traces) >= r.Operations && traces.Single == 0 && int64(operations) == r.Operations {
			break
		}
		time.Sleep(time.Second)
	}
	return traces, operations
}
