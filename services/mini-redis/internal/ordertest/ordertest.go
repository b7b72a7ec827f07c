// Package ordertest loads a Redis server from many connections and compares what every
// connection receives with a model of the order of execution.
//
// The model rests on stamps. A publisher sends MULTI, INCR stamp, INCR of the channel's
// number, PUBLISH and EXEC, so that the stamps are the order in which the messages were
// published, and the numbers count the messages of each channel. A reply to GET stamp
// then separates the messages that a connection receives before it from those after it.
// The parts of the load:
//
//	publish.go    publishes, and keeps the stamp and number of each message
//	subscribe.go  subscribes, unsubscribes and keeps what it receives; RESP2 and RESP3
//	check.go      compares what the subscribers received with what was published
//	pipeline.go   sends pipelines to private keys, whose replies are known in advance
//	queue.go      BLPOP and BRPOP: each element exactly once, first waiter first
//	pause.go      CLIENT PAUSE: nothing is written during it, and all in order after it
//	kill.go       CLIENT KILL: a killed connection receives nothing and is not listed
//
// The model holds for every Redis server: the tests run it against redis-server too.
package ordertest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config configures a run.
type Config struct {
	Addr     string        // the server; its data is deleted
	Duration time.Duration // of the load
	Seed     uint64        // the same seed makes the same choices, not the same timing
	Patience time.Duration // the longest wait for a reply; 0 means 30 s
}

// Report is the result of a run.
type Report struct {
	Rounds, Published, Received int64
	Reads, Windows              int64 // of subscribers: reads of the stamp, subscriptions
	Pipelined, Popped, Waits    int64
	Pauses, Kills               int64
	// Violations are the differences from the model, at most one of each connection in
	// a round.
	Violations []string
}

// String returns the figures in one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d rounds; %d messages published, %d received in %d subscriptions with %d reads of the stamp; "+
		"%d pipelined requests; %d elements popped; %d waits in order; %d pauses; %d kills; %d violations",
		r.Rounds, r.Published, r.Received, r.Windows, r.Reads, r.Pipelined, r.Popped, r.Waits, r.Pauses, r.Kills, len(r.Violations))
}

// roundTime is the longest time between two comparisons with the model.
const roundTime = time.Second

// enough is the number of violations after which a run ends.
const enough = 20

// Run loads the server in rounds, each with new connections. The error is about the run
// itself, not about violations.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Patience == 0 {
		cfg.Patience = 30 * time.Second
	}
	report := &Report{}
	end := time.Now().Add(cfg.Duration)
	for n := uint64(0); n == 0 || time.Until(end) > 0; n++ {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		r := &round{cfg: cfg, seed: cfg.Seed + n, report: report, stop: make(chan struct{}), quiet: make(chan struct{})}
		if err := r.run(ctx, min(roundTime, max(time.Until(end), 100*time.Millisecond))); err != nil {
			return report, err
		}
		report.Rounds++
		if len(report.Violations) >= enough {
			break
		}
	}
	return report, nil
}

// round is one load of the server with the comparison that follows it.
type round struct {
	cfg    Config
	seed   uint64
	traced bool // the server knows TRACED
	stop   chan struct{}
	quiet  chan struct{} // closed when nothing is published or pushed any more

	publishers  []*publisher
	subscribers []*subscriber
	victims     []*victim // guarded by mu
	queues      sharedQueues
	target      atomic.Int64 // the victim whose channel is published to, 0 for none
	blocking    sync.RWMutex // a pause excludes the waits whose order is checked

	mu     sync.Mutex // guards the following
	report *Report
	conns  []*conn
}

// The numbers of connections of a round.
const (
	publishers  = 4
	subscribers = 6
	pipeliners  = 3
)

