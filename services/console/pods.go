package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"mini-redis/services/console/internal/source"
)

// podsConfig selects pods of a cluster as targets.
type podsConfig struct {
	selector, namespace, kubectl, ports string

	console, pprof int // parsed from ports; pprof is 0 if it is not given
}

func (p *podsConfig) parse() (err error) {
	if p.selector == "" {
		return nil
	}
	first, second, two := strings.Cut(p.ports, ",")
	if p.console, err = port(first); err != nil {
		return fmt.Errorf("-pod-ports: %w", err)
	}
	if two {
		if p.pprof, err = port(second); err != nil {
			return fmt.Errorf("-pod-ports: %w", err)
		}
	}
	return nil
}

func (p *podsConfig) args(args ...string) []string {
	if p.namespace != "" {
		args = append(args, "--namespace", p.namespace)
	}
	return args
}

// forward finds the running pods and forwards local ports to each. A pod's console listens on its
// loopback address, which is reachable only through a port forward.
func (p *podsConfig) forward(ctx context.Context) (specs []source.Spec, stop func(), err error) {
	out, err := exec.CommandContext(ctx, p.kubectl, p.args("get", "pods", "--selector", p.selector,
		"--field-selector", "status.phase=Running", "--output", "name")...).Output()
	if err != nil {
		return nil, nil, fmt.Errorf("kubectl get pods: %w%s", err, stderrOf(err))
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("no running pod has the labels %s", p.selector)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	stop = func() { cancel(); running.Wait() }
	for _, name := range names {
		s, err := p.forwardOne(ctx, name, &running)
		if err != nil {
			stop()
			return nil, nil, err
		}
		specs = append(specs, s)
	}
	return specs, stop, nil
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok && len(exit.Stderr) > 0 {
		return ": " + string(bytes.TrimSpace(exit.Stderr))
	}
	return ""
}

// forwardingLine matches the line that kubectl prints when a local port is ready.
var forwardingLine = regexp.MustCompile(`Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)`)

// forwardTimeout bounds the time until the first port forward of a pod is ready. forwardRetryDelay
// is the delay before kubectl is started again after it has ended.
const (
	forwardTimeout    = 20 * time.Second
	forwardRetryDelay = time.Second
)

// forwardResult is the result of a pod's first port forward: the local port of each of its ports.
type forwardResult struct {
	localPorts map[int]string
	err        error
}

func (p *podsConfig) forwardOne(ctx context.Context, name string, running *sync.WaitGroup) (source.Spec, error) {
	first := make(chan forwardResult, 1)
	running.Go(func() { p.keepForwarding(ctx, name, first) })
	select {
	case f := <-first:
		if f.err != nil {
			return source.Spec{}, f.err
		}
		s := source.Spec{Name: strings.TrimPrefix(name, "pod/"), Console: "dns:///127.0.0.1:" + f.localPorts[p.console]}
		if p.pprof != 0 {
			s.Pprof = "http://127.0.0.1:" + f.localPorts[p.pprof]
		}
		return s, nil
	case <-time.After(forwardTimeout):
		return source.Spec{}, fmt.Errorf("kubectl port-forward %s: not ready after %s", name, forwardTimeout)
	}
}

// keepForwarding forwards ports to a pod until ctx ends and sends the result of the first attempt
// to first. A port forward ends with its pod. The next pod of the same name, as in a StatefulSet,
// is reached through the same local ports.
func (p *podsConfig) keepForwarding(ctx context.Context, name string, first chan<- forwardResult) {
	localPorts := map[int]string{p.console: ""}
	if p.pprof != 0 {
		localPorts[p.pprof] = ""
	}
	ready := func() { first <- forwardResult{localPorts: maps.Clone(localPorts)} }
	if err := p.portForward(ctx, name, localPorts, ready); err != nil {
		first <- forwardResult{err: err}
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(forwardRetryDelay):
			// While the pod does not exist this fails, and the view shows the target as not
			// reachable.
			_ = p.portForward(ctx, name, localPorts, nil)
		}
	}
}

// portForward runs kubectl until it ends. localPorts maps each port of the pod to a local port, ""
// for any free one. portForward sets the local ports in localPorts and then calls ready, if it is
// not nil. It returns an error if kubectl ends before all ports are ready.
func (p *podsConfig) portForward(ctx context.Context, name string, localPorts map[int]string, ready func()) error {
	args := []string{"port-forward", "--address", "127.0.0.1", name}
	for remote, local := range localPorts {
		args = append(args, fmt.Sprintf("%s:%d", local, remote))
	}
	cmd := exec.CommandContext(ctx, p.kubectl, p.args(args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("kubectl port-forward: %w", err)
	}
	all := readPorts(out, localPorts)
	if all && ready != nil {
		ready()
	}
	_, _ = io.Copy(io.Discard, out) // kubectl continues to print; a full pipe would block it
	_ = cmd.Wait()
	if !all {
		return fmt.Errorf("kubectl port-forward %s: %s", name, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}

// readPorts reads kubectl's output until it has reported every port in at, and returns whether it
// did. It stores the local ports in localPorts.
func readPorts(r io.Reader, localPorts map[int]string) bool {
	seen := map[int]bool{}
	in := bufio.NewScanner(r)
	for len(seen) < len(localPorts) && in.Scan() {
		if m := forwardingLine.FindStringSubmatch(in.Text()); m != nil {
			remote, _ := strconv.Atoi(m[2])
			localPorts[remote], seen[remote] = m[1], true
		}
	}
	return len(seen) == len(localPorts)
}
