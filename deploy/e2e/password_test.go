package e2e

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"mini-redis/internal/inspect"
)

// password installs the stack with a password from a Secret. The release has two collectors, for
// the next step.
func (c *cluster) password(t *testing.T) {
	secret := rand.Text()
	c.kubectl(t, "create", "secret", "generic", "redis-password", "--from-literal=password="+secret)
	output := c.helm(t, "install", release, stackChart, "--wait", "--timeout", waitTimeout.String(),
		"--set", "server.auth.existingSecret=redis-password,collector.replicas=2")

	if _, answer := c.probe(t, "probe-without-password", map[string]string{"mini-redis-client": "true"}, "mini-redis", "6379"); !strings.Contains(answer, "NOAUTH") {
		t.Errorf("reply without the password: %q, want NOAUTH", answer)
	}
	without := c.startLoad(t, "without", "duration=5s", "wait=5s")
	code, _ := without.finish(t)
	if code != 1 || !strings.Contains(without.output.String(), "NOAUTH") {
		t.Errorf("load run without the password: exit code %d, want 1 and NOAUTH\n%s", code, without.output.String())
	}

	output += c.helm(t, "test", release, "--logs")
	if !strings.Contains(output, "server GET (mini-redis)") {
		t.Errorf("helm test did not find the server's span:\n%s", output)
	}
	with := c.startLoad(t, "with", "existingSecret=redis-password", "duration=5s")
	with.mustPass(t)
	output += with.output.String() + without.output.String()
	c.mustNotLeak(t, secret, output)
}

// mustNotLeak checks that the secret is in no output, object, log, metric or trace that is readable
// without access to Secrets.
func (c *cluster) mustNotLeak(t *testing.T, secret, output string) {
	t.Helper()
	url, _ := c.forward(t, "pod/mini-redis-0", "9121")
	places := map[string]string{
		"the output of the commands": output,
		"the release":                c.helm(t, "get", "all", release),
		"the objects":                c.kubectl(t, "get", "pods,jobs,statefulsets,deployments,configmaps,events", "--output", "yaml"),
		"the pods' descriptions":     c.kubectl(t, "describe", "pods"),
		"the server's metrics":       mustGet(t, url+"/metrics"),
		"the traces":                 mustGet(t, c.jaeger(t).Base+"/api/traces?service=mini-redis&limit=1000&lookback=1h"),
	}
	for name := range strings.FieldsSeq(c.kubectl(t, "get", "pods", "--output", "name")) {
		places["the log of "+name] = c.kubectl(t, "logs", name)
	}
	for place, text := range places {
		if len(text) == 0 && !strings.HasPrefix(place, "the log") {
			t.Errorf("%s is empty", place)
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s contains the password", place)
		}
	}
	t.Logf("none of %d places contains the password", len(places))
}

func mustGet(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(url, response.Status, err)
	}
	return string(body)
}

// twoCollectors makes a load run that two collectors share. All traces must be complete and all
// sums must be exact.
func (c *cluster) twoCollectors(t *testing.T) {
	r := c.startLoad(t, "spread", "existingSecret=redis-password", "pods=4", "rate=25", "duration=15s") // the CPU requests of more pods exceed a node with two CPUs
	code, reports := r.finish(t)
	if code != 0 || len(reports) != 4 {
		t.Fatalf("exit code %d and %d reports, want 0 and 4:\n%s", code, len(reports), r.output.String())
	}
	all := reports[0]
	for _, other := range reports[1:] {
		all.Operations += other.Operations
		all.Seconds = max(all.Seconds, other.Seconds+other.Started.Sub(all.Started).Abs().Seconds())
		if other.Started.Before(all.Started) {
			all.Started = other.Started
		}
	}
	traces, operations := c.awaitCounts(t, r.name, all)
	if int64(traces.Traces) != all.Operations || traces.Single != 0 || int64(operations) != all.Operations {
		t.Errorf("%d operations, but Jaeger has %+v and Prometheus has %.0f", all.Operations, traces, operations)
	}
	prometheus := c.prometheus(t)
	query := fmt.Sprintf(`sum(traces_span_metrics_calls{load_run_id=%q, span_kind="SPAN_KIND_CLIENT"})`, r.name)
	var calls float64
	defer func() { t.Logf("%s is %.0f of %d", query, calls, all.Operations) }()
	eventually(t, "the span metrics sum to the operations", func() bool {
		calls, _, _ = prometheus.Scalar(t.Context(), query)
		return int64(calls) == all.Operations
	})
	for _, p := range c.pods(t) {
		if p.component() != "collector" {
			continue
		}
		url, stop := c.forward(t, "pod/"+p.Metadata.Name, "8888")
		totals, err := (inspect.Client{}).Totals(t.Context(), url+"/metrics")
		stop()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s has accepted %.0f spans", p.Metadata.Name, totals["otelcol_receiver_accepted_spans"]+totals["otelcol_receiver_accepted_spans_total"])
	}
	c.mustNotHaveRestarted(t)
	c.uninstall(t)
	c.kubectl(t, "delete", "secret", "redis-password")
}
