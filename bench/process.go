package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a running server.
type process struct {
	name string
	addr string
	cmd  *exec.Cmd
}

// peer is a server that can be started on a free port.
type peer struct {
	name      string
	command   string // path, or name to search in PATH
	args      func(port string) []string
	env       []string
	pipelines bool // fast with pipelines of 16; the number of requests is reduced otherwise
	complete  bool // supports more than a few commands
}

// start starts the peer on a free port and waits up to 5 s until it accepts connections.
func (b *bench) start(ctx context.Context, p peer) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.CommandContext(ctx, p.command, p.args(port)...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), p.env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pr := &process{name: p.name, addr: addr, cmd: cmd}
	for range 200 {
		if nc, err := net.Dial("tcp", addr); err == nil {
			return pr, nc.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	pr.stop()
	return nil, fmt.Errorf("%s does not accept connections on %s: %s", p.name, addr, lastLine(output.Bytes()))
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu returns the CPU time of the process's threads, from the kernel's scheduler
// statistics in nanoseconds. The values of /proc/<pid>/stat are too coarse for a
// run of one second. Threads that have ended are not included.
func (p *process) cpu() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("no scheduler statistics of process %d", p.cmd.Process.Pid)
	}
	var sum time.Duration
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("unexpected %s: %q", f, text)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// resident returns the process's resident memory in bytes.
func (p *process) resident() (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", p.cmd.Process.Pid)
}

// freeAddr returns a loopback address with a port that is free now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func lastLine(p []byte) string {
	lines := strings.Split(strings.TrimSpace(string(p)), "\n")
	return lines[len(lines)-1]
}
