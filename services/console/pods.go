package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
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

// forwardTimeout bounds how long kubectl may take.
const forwardTimeout = 20 * time.Second

func (p *podsConfig) forwardOne(ctx context.Context, name string, running *sync.WaitGroup) (source.Spec, error) {
	ports := []string{fmt.Sprintf(":%d", p.console)}
	if p.pprof != 0 {
		ports = append(ports, fmt.Sprintf(":%d", p.pprof))
	}
	cmd := exec.CommandContext(ctx, p.kubectl, p.args(append([]string{"port-forward", "--address", "127.0.0.1", name}, ports...)...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return source.Spec{}, err
	}
	if err := cmd.Start(); err != nil {
		return source.Spec{}, fmt.Errorf("kubectl port-forward: %w", err)
	}
	local := make(chan map[string]string, 1)
	running.Go(func() {
		readPorts(out, len(ports), local)
		_ = cmd.Wait()
	})
	select {
	case at := <-local:
		if len(at) < len(ports) {
			return source.Spec{}, fmt.Errorf("kubectl port-forward %s: %s", name, bytes.TrimSpace(errs.Bytes()))
		}
		s := source.Spec{Name: strings.TrimPrefix(name, "pod/"), Console: "dns:///127.0.0.1:" + at[fmt.Sprint(p.console)]}
		if p.pprof != 0 {
			s.Pprof = "http://127.0.0.1:" + at[fmt.Sprint(p.pprof)]
		}
		return s, nil
	case <-time.After(forwardTimeout):
		return source.Spec{}, fmt.Errorf("kubectl port-forward %s: no answer", name)
	}
}

// readPorts reads kubectl's output to its end; once it has told of all ports, or
// will tell of no more, they are sent.
func readPorts(r io.Reader, want int, local chan<- map[string]string) {
	at := map[string]string{}
	in := bufio.NewScanner(r)
	for len(at) < want && in.Scan() {
		if m := forwarding.FindStringSubmatch(in.Text()); m != nil {
			at[m[2]] = m[1]
		}
	}
	local <- at
	_, _ = io.Copy(io.Discard, r) // it talks on, and must not be stopped by a full pipe
}