// run loads the server for d and compares.
func (r *round) run(ctx context.Context, d time.Duration) error {
	defer r.closeAll()
	admin, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	var first, last sync.WaitGroup
	start := func(wg *sync.WaitGroup, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				r.violation(err)
			}
		})
	}
	for i := range publishers {
		p := &publisher{round: r, index: i}
		r.publishers = append(r.publishers, p)
		start(&first, p.run)
	}
	for i := range subscribers {
		s := &subscriber{round: r, index: i}
		r.subscribers = append(r.subscribers, s)
		start(&last, s.run)
	}
	for i := range pipeliners {
		start(&first, func(ctx context.Context) error { return r.pipeline(ctx, i) })
	}
	for i := range r.queues.pushed {
		start(&first, func(ctx context.Context) error { return r.queues.push(ctx, r, i) })
	}
	for i := range r.queues.popped {
		start(&last, func(ctx context.Context) error { return r.queues.pop(ctx, r, i) })
	}
	start(&first, r.orderWaiters)
	start(&first, r.pause)
	start(&first, r.kill)
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	close(r.stop)
	first.Wait()
	close(r.quiet)
	last.Wait()
	r.compare(admin)
	return nil
}

// prepare empties the server and finds out what it knows.
func (r *round) prepare(ctx context.Context) (*conn, error) {
	admin, err := r.dial(ctx, "admin", 2)
	if err != nil {
		return nil, err
	}
	admin.ask(status("OK"), "CLIENT", "UNPAUSE")
	admin.ask(status("OK"), "FLUSHALL")
	admin.ask(func(v value) error {
		r.traced = len(v.list) == 1 && !v.list[0].null && len(v.list[0].list) > 0
		return nil
	}, "COMMAND", "INFO", "TRACED")
	return admin, admin.finish()
}

// dial opens a connection that speaks RESP version proto.
func (r *round) dial(ctx context.Context, name string, proto int) (*conn, error) {
	nc, err := (&net.Dialer{Timeout: r.cfg.Patience}).DialContext(ctx, "tcp", r.cfg.Addr)
	if err != nil {
		return nil, err
	}
	h := r.seed
	for _, b := range []byte(name) {
		h = h*1099511628211 + uint64(b)
	}
	c := &conn{
		nc: nc, r: bufio.NewReaderSize(nc, 32<<10), rnd: rand.New(rand.NewPCG(r.seed, h)),
		name: name, proto: proto, patience: r.cfg.Patience,
	}
	r.mu.Lock()
	r.conns = append(r.conns, c)
	r.mu.Unlock()
	if proto == 3 {
		c.ask(func(v value) error {
			if v.kind != '%' {
				return fmt.Errorf("%v, want a map", v)
			}
			return nil
		}, "HELLO", "3")
	}
	c.ask(numberTo(&c.id), "CLIENT", "ID")
	if r.traced {
		c.traced = 4
	}
	return c, c.finish()
}

func (r *round) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.close()
	}
}

// stopped reports whether the load ends.
func (r *round) stopped() bool { return closed(r.stop) }

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sleep waits for d or until the load ends.
func (r *round) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.stop:
	}
}

// count adds to a figure of the report.
func (r *round) count(figure *int64, n int64) {
	r.mu.Lock()
	*figure += n
	r.mu.Unlock()
}

// violation records a difference from the model.
func (r *round) violation(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.report.Violations) < enough {
		r.report.Violations = append(r.report.Violations, fmt.Sprintf("round of seed %d: %v", r.seed, err))
	}
}

// compare compares what the connections received with the model. A connection that ended
// with a violation has received something, but not all.
func (r *round) compare(admin *conn) {
	if r.queues.complete() {
		r.check(r.queues.check(admin))
		r.report.Popped += r.queues.total()
	}
	for _, p := range r.publishers {
		if !p.complete {
			return // its last messages are not known
		}
	}
	log, err := newLog(r.publishers)
	if err != nil {
		r.violation(err)
		return
	}
	complete := true
	for _, s := range r.subscribers {
		r.check(s.check(log))
		complete = complete && s.complete
	}
	for _, v := range r.victims {
		r.check(v.check(log))
	}
	if complete {
		r.check(log.checkReceivers())
	}
	r.report.Published += int64(len(log.order))
}

// check records the result of a comparison.
func (r *round) check(err error) {
	if err != nil {
		r.violation(err)
	}
}
