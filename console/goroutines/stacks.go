package goroutines

import (
	"bufio"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxFrames is the maximum number of frames that are kept of a stack.
const maxFrames = 32

// stack is one goroutine of a stack trace, or count goroutines with the same stack of a profile,
// which does not list them individually.
type stack struct {
	id        uint64
	count     uint64
	name      string // the function with which it was started
	state     string
	blocked   time.Duration
	leaked    bool
	createdBy string
	location  string // file:line of the go statement
	parent    uint64
	frames    []string
	labels    map[string]string // pprof labels, which the runtime prints with GODEBUG=tracebacklabels=1
}

// header matches the first line of a goroutine: ID, state and optional labels.
var header = regexp.MustCompile(`^goroutine (\d+)(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.*)\]:$`)

// readStacks reads the output of runtime.Stack for all goroutines, which is also the content of
// /debug/pprof/goroutine?debug=2.
func readStacks(r io.Reader) (list []stack, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), 1<<20)
	var g *stack
	created, named := false, false // kind of the previous line: "created by", or a frame that is kept
	for in.Scan() {
		line := in.Text()
		switch m := header.FindStringSubmatch(line); {
		case m != nil:
			id, _ := strconv.ParseUint(m[1], 10, 64)
			list = append(list, stack{id: id, count: 1})
			g, created = &list[len(list)-1], false
			g.parseHeader(m[2])
		case g == nil || line == "":
		case strings.HasPrefix(line, "created by "):
			g.parseCreatedBy(line[len("created by "):])
			created = true
		case line[0] == '\t' && created:
			g.location = fileLine(line)
		case line[0] == '\t':
			if n := len(g.frames); n > 0 && named {
				g.frames[n-1] += " " + fileLine(line)
			}
		default:
			name := functionName(line)
			if named = name != "runtime.goexit"; !named { // the outermost frame of every goroutine
				continue
			}
			g.name = name // the outermost frame so far
			if named = len(g.frames) < maxFrames; named {
				g.frames = append(g.frames, name)
			}
		}
	}
	return list, in.Err()
}

// parseHeader reads the text in brackets: the state, the number of minutes in it, and further
// properties.
func (g *stack) parseHeader(text string) {
	text, labels, _ := strings.Cut(text, " labels:{")
	g.labels = readLabels(labels)
	for i, part := range strings.Split(text, ", ") {
		switch {
		case i == 0:
			g.state = strings.TrimSuffix(strings.TrimSuffix(part, " (durable)"), " (scan)")
			if s, ok := strings.CutSuffix(g.state, " (leaked)"); ok {
				g.state, g.leaked = s, true
			}
		case strings.HasSuffix(part, " minutes"):
			if n, err := strconv.Atoi(strings.TrimSuffix(part, " minutes")); err == nil {
				g.blocked = time.Duration(n) * time.Minute
			}
		}
	}
}

// readLabels reads "key": "value", "key": "value"}. It stops at text in another format.
func readLabels(text string) map[string]string {
	var labels map[string]string
	for {
		key, err := strconv.QuotedPrefix(text)
		if err != nil {
			return labels
		}
		rest, ok := strings.CutPrefix(text[len(key):], ": ")
		value, err := strconv.QuotedPrefix(rest)
		if !ok || err != nil {
			return labels
		}
		k, _ := strconv.Unquote(key)
		v, _ := strconv.Unquote(value)
		if labels == nil {
			labels = map[string]string{}
		}
		labels[k] = v
		text = strings.TrimPrefix(rest[len(value):], ", ")
	}
}

func (g *stack) parseCreatedBy(text string) {
	by, parent, _ := strings.Cut(text, " in goroutine ")
	g.createdBy = by
	g.parent, _ = strconv.ParseUint(parent, 10, 64)
}

// functionName returns the function name in a line of a stack, without the arguments.
func functionName(line string) string {
	if i := strings.LastIndexByte(line, '('); i > 0 && strings.HasSuffix(line, ")") {
		return line[:i]
	}
	return line
}

// fileLine returns DIRECTORY/FILE:LINE.
func fileLine(line string) string {
	path, _, _ := strings.Cut(strings.TrimSpace(line), " +0x")
	dir, name := filepath.Split(filepath.ToSlash(path))
	if dir == "" {
		return name
	}
	return filepath.Base(dir) + "/" + name
}

// record matches the first line of a group in a profile with debug=1, frame a line of its stack.
var (
	record = regexp.MustCompile(`^(\d+) @`)
	frame  = regexp.MustCompile(`^#\t0x[0-9a-f]+\t(.+)\+0x[0-9a-f]+\s+(\S+)$`)
)

// readProfile reads /debug/pprof/goroutine?debug=1: groups of goroutines with equal stacks. The
// profile is cheap for the program even with many goroutines. It contains neither IDs nor states;
// the states are inferred from the innermost frames.
func readProfile(r io.Reader) (list []stack, total int, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), 1<<20)
	var g *stack
	for in.Scan() {
		line := in.Text()
		if m := record.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseUint(m[1], 10, 64)
			list = append(list, stack{count: n, state: "unknown"})
			g = &list[len(list)-1]
			total += int(n)
			continue
		}
		m := frame.FindStringSubmatch(line)
		if m == nil || g == nil {
			continue
		}
		if m[1] == "runtime.goexit" || m[1] == "runtime.main" {
			continue
		}
		g.name, g.location = m[1], fileLine(m[2])
		if len(g.frames) < maxFrames {
			g.frames = append(g.frames, m[1]+" "+fileLine(m[2]))
		}
	}
	for i := range list {
		list[i].state = inferState(list[i].frames)
	}
	return list, total, in.Err()
}

// inferState returns the state that corresponds to the function in which a goroutine waits.
func inferState(frames []string) string {
	for _, f := range frames[:min(len(frames), 3)] {
		for _, known := range [...]struct{ in, state string }{
			{"internal/poll.runtime_pollWait", "IO wait"},
			{"sync.runtime_SemacquireMutex", "sync.Mutex.Lock"}, {"sync.runtime_SemacquireRWMutex", "sync.RWMutex.RLock"},
			{"sync.runtime_notifyListWait", "sync.Cond.Wait"}, {"sync.runtime_Semacquire", "semacquire"},
			{"internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock"},
			{"time.Sleep", "sleep"}, {"os/signal.signal_recv", "signal"}, {"syscall.Syscall", "syscall"},
		} {
			if strings.HasPrefix(f, known.in) {
				return known.state
			}
		}
	}
	return "unknown"
}
