package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// export has the fields of the console's export that the test uses.
type export struct {
	Targets []struct {
		Name  string `json:"name"`
		Tasks []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"tasks"`
		Resources []struct {
			Type string `json:"type"`
		} `json:"resources"`
		Goroutines []struct {
			Name string `json:"name"`
		} `json:"goroutines"`
	} `json:"targets"`
}

// console reads the server's console, which listens on the pod's loopback address only, with the
// script of `task console-pods`.
func (c *cluster) console(t *testing.T) {
	load := c.startLoad(t, "console", "duration=45s", "concurrency=3") // longer than the export takes on a busy machine
	c.must(t, "go", "build", "-o", t.TempDir(), "./services/console")  // so that compiling does not compete with the load
	c.mustLoadBegin(t, load)
	out := c.must(t, "deploy/kind/console.sh", "export", "-with-goroutines", "-duration", "4s")
	var got export
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(got.Targets) != 1 || got.Targets[0].Name != release+"-0" {
		t.Fatalf("the export has other targets than the server pod: %s", out)
	}
	server := got.Targets[0]
	loops, connections, lock := 0, 0, false
	for _, task := range server.Tasks {
		switch {
		case strings.HasPrefix(task.Name, "event loop"):
			loops++
		case task.Name == "connection" && task.State != "done":
			connections++
		}
	}
	for _, r := range server.Resources {
		lock = lock || r.Type == "sync.Mutex"
	}
	t.Logf("%s has %d event loops, %d connections, %d resources and %d goroutines", server.Name, loops, connections, len(server.Resources), len(server.Goroutines))
	if loops == 0 || connections < 3 || !lock || len(server.Goroutines) == 0 {
		t.Errorf("want at least one event loop, three connections, the lock and goroutines, got %s", out)
	}
	load.mustPass(t)

	// The loopback ports are not reachable at the pod's address, not even for pods that may connect to
	// the server.
	for _, port := range []string{"6669", "6060"} {
		if open, answer := c.probe(t, "probe-loopback-"+port, map[string]string{"mini-redis-client": "true"}, "mini-redis-headless", port); open {
			t.Errorf("port %s of the pod is reachable: %s", port, answer)
		}
	}
}
