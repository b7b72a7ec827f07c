package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// memory returns the working set of each pod of the namespace in MiB, from the nodes' control
// groups.
func (c *cluster) memory(t *testing.T) (map[string]float64, error) {
	t.Helper()
	used := map[string]float64{}
	nodes, _, err := c.try(t, "kubectl", c.kubectlArgs([]string{"get", "nodes", "--output", "jsonpath={.items[*].metadata.name}"})...)
	if err != nil {
		return nil, err
	}
	for node := range strings.FieldsSeq(nodes) {
		var summary struct {
			Pods []struct {
				Ref struct {
					Name      string `json:"name"`
					Namespace string `json:"namespace"`
				} `json:"podRef"`
				Memory struct {
					WorkingSet float64 `json:"workingSetBytes"`
				} `json:"memory"`
			} `json:"pods"`
		}
		out, _, err := c.try(t, "kubectl", c.kubectlArgs([]string{"get", "--raw", "/api/v1/nodes/" + node + "/proxy/stats/summary"})...)
		if err == nil {
			err = json.Unmarshal([]byte(out), &summary)
		}
		if err != nil {
			return nil, err
		}
		for _, p := range summary.Pods {
			if p.Ref.Namespace == namespace {
				used[p.Ref.Name] = p.Memory.WorkingSet / (1 << 20)
			}
		}
	}
	return used, nil
}

func table(used map[string]float64) string {
	var b strings.Builder
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&b, "  %-45s %6.1f MiB\n", name, used[name])
		sum += used[name]
	}
	fmt.Fprintf(&b, "  %-45s %6.1f MiB\n", "sum", sum)
	return b.String()
}

// logMemory waits until the nodes have measured all pods, about every 10 s, and logs the memory of
// each.
func (c *cluster) logMemory(t *testing.T, when string) {
	t.Helper()
	var used map[string]float64
	eventually(t, "the memory of all pods is measured", func() bool {
		var err error
		if used, err = c.memory(t); err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(c.pods(t), func(p pod) bool { return used[p.Metadata.Name] == 0 })
	})
	t.Logf("memory, %s:\n%s", when, table(used))
}

// samplePeakMemory polls the memory of each pod every 2 s until stop is called, which returns a
// table of the highest values.
func (c *cluster) samplePeakMemory(t *testing.T) (stop func() string) {
	t.Helper()
	done, highest := make(chan struct{}), make(chan map[string]float64)
	go func() {
		peak := map[string]float64{}
		for {
			used, _ := c.memory(t) // a failed poll is skipped
			for name := range used {
				peak[name] = max(peak[name], used[name])
			}
			select {
			case <-done:
				highest <- peak
				return
			case <-time.After(2 * time.Second):
			}
		}
	}()
	return func() string {
		close(done)
		return table(<-highest)
	}
}
