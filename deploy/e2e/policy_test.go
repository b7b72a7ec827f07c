package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// probe sends a PING from a new pod with these labels to an address in the namespace. It returns
// the output of the client, and open if the client could connect, whichever protocol the other side
// speaks.
func (c *cluster) probe(t *testing.T, name string, labels map[string]string, host, port string) (open bool, answer string) {
	t.Helper()
	image := "mini-redis-cli:" + strings.TrimSpace(c.must(t, "sed", "-n", "s/^appVersion: *//p", stackChart+"/Chart.yaml"))
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "labels": labels},
		"spec": map[string]any{
			"restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
			"securityContext": map[string]any{"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
			"containers": []any{map[string]any{
				"name": "cli", "image": image, "args": []string{"-h", host, "-p", port, "ping"},
				"securityContext": map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []string{"ALL"}}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "sh", "-c", `printf %s "$1" | kubectl --context "$KUBE_CONTEXT" --namespace "$NAMESPACE" apply --filename -`, "sh", string(manifest))
	defer c.kubectl(t, "delete", "pod", name, "--grace-period=0", "--force", "--wait")
	eventually(t, "pod "+name+" ends", func() bool {
		phase := c.kubectl(t, "get", "pod", name, "--output", "jsonpath={.status.phase}")
		return phase == "Succeeded" || phase == "Failed"
	})
	answer = strings.TrimSpace(c.kubectl(t, "logs", name))
	return !strings.Contains(answer, "cannot connect"), answer
}

func (c *cluster) networkPolicies(t *testing.T) {
	f := func(from string, labels map[string]string, host, port string, want bool) {
		t.Helper()
		name := fmt.Sprintf("probe-%s-%s-%s", from, host, port)
		open, answer := c.probe(t, name, labels, host, port)
		for range 2 { // the node may not know the address of the new pod yet
			if want && !open {
				open, answer = c.probe(t, name, labels, host, port)
			}
		}
		t.Logf("%-9s to %s:%s: %s", from, host, port, answer)
		if open != want {
			t.Errorf("%s to %s:%s: open = %v, want %v: %s", from, host, port, open, want, answer)
		}
	}
	unlabeled := map[string]string{"app": "unlabeled"}
	client := map[string]string{"mini-redis-client": "true"}
	load := map[string]string{"app.kubernetes.io/part-of": "mini-redis", "app.kubernetes.io/component": "load"}

	f("client", client, "mini-redis", "6379", true)
	f("load", load, "mini-redis", "6379", true)
	f("unlabeled", unlabeled, "mini-redis", "6379", false)
	f("client", client, "mini-redis-headless", "9121", false) // clients must not read the metrics
	f("unlabeled", unlabeled, "mini-redis-collector", "4317", false)
	f("unlabeled", unlabeled, "mini-redis-jaeger", "16686", false)
	f("client", client, "mini-redis-jaeger", "4317", false) // only the collector may send spans to Jaeger
	f("unlabeled", unlabeled, "mini-redis-prometheus", "9090", false)
}
