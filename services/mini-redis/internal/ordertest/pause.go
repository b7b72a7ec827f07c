package ordertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The longest pause of writes, which ends earlier by CLIENT UNPAUSE, in milliseconds.
const longPause = "60000"

// pause pauses the server again and again: writes until UNPAUSE, or everything for some
// milliseconds.
func (r *round) pause(ctx context.Context) error {
	admin, err := r.dial(ctx, "pausing connection", 2)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		r.sleep(time.Duration(5+admin.rnd.IntN(30)) * time.Millisecond)
		if r.stopped() {
			return nil
		}
		r.blocking.Lock()
		if admin.rnd.IntN(3) == 0 {
			err = pauseAll(admin)
		} else {
			err = r.pauseWrites(ctx, admin, n)
		}
		r.blocking.Unlock()
		if err != nil {
			return err
		}
		r.count(&r.report.Pauses, 1)
	}
}

// pauseAll pauses all requests: those behind the pause are answered after it.
func pauseAll(admin *conn) error {
	ms := 2 + admin.rnd.IntN(8)
	began := time.Now()
	admin.ask(status("OK"), "CLIENT", "PAUSE", strconv.Itoa(ms), "ALL")
	admin.ask(func(value) error {
		// redis-server counts from a time that it has read before the request.
		if took := time.Since(began); took < time.Duration(ms-2)*time.Millisecond {
			return fmt.Errorf("it comes %v after CLIENT PAUSE %d ALL was sent", took, ms)
		}
		return nil
	}, "GET", "stamp")
	admin.ask(bulk("x"), "ECHO", "x")
	return admin.finish()
}

// probe is a connection that writes during a pause.
type probe struct {
	*conn
	queued bool  // its transaction has begun before the pause
	killed bool  // during the pause
	order  int64 // the turn in which it was executed
}

// pauseWrites pauses writes. Probes write, one after the other, and no stamp changes until
// UNPAUSE. The probes are then answered in the order of their requests; one that was
// killed in the meantime has written nothing.
func (r *round) pauseWrites(ctx context.Context, admin *conn, n int) error {
	var probes []*probe
	for i := range 3 {
		c, err := r.dial(ctx, fmt.Sprintf("probe %d of pause %d", i, n), 2+i%2)
		if err != nil {
			return err
		}
		defer c.close()
		probes = append(probes, &probe{conn: c})
	}
	if err := probes[1].queueEarlier(); err != nil {
		return err
	}
	var before, after, turn int64
	admin.ask(status("OK"), "CLIENT", "PAUSE", longPause, "WRITE")
	admin.ask(numberTo(&before), "GET", "stamp")
	admin.ask(numberTo(&turn), "GET", "turn")
	if err := admin.finish(); err != nil {
		return err
	}
	sent := r.writeInOrder(admin, probes)
	admin.ask(numberTo(&after), "GET", "stamp")
	admin.ask(status("OK"), "CLIENT", "UNPAUSE")
	if err := errors.Join(sent, admin.finish()); err != nil {
		return fmt.Errorf("during a pause of writes: %w", err)
	}
	if before != after {
		return fmt.Errorf("the stamp has changed from %d to %d while writes were paused", before, after)
	}
	for _, p := range probes {
		if p.killed {
			if err := p.endSilently(); err != nil {
				return err
			}
			continue
		}
		turn++
		if err := p.finish(); err != nil {
			return err
		}
		if p.order != turn {
			return fmt.Errorf("%s: its first request was executed as number %d, want %d", p.name, p.order, turn)
		}
	}
	return nil
}

// queueEarlier begins a transaction: the pause affects its EXEC, and nothing behind it may
// be answered before.
func (p *probe) queueEarlier() error {
	p.queued = true
	p.ask(status("OK"), "MULTI")
	p.ask(status("QUEUED"), "INCR", "turn")
	for range 5 {
		p.ask(status("QUEUED"), "APPEND", "text:"+p.name, "x")
	}
	return p.finish()
}

// writeInOrder makes each probe send a pipeline when the request of the one before it
// waits, and kills one of them sometimes.
func (r *round) writeInOrder(admin *conn, probes []*probe) error {
	for _, p := range probes {
		key := "probe:" + p.name
		order := func(v value) error { return numberTo(&p.order)(v) }
		if p.queued {
			p.ask(array(order, number(1), number(2), number(3), number(4), number(5)), "EXEC")
		} else {
			p.ask(order, "INCR", "turn")
		}
		p.ask(bulk("x"), "ECHO", "x")
		p.transaction([][]string{{"INCR", key}, {"PUBLISH", "nobody", "x"}}, number(1), number(0))
		p.ask(number(2), "INCR", key)
		p.ask(bulk("2"), "GET", key)
		if err := p.flush(); err != nil {
			return err
		}
		if err := admin.awaitWaiting(p.id); err != nil {
			return err
		}
	}
	if i := admin.rnd.IntN(2 * len(probes)); i < len(probes) {
		probes[i].killed = true
		admin.ask(number(1), "CLIENT", "KILL", "ID", strconv.FormatInt(probes[i].id, 10))
	}
	return nil
}
