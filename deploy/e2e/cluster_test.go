package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/inspect"
)

const (
	namespace  = "mini-redis-e2e"
	release    = "mini-redis"
	stackChart = "deploy/helm/mini-redis"
)

// patience is how long anything may take that must happen.
const patience = 3 * time.Minute

// cluster is the cluster under test, seen from the root of the repository.
type cluster struct {
	context string
	root    string
}

func mustCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("MINI_REDIS_E2E_CLUSTER") == "" {
		t.Skip("needs a cluster with the project's images in it: task e2e makes one")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{context: os.Getenv("KUBE_CONTEXT"), root: root}
	if c.context == "" {
		c.context = "kind-mini-redis"
	}
	return c
}

// command prepares a program at the root of the repository, with the settings that the scripts take.
func (c *cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.root
	cmd.Env = append(os.Environ(), "KUBE_CONTEXT="+c.context, "NAMESPACE="+namespace, "RELEASE="+release)
	return cmd
}

// try runs a program to its end.
func (c *cluster) try(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*patience) // also for a cleanup
	defer cancel()
	var out, errs bytes.Buffer
	cmd := c.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (c *cluster) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	stdout, stderr, err := c.try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

func (c *cluster) kubectlArgs(args []string) []string {
	return append([]string{"--context", c.context, "--namespace", namespace}, args...)
}

// kubectl runs in the namespace of the test.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return c.must(t, "kubectl", c.kubectlArgs(args)...)
}

// helm runs in the namespace of the test.
func (c *cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	return c.must(t, "helm", append([]string{"--kube-context", c.context, "--namespace", namespace}, args...)...)
}

// makeNamespace makes the namespace anew, with the strictest Pod Security Standard enforced, until the test is over.
func (c *cluster) makeNamespace(t *testing.T) {
	t.Helper()
	c.kubectl(t, "delete", "namespace", namespace, "--ignore-not-found", "--wait")
	c.kubectl(t, "create", "namespace", namespace)
	c.kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	t.Cleanup(func() {
		if !t.Failed() { // else it is left to be looked at
			c.kubectl(t, "delete", "namespace", namespace, "--wait")
		}
	})
}

// forward reaches a port of a pod from here until the test is over or stop is called. It ends with the pod.
func (c *cluster) forward(t *testing.T, target, port string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := c.command(ctx, "kubectl", c.kubectlArgs([]string{"port-forward", target, ":" + port})...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cancel()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	line, _ := bufio.NewReader(out).ReadString('\n')
	found := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if found == "" {
		t.Fatalf("kubectl port-forward %s says %q", target, line)
	}
	return "http://" + found, stop
}

func (c *cluster) jaeger(t *testing.T) inspect.Jaeger {
	t.Helper()
	url, _ := c.forward(t, "pod/"+c.podOf(t, "jaeger").Metadata.Name, "16686")
	return inspect.Jaeger{Base: url}
}

func (c *cluster) prometheus(t *testing.T) inspect.Prometheus {
	t.Helper()
	url, _ := c.forward(t, "pod/"+c.podOf(t, "prometheus").Metadata.Name, "9090")
	return inspect.Prometheus{Base: url}
}

// pod is what is read of a pod here.
type pod struct {
	Metadata struct {
		Name   string            `json:"name"`
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels"`
		Ending string            `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		Phase             string `json:"phase"`
		ContainerStatuses []struct {
			Ready        bool `json:"ready"`
			RestartCount int  `json:"restartCount"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

func (p pod) component() string { return p.Metadata.Labels["app.kubernetes.io/component"] }

func (p pod) ready() bool {
	return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].Ready
}

// pods of the stack, without those that are about to end, and without load and test pods, which come and go.
func (c *cluster) pods(t *testing.T) (pods []pod) {
	t.Helper()
	var list struct {
		Items []pod `json:"items"`
	}
	out := c.kubectl(t, "get", "pods", "--selector", "app.kubernetes.io/instance="+release, "--output", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		if p.component() != "test" && p.Metadata.Ending == "" {
			pods = append(pods, p)
		}
	}
	return pods
}

// podOf is the one pod of a component. helm waits for what it makes and not for what it replaces, so there may be two for a
// while: an old Deployment's pod, say, beside that of the StatefulSet which took its place.
func (c *cluster) podOf(t *testing.T, component string) (one pod) {
	t.Helper()
	eventually(t, "one ready pod of the "+component, func() bool {
		count := 0
		for _, p := range c.pods(t) {
			if p.component() == component {
				one = p
				count++
			}
		}
		return count == 1 && one.ready()
	})
	return one
}

// eventually waits until ok, and says how long it took.
func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(200 * time.Millisecond)
	}
	return time.Since(began)
}

// mustNotHaveRestarted fails the test when a container was started more than once, which is how a loop begins.
func (c *cluster) mustNotHaveRestarted(t *testing.T) {
	t.Helper()
	for _, p := range c.pods(t) {
		for _, s := range p.Status.ContainerStatuses {
			if s.RestartCount > 0 {
				t.Errorf("%s was restarted %d times:\n%s", p.Metadata.Name, s.RestartCount, c.kubectl(t, "logs", "--previous", "--tail=20", p.Metadata.Name))
			}
		}
	}
}

// mustBeReady waits until the stack consists of one ready pod of each component and of nothing else.
func (c *cluster) mustBeReady(t *testing.T) {
	t.Helper()
	for _, component := range []string{"server", "collector", "jaeger", "prometheus"} {
		c.podOf(t, component)
	}
}
