package ordertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// sharedQueues pushes to and pops from the same queues on several connections: every element
// is popped once, and each connection pops those of a queue in the order of the pushes.
type sharedQueues struct {
	pushed [2][]element // by pusher
	popped [3][]element // by consumer
	ended  atomic.Int32 // number of those that ended without a violation
}

// complete reports whether all pushers and consumers ended without a violation.
func (d *sharedQueues) complete() bool { return int(d.ended.Load()) == len(d.pushed)+len(d.popped) }

// element is an element of a queue.
type element struct {
	queue       string
	pusher, seq int32
	stamp       int64 // order of the pushes
}

var queues = []string{"queue:0", "queue:1", "queue:2"}

func (d *sharedQueues) push(ctx context.Context, r *round, index int) error {
	c, err := r.dial(ctx, fmt.Sprintf("pusher %d", index), 2+index%2)
	if err != nil {
		return err
	}
	for !r.stopped() {
		for range 1 + c.rnd.IntN(5) {
			i := len(d.pushed[index])
			e := element{queue: queues[c.rnd.IntN(len(queues))], pusher: int32(index), seq: int32(i)}
			d.pushed[index] = append(d.pushed[index], e)
			c.transaction([][]string{{"INCR", "pushes"}, {"RPUSH", e.queue, fmt.Sprintf("%d-%d", index, i)}},
				func(v value) error { return numberTo(&d.pushed[index][i].stamp)(v) },
				func(v value) error { _, err := v.integer(); return err })
		}
		if err := c.finish(); err != nil {
			return err
		}
		r.sleep(time.Duration(c.rnd.IntN(1000)) * time.Microsecond)
	}
	d.ended.Add(1)
	return nil
}

// pop pops until the pushers have ended and the queues are empty.
func (d *sharedQueues) pop(ctx context.Context, r *round, index int) error {
	c, err := r.dial(ctx, fmt.Sprintf("consumer %d", index), 2+index%2)
	if err != nil {
		return err
	}
	for empty := false; !empty; {
		last := closed(r.quiet)
		popped := len(d.popped[index])
		for range 1 + c.rnd.IntN(4) {
			request := []string{"BLPOP"}
			for _, i := range c.rnd.Perm(len(queues)) {
				request = append(request, queues[i])
			}
			c.ask(func(v value) error { return d.keep(index, v) }, append(request, "0.02")...)
		}
		if err := c.finish(); err != nil {
			return err
		}
		empty = last && popped == len(d.popped[index])
	}
	d.ended.Add(1)
	return nil
}

// keep keeps an element that a consumer has popped.
func (d *sharedQueues) keep(index int, v value) error {
	if v.null {
		return nil
	}
	words := v.strings()
	if len(words) != 2 {
		return fmt.Errorf("%v, want a queue and an element", v)
	}
	pusher, seq, err := messageID(words[1])
	d.popped[index] = append(d.popped[index], element{queue: words[0], pusher: pusher, seq: seq})
	return err
}

// total returns the number of elements.
func (d *sharedQueues) total() (n int64) {
	for i := range d.pushed {
		n += int64(len(d.pushed[i]))
	}
	return n
}

// check compares what was popped with what was pushed.
func (d *sharedQueues) check(admin *conn) error {
	times := [len(d.pushed)][]int{}
	for i := range d.pushed {
		times[i] = make([]int, len(d.pushed[i]))
	}
	for i, list := range d.popped {
		last := map[string]int64{}
		for _, e := range list {
			if int(e.pusher) >= len(times) || int(e.seq) >= len(times[e.pusher]) {
				return fmt.Errorf("consumer %d popped %d-%d, which was not pushed", i, e.pusher, e.seq)
			}
			times[e.pusher][e.seq]++
			p := d.pushed[e.pusher][e.seq]
			if p.queue != e.queue {
				return fmt.Errorf("consumer %d popped %d-%d from %s, it was pushed to %s", i, e.pusher, e.seq, e.queue, p.queue)
			}
			if p.stamp <= last[e.queue] {
				return fmt.Errorf("consumer %d popped push %d of %s after push %d", i, p.stamp, e.queue, last[e.queue])
			}
			last[e.queue] = p.stamp
		}
	}
	for i := range times {
		if seq := slices.IndexFunc(times[i], func(n int) bool { return n != 1 }); seq >= 0 {
			return fmt.Errorf("the element %d-%d was popped %d times", i, seq, times[i][seq])
		}
	}
	admin.ask(number(0), append([]string{"EXISTS"}, queues...)...)
	return admin.finish()
}

