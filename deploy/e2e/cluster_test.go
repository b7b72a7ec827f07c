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

// waitTimeout is the maximum time of each wait for a condition.
const waitTimeout = 3 * time.Minute

// cluster is the cluster under test. Its commands run in the root of the repository.
type cluster struct {
	context string
	root    string
}

func mustCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("MINI_REDIS_E2E_CLUSTER") == "" {
		t.Skip("needs a cluster with the project's images: run task e2e")
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

// command prepares a program that runs in the root of the repository, with the environment
// variables of the scripts.
func (c *cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.root
	cmd.Env = append(os.Environ(), "KUBE_CONTEXT="+c.context, "NAMESPACE="+namespace, "RELEASE="+release)
	return cmd
}

// try runs a program and returns its output. It waits up to twice waitTimeout.
func (c *cluster) try(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*waitTimeout) // cleanups run after the test's context has ended
	defer cancel()
	var out, errs bytes.Buffer
	cmd := c.command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// must runs a program and fails the test if the program fails.
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

// kubectl runs kubectl in the namespace of the test.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return c.must(t, "kubectl", c.kubectlArgs(args)...)
}

// helm runs helm in the namespace of the test.
func (c *cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	return c.must(t, "helm", append([]string{"--kube-context", c.context, "--namespace", namespace}, args...)...)
}

// createNamespace deletes and creates the namespace, with the Pod Security Standard "restricted"
// enforced. The namespace is deleted after the test if the test passes.
func (c *cluster) createNamespace(t *testing.T) {
	t.Helper()
	c.kubectl(t, "delete", "namespace", namespace, "--ignore-not-found", "--wait")
	c.kubectl(t, "create", "namespace", namespace)
	c.kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	t.Cleanup(func() {
		if !t.Failed() { // after a failure the namespace remains for inspection
			c.kubectl(t, "delete", "namespace", namespace, "--wait")
		}
	})
}

// forward forwards a local port to a port of a pod until the test ends or stop is called. It ends
// when the pod stops.
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
		t.Fatalf("kubectl port-forward %s printed %q", target, line)
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

// pod has the fields of a pod that the tests use.
type pod struct {
	Metadata struct {
		Name              string            `json:"name"`
		UID               string            `json:"uid"`
		Labels            map[string]string `json:"labels"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
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

// pods returns the release's pods, without pods that are being deleted and without test pods. Pods
// of load runs belong to other releases.
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
		if p.component() != "test" && p.Metadata.DeletionTimestamp == "" {
			pods = append(pods, p)
		}
	}
	return pods
}

// podOf waits until a component has exactly one pod and that pod is ready, and returns it. helm
// waits for the objects that it creates and not for those that it replaces, so there can be two
// pods for a while, for example when a StatefulSet replaces a Deployment.
func (c *cluster) podOf(t *testing.T, component string) (one pod) {
	t.Helper()
	eventually(t, "the "+component+" has exactly one ready pod", func() bool {
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

// eventually waits until ok returns true, for at most waitTimeout, and returns the time that it
// waited.
func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > waitTimeout {
			t.Fatalf("condition not met within %v: %s", waitTimeout, what)
		}
		time.Sleep(200 * time.Millisecond)
	}
	return time.Since(began)
}

// mustNotHaveRestarted fails the test if a container of the stack has restarted.
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

// mustBeReady waits until each component of the stack has exactly one pod and that pod is ready.
func (c *cluster) mustBeReady(t *testing.T) {
	t.Helper()
	for _, component := range []string{"server", "collector", "jaeger", "prometheus"} {
		c.podOf(t, component)
	}
}
