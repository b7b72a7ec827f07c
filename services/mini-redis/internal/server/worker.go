package server

import (
	"sync/atomic"

	"mini-redis/console"
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
)

// worker drives connections: it is one goroutine's, and needs no lock but the
// execution lock around the commands it runs.
type worker struct {
	server *Server
	mail   mailbox

	region     []byte // what is read into; connections in a batch each have a part of it
	regionSize int
	used       int

	jobs []job
	args [][]byte // the jobs' arguments, end to end

	writer   resp.Writer
	current  *conn  // whose command is being executed
	deferred []byte // pushes to current, which follow its reply

	wake     int64   // monotonic time at which there was something to do
	batch    []*conn // connections with a part in the batch
	dirty    []*conn // connections with output to send
	resume   []*conn // connections with requests that no longer wait
	outs     [][]byte
	letters  []message     // spare for the mailbox
	task     *console.Task // as a console sees it
	members  map[*conn]struct{}
	size     atomic.Int64 // of members, for those who watch
	adopt    func(*conn)
	draining bool
}

// job is one request of a batch: args[from:to] of the worker, and where in its
// connection's input it ends.
type job struct {
	c        *conn
	from, to int
	end      int
}

func newWorker(s *Server, regionSize int, wake func()) *worker {
	w := &worker{server: s, regionSize: regionSize, members: map[*conn]struct{}{}}
	w.mail.wake = wake
	return w
}

// space returns a part of the region to read into, running the batch when there
// is none left.
func (w *worker) space() []byte {
	if w.region == nil {
		w.region = make([]byte, w.regionSize)
	}
	if len(w.region)-w.used < readLeast {
		w.settle()
	}
	return w.region[w.used:min(w.used+readMost, len(w.region))]
}

// received takes n bytes that were read into what space returned.
func (w *worker) received(c *conn, n int) {
	buf := w.region[w.used : w.used+n]
	w.server.counters.in.Add(int64(n))
	if c.closing || c.dead {
		return
	}
	if len(c.in) > 0 || c.buf != nil || c.waits() {
		w.keep(c, buf)
		if c.more = c.waits(); !c.more {
			w.ingest(c, c.in)
		}
		return
	}
	w.used += n
	w.ingest(c, buf)
}

// keep adds bytes to the connection's own input.
func (w *worker) keep(c *conn, p []byte) {
	if c.buf != nil {
		w.settle()
	}
	c.in = append(c.in, p...)
}

// ingest parses the requests in buf and adds them to the batch.
func (w *worker) ingest(c *conn, buf []byte) {
	if c.buf == nil {
		w.batch = append(w.batch, c)
	}
	c.buf, c.parsed, c.done = buf, 0, 0
	for c.parsed < len(buf) {
		n, more := w.next(c)
		if n == 0 || !more {
			return
		}
		if len(w.jobs) >= batchMax {
			w.run()
			if c.waits() {
				return
			}
		}
	}
}

// next parses one request. more is false when the rest of the input has to wait
// for this one.
func (w *worker) next(c *conn) (n int, more bool) {
	lim := &resp.DefaultLimits
	if !c.authenticated {
		lim = &resp.UnauthenticatedLimits
	}
	from := len(w.args)
	var err error
	w.args, n, err = c.parser.Next(c.buf[c.parsed:], w.args, lim)
	if err == nil && n == 0 && len(c.buf)-c.parsed > w.server.cfg.Limits.Input {
		err = errRequestSize
	}
	if err != nil {
		w.run()
		w.protocolError(c, err)
		return 0, false
	}
	if n == 0 {
		return 0, false
	}
	c.parsed += n
	w.jobs = append(w.jobs, job{c: c, from: from, to: len(w.args), end: c.parsed})
	if !c.authenticated {
		w.run() // AUTH changes the limits of what follows
		return n, !c.waits()
	}
	return n, true
}

// errRequestSize is for what redis-server closes without a word.
const errRequestSize resp.ProtocolError = "too big request"

// protocolError answers what cannot be understood, and ends the connection.
func (w *worker) protocolError(c *conn, err error) {
	if c.waits() {
		return
	}
	w.writer.Buf = w.buffer(c)
	w.writer.Error("ERR " + err.Error())
	c.out = w.writer.Buf
	c.done = len(c.buf)
	c.parsed = len(c.buf)
	c.closing = true
	w.touch(c)
}

// run executes the batch's requests under the execution lock.
func (w *worker) run() {
	if len(w.jobs) == 0 {
		return
	}
	jobs := w.jobs
	for len(jobs) > 0 {
		jobs = jobs[w.hold(jobs):]
	}
	clear(w.args)
	w.jobs, w.args = w.jobs[:0], w.args[:0]
}

// hold takes the execution lock and runs jobs until they end or others must
// have their turn. It returns how many it ran.
func (w *worker) hold(jobs []job) (ran int) {
	s := w.server
	ask := s.clock.Mono()
	got := ask
	if !s.mu.TryLock() {
		wait := s.watch.waitForLock(w.task)
		s.mu.Lock()
		wait.Ready()
		got = s.clock.Mono()
	}
	s.running = w
	s.watch.locked(w.task, got)
	began := got
	s.engine.BeginTurn(command.Turn{Wake: w.wake, LockAsk: ask, LockGot: got})
	for ran < len(jobs) {
		c := jobs[ran].c
		w.execute(&jobs[ran])
		ran++
		over := s.engine.Tick()-got > batchTime
		if c.task != nil && (over || ran == len(jobs) || jobs[ran].c != c) {
			c.task.Polled(w.wake, began, s.engine.Tick())
			began = s.engine.Tick()
		}
		if over {
			break
		}
	}
	s.running = nil
	s.watch.unlocked()
	deadline := s.engine.NextDeadline()
	s.mu.Unlock()
	s.scheduleCron(deadline)
	return ran
}

// execute runs one request, unless one before it made the rest wait.
func (w *worker) execute(j *job) {
	c := j.c
	if c.waits() {
		return
	}
	c.done = j.end
	if j.from == j.to {
		return // a blank line
	}
	session := c.session
	w.current = c
	w.writer.Buf = w.buffer(c)
	w.server.engine.Exec(session, w.args[j.from:j.to], &w.writer)
	c.out = w.writer.Buf
	w.current = nil
	if len(w.deferred) > 0 {
		c.out = append(c.out, w.deferred...)
		w.deferred = w.deferred[:0]
	}
	c.follow(stateOf(session))
	if len(c.out) > c.sent || c.closing {
		w.touch(c)
	}
	if c.unsent() > c.outputLimit() {
		c.overflow()
	}
}

// settle runs the batch and puts away what is left of its connections' input,
// so that the region can be used again.
func (w *worker) settle() {
	w.run()
	for i, c := range w.batch {
		w.batch[i] = nil
		w.putAway(c)
	}
	w.batch, w.used = w.batch[:0], 0
}

// putAway keeps the unexecuted end of a connection's input.
func (w *worker) putAway(c *conn) {
	rest := c.buf[c.done:]
	if c.done != c.parsed {
		c.parser = resp.Parser{} // what was parsed and not run is parsed again
	}
	c.buf, c.done, c.parsed = nil, 0, 0
	if c.dead {
		return
	}
	switch {
	case len(rest) == 0 && cap(c.in) > 0:
		c.in = nil
	case len(rest) > 0 && !(len(c.in) > 0 && &rest[0] == &c.in[0]):
		c.in = append(c.in[:0], rest...)
	}
	c.more = len(rest) > 0 && c.waits()
	if len(c.in) > blockedInput || c.unsent() > w.server.cfg.Limits.Backlog {
		w.review(c)
	}
}