// waiter is a connection whose pops are served in the order in which they began.
type waiter struct {
	*conn
	command string // BLPOP or BRPOP
	check   func(value) error
	killed  bool
}

// orderWaiters makes connections wait for the same key, one after the other, and then pushes:
// the first waiter gets the first element.
func (r *round) orderWaiters(ctx context.Context) error {
	admin, err := r.dial(ctx, "coordinator", 2)
	if err != nil {
		return err
	}
	waiters := make([]*waiter, 4)
	for n := 0; !r.stopped(); n++ {
		for i := range waiters {
			if waiters[i] != nil && !waiters[i].killed {
				continue
			}
			c, err := r.dial(ctx, fmt.Sprintf("waiter %d of wait %d", i, n), 2+i%2)
			if err != nil {
				return err
			}
			waiters[i] = &waiter{conn: c}
		}
		r.blocking.Lock()
		err := r.waitInOrder(admin, waiters, fmt.Sprintf("wait:%d", n))
		r.blocking.Unlock()
		if err != nil {
			return err
		}
		r.count(&r.report.Waits, 1)
	}
	return nil
}

func (r *round) waitInOrder(admin *conn, waiters []*waiter, key string) error {
	together := admin.rnd.IntN(2) == 0 // all elements in one RPUSH
	for i, w := range waiters {
		w.command = "BLPOP"
		if together && admin.rnd.IntN(2) == 0 {
			w.command = "BRPOP"
		}
		token := strconv.Itoa(i)
		w.ask(func(v value) error { return w.check(v) }, w.command, key, "0")
		w.ask(bulk(token), "ECHO", token)
		if err := w.flush(); err != nil {
			return err
		}
		if err := admin.awaitWaiting(w.id); err != nil {
			return err
		}
	}
	left := endOneWait(admin, waiters)
	var elements []string
	for i := range len(left) + admin.rnd.IntN(3) {
		elements = append(elements, strconv.Itoa(i))
	}
	if together {
		admin.ask(number(int64(len(elements))), append([]string{"RPUSH", key}, elements...)...)
	} else {
		for i, e := range elements {
			admin.ask(number(int64(max(1, i+1-len(left)))), "RPUSH", key, e)
		}
	}
	for _, w := range left {
		last := len(elements) - 1
		if w.command == "BLPOP" {
			w.check, elements = array(bulk(key), bulk(elements[0])), elements[1:]
		} else {
			w.check, elements = array(bulk(key), bulk(elements[last])), elements[:last]
		}
	}
	checks := make([]func(value) error, len(elements))
	for i, e := range elements {
		checks[i] = bulk(e)
	}
	admin.ask(array(checks...), "LRANGE", key, "0", "-1")
	if err := admin.finish(); err != nil {
		return err
	}
	for _, w := range waiters {
		if err := w.finishOrEnd(); err != nil {
			return err
		}
	}
	return nil
}

// finishOrEnd reads the replies, or the end of a connection that was killed.
func (w *waiter) finishOrEnd() error {
	if !w.killed {
		return w.finish()
	}
	return w.endSilently()
}

// endOneWait sometimes ends the wait of one waiter, by CLIENT KILL or CLIENT UNBLOCK. It
// returns the others.
func endOneWait(admin *conn, waiters []*waiter) (left []*waiter) {
	left = slices.Clone(waiters)
	i := admin.rnd.IntN(len(waiters))
	w := waiters[i]
	id := strconv.FormatInt(w.id, 10)
	switch admin.rnd.IntN(6) {
	case 0:
		w.killed = true
		admin.ask(number(1), "CLIENT", "KILL", "ID", id)
	case 1:
		w.check = isNull
		admin.ask(number(1), "CLIENT", "UNBLOCK", id)
	case 2:
		w.check = equals("-UNBLOCKED client unblocked via CLIENT UNBLOCK")
		admin.ask(number(1), "CLIENT", "UNBLOCK", id, "ERROR")
	default:
		return left
	}
	return slices.Delete(left, i, i+1)
}
