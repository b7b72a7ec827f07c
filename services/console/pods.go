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

// podsConfig says which pods of a cluster to watch.
type podsConfig struct {
	selector, namespace, kubectl, ports string

	console, pprof int
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

// forward finds the pods and leads a port of this machine to each. A console is
// on a pod's loopback, where nothing but a port-forward reaches it.
func (p *podsConfig) forward(ctx context.Context) (specs []source.Spec, stop func(), err error) {
	out, err := exec.CommandContext(ctx, p.kubectl, p.args("get", "pods", "--selector", p.selector,
		"--field-selector", "status.phase=Running", "--output", "name")...).Output()
	if err != nil {
		return nil, nil, fmt.Errorf("kubectl get pods: %w%s", err, said(err))
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

func said(err error) string {
	if exit, ok := err.(*exec.ExitError); ok && len(exit.Stderr) > 0 {
		return ": " + string(bytes.TrimSpace(exit.Stderr))
	}
	return ""
}

// forwarding is how kubectl says that a port is ready.
var forwarding = regexp.MustCompile(`Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)`)

// forwardTimeout bounds how long kubectl may take, and forwardAgain is how long
// after its end it is run again.
const (
	forwardTimeout = 20 * time.Second
	forwardAgain   = time.Second
)

// forwarded is what came of a first port-forward: the local port of each of the pod's.
type forwarded struct {
	at  map[int]string
	err error
}

func (p *podsConfig) forwardOne(ctx context.Context, name string, running *sync.WaitGroup) (source.Spec, error) {
	first := make(chan forwarded, 1)
	running.Go(func() { p.keepForwarding(ctx, name, first) })
	select {
	case f := <-first:
		if f.err != nil {
			return source.Spec{}, f.err
		}
		s := source.Spec{Name: strings.TrimPrefix(name, "pod/"), Console: "dns:///127.0.0.1:" + f.at[p.console]}
		if p.pprof != 0 {
			s.Pprof = "http://127.0.0.1:" + f.at[p.pprof]
		}
		return s, nil
	case <-time.After(forwardTimeout):
		return source.Spec{}, fmt.Errorf("kubectl port-forward %s: no answer", name)
	}
}

// keepForwarding leads ports to a pod until the context ends. A port-forward ends
// with its pod; the pod that takes its name, as in a StatefulSet, is reached by
// the same local ports.
func (p *podsConfig) keepForwarding(ctx context.Context, name string, first chan<- forwarded) {
	at := map[int]string{p.console: ""}
	if p.pprof != 0 {
		at[p.pprof] = ""
	}
	ready := func() { first <- forwarded{at: maps.Clone(at)} }
	if err := p.portForward(ctx, name, at, ready); err != nil {
		first <- forwarded{err: err}
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(forwardAgain):
			_ = p.portForward(ctx, name, at, nil) // while there is no such pod the view says that it is not reachable
		}
	}
}

// portForward runs kubectl to its end. at says which local port leads to each of
// the pod's, "" for any, and is completed before ready, where given, is called. It
// is an error to end before that.
func (p *podsConfig) portForward(ctx context.Context, name string, at map[int]string, ready func()) error {
	args := []string{"port-forward", "--address", "127.0.0.1", name}
	for remote, local := range at {
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
	all := readPorts(out, at)
	if all && ready != nil {
		ready()
	}
	_, _ = io.Copy(io.Discard, out) // it talks on, and must not be stopped by a full pipe
	_ = cmd.Wait()
	if !all {
		return fmt.Errorf("kubectl port-forward %s: %s", name, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}

// readPorts reads kubectl's output until it has told of all ports in at, and
// reports whether it has.
func readPorts(r io.Reader, at map[int]string) bool {
	told := map[int]bool{}
	in := bufio.NewScanner(r)
	for len(told) < len(at) && in.Scan() {
		if m := forwarding.FindStringSubmatch(in.Text()); m != nil {
			remote, _ := strconv.Atoi(m[2])
			at[remote], told[remote] = m[1], true
		}
	}
	return len(told) == len(at)
}
