package e2e

import (
	"fmt"
	"testing"
	"time"

	"mini-redis/internal/inspect"
)

// mustBeFoundByName checks that Jaeger and Prometheus find the run by its name, and the server's
// traces by its pod.
func (c *cluster) mustBeFoundByName(t *testing.T, name string, r report) {
	t.Helper()
	jaeger, prometheus := c.jaeger(t), c.prometheus(t)
	found, err := jaeger.Find(t.Context(), inspect.Search{
		Service: "client-load", Tags: map[string]string{"load.run.id": name, "k8s.namespace.name": namespace},
		From: r.Started, To: time.Now(), Limit: 20,
	})
	if err != nil || len(found) != 20 {
		t.Errorf("Jaeger found %d traces of the run by its name, want 20 (%v)", len(found), err)
	}
	found, err = jaeger.Find(t.Context(), inspect.Search{
		Service: "mini-redis", Tags: map[string]string{"k8s.pod.name": "mini-redis-0", "service.instance.id": c.podOf(t, "server").Metadata.UID},
		From: r.Started, To: time.Now(), Limit: 20,
	})
	if err != nil || len(found) != 20 {
		t.Errorf("Jaeger found %d traces of the server by its pod, want 20 (%v)", len(found), err)
	}
	samples, err := prometheus.Query(t.Context(), fmt.Sprintf(`client_load_operations_total{load_run_id=%q, k8s_namespace_name=%q, k8s_node_name!="", k8s_pod_name=~"%s-.*"}`, name, namespace, name))
	if err != nil || len(samples) == 0 {
		t.Errorf("Prometheus found no samples of the run by its name: %v (%v)", samples, err)
	}
}

// mustResolveExemplars checks that all exemplars of the run's latencies refer to complete traces in
// Jaeger.
func (c *cluster) mustResolveExemplars(t *testing.T, name string, r report) {
	t.Helper()
	jaeger, prometheus := c.jaeger(t), c.prometheus(t)
	for _, metric := range []string{
		fmt.Sprintf(`client_load_operation_duration_seconds_bucket{load_run_id=%q}`, name),
		fmt.Sprintf(`mini_redis_command_duration_seconds_bucket{k8s_namespace_name=%q}`, namespace),
	} {
		exemplars, err := prometheus.Exemplars(t.Context(), metric, r.Started, time.Now())
		if err != nil || len(exemplars) == 0 {
			t.Errorf("%s has %d exemplars, want at least one (%v)", metric, len(exemplars), err)
			continue
		}
		resolved := 0
		for _, e := range exemplars {
			roots, err := jaeger.Trace(t.Context(), e.TraceID)
			if err != nil {
				t.Fatal(err)
			}
			if len(roots) == 1 {
				resolved++
			}
		}
		t.Logf("%d of %d exemplars of %s resolve to a complete trace", resolved, len(exemplars), metric)
		if resolved < len(exemplars) {
			t.Errorf("not all exemplars of %s resolve", metric)
		}
	}
}
