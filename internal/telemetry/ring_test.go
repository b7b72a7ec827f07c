package telemetry

import (
	"runtime"
	"sync"
	"testing"
)

// numbered is a batch of records that say who made them and in which order.
func numbered(producer, from, n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i].Data[0], out[i].Data[1] = int64(producer), int64(from+i)
	}
	return out
}

func TestARingKeepsEachProducersOrderAndLosesNothing(t *testing.T) {
	const producers, each = 4, 3000
	r := newRing(7, 3) // not a power of two, and small: it wraps and is full all the time
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for sent := 0; sent < each; {
				n, closed := r.pushRecords(numbered(p, sent, min(1+sent%5, each-sent)))
				if closed {
					t.Error("closed too early")
					return
				}
				if sent += n; n == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	var next [producers]int64
	buf := make([]item, 5)
	for got := 0; got < producers*each; {
		n := r.take(buf)
		for _, it := range buf[:n] {
			p := it.record.Data[0]
			if it.record.Data[1] != next[p] {
				t.Fatalf("producer %d: number %d where %d should be", p, it.record.Data[1], next[p])
			}
			next[p]++
		}
		if got += n; n == 0 {
			if r.arm(1) {
				continue
			}
			<-r.wakeOrSoon()
		}
	}
	wg.Wait()
	if r.len() != 0 {
		t.Errorf("%d left", r.len())
	}
}

// wakeOrSoon stands for the consumer's timer: below wakeAt items nobody is woken.
func (r *ring) wakeOrSoon() <-chan struct{} {
	soon := make(chan struct{})
	go func() {
		defer close(soon)
		for range 100 {
			select {
			case <-r.wake:
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	return soon
}

func TestARingHoldsExactlyItsLimit(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 7, 8} {
		r := newRing(limit, 1)
		for range 3 {
			if n, _ := r.pushRecords(numbered(0, 0, limit+2)); n != limit || r.len() != limit {
				t.Fatalf("limit %d: %d accepted, %d inside", limit, n, r.len())
			}
			if n, _ := r.pushRecords(numbered(0, 0, 1)); n != 0 {
				t.Fatalf("limit %d: accepted more", limit)
			}
			if n := r.take(make([]item, limit+2)); n != limit {
				t.Fatalf("limit %d: took %d", limit, n)
			}
		}
	}
}

func TestAClosedRingGivesOutWhatItHas(t *testing.T) {
	r := newRing(4, 1)
	r.pushRecords(numbered(0, 0, 2))
	r.close()
	if n, closed := r.pushRecords(numbered(0, 0, 1)); n != 0 || !closed {
		t.Errorf("accepted %d, closed %v", n, closed)
	}
	if n := r.take(make([]item, 4)); n != 2 || r.len() != 0 {
		t.Errorf("took %d, %d left", n, r.len())
	}
}

func TestTheConsumerIsWokenWhenABatchIsThere(t *testing.T) {
	r := newRing(8, 3)
	if r.arm(3) {
		t.Fatal("nothing is there")
	}
	r.pushRecords(numbered(0, 0, 2))
	select {
	case <-r.wake:
		t.Fatal("woken too early")
	default:
	}
	r.pushRecords(numbered(0, 0, 1))
	select {
	case <-r.wake:
	default:
		t.Fatal("not woken")
	}
	if !r.arm(3) {
		t.Error("the batch is not seen")
	}
	r.pushRecords(numbered(0, 0, 1))
	select {
	case <-r.wake:
		t.Error("woken though awake")
	default:
	}
}
