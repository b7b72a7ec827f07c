package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// knock sends a PING from a pod of its own to an address of the namespace, and says what came of it. Whatever speaks at the
// other end, an answer means that the way is open.
func (c *cluster) knock(t *testing.T, name string, labels map[string]string, host, port string) (open bool, said string) {
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
	eventually(t, name+" ends", func() bool {
		phase := c.kubectl(t, "get", "pod", name, "--output", "jsonpath={.status.phase}")
		return phase == "Succeeded" || phase == "Failed"
	})
	said = strings.TrimSpace(c.kubectl(t, "logs", name))
	return !strings.Contains(said, "cannot connect"), said
}

func (c *cluster) networkPolicies(t *testing.T) {
	f := func(who string, labels map[string]string, host, port string, want bool) {
		t.Helper()
		name := fmt.Sprintf("knock-%s-%s-%s", who, host, port)
		open, said := c.knock(t, name, labels, host, port)
		for range 2 { // who must be let in may be too new for the node to know its address yet
			if want && !open {
				open, said = c.knock(t, name, labels, host, port)
			}
		}
		t.Logf("%-8s to %s:%s: %s", who, host, port, said)
		if open != want {
			t.Errorf("the way of %s to %s:%s is open: %v, and should be %v: %s", who, host, port, open, want, said)
		}
	}
	stranger := map[string]string{"app": "stranger"}
	client := map[string]string{"mini-redis-client": "true"}
	load := map[string]string{"app.kubernetes.io/part-of": "mini-redis", "app.kubernetes.io/component": "load"}

	f("client", client, "mini-redis", "6379", true)
	f("load", load, "mini-redis", "6379", true)
	f("stranger", stranger, "mini-redis", "6379", false)
	f("client", client, "mini-redis-headless", "9121", false) // metrics are for no client
	f("stranger", stranger, "mini-redis-collector", "4317", false)
	f("stranger", stranger, "mini-redis-jaeger", "16686", false)
	f("client", client, "mini-redis-jaeger", "4317", false) // spans come by the collector
	f("stranger", stranger, "mini-redis-prometheus", "9090", false)
}
