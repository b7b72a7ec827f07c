package telemetry

import (
	"runtime"
	"sync"
	"testing"
)

// numberedRecords returns a batch of records with the producer in Data[0] and a sequence number in
// Data[1].
func numberedRecords(producer, from, n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i].Data[0], out[i].Data[1] = int64(producer), int64(from+i)
	}
	return out
}

func TestRingKeepsOrderPerProducerAndLosesNothing(t *testing.T) {
	const producers, each = 4, 3000
	r := newRing(7, 3) // not a power of two, and small: it often wraps and is full
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for sent := 0; sent < each; {
				n, closed := r.pushRecords(numberedRecords(p, sent, min(1+sent%5, each-sent)))
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
				t.Fatalf("producer %d: got number %d, want %d", p, it.record.Data[1], next[p])
			}
			next[p]++
		}
		if got += n; n == 0 {
			if r.prepareWait(1) {
				continue
			}
			<-r.wakeOrYield()
		}
	}
	wg.Wait()
	if r.len() != 0 {
		t.Errorf("%d left", r.len())
	}
}

// wakeOrYield stands in for the consumer's timer: with fewer than wakeAt items the consumer is not
// woken.
func (r *ring) wakeOrYield() <-chan struct{} {
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

func TestRingHoldsExactlyItsLimit(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 7, 8} {
		r := newRing(limit, 1)
		for range 3 {
			if n, _ := r.pushRecords(numberedRecords(0, 0, limit+2)); n != limit || r.len() != limit {
				t.Fatalf("limit %d: %d accepted, %d inside", limit, n, r.len())
			}
			if n, _ := r.pushRecords(numberedRecords(0, 0, 1)); n != 0 {
				t.Fatalf("limit %d: accepted more", limit)
			}
			if n := r.take(make([]item, limit+2)); n != limit {
				t.Fatalf("limit %d: took %d", limit, n)
			}
		}
	}
}

func TestClosedRingStillReturnsItsItems(t *testing.T) {
	r := newRing(4, 1)
	r.pushRecords(numberedRecords(0, 0, 2))
	r.close()
	if n, closed := r.pushRecords(numberedRecords(0, 0, 1)); n != 0 || !closed {
		t.Errorf("accepted %d, closed %v", n, closed)
	}
	if n := r.take(make([]item, 4)); n != 2 || r.len() != 0 {
		t.Errorf("took %d, %d left", n, r.len())
	}
}

func TestConsumerIsWokenWhenABatchIsReady(t *testing.T) {
	r := newRing(8, 3)
	if r.prepareWait(3) {
		t.Fatal("prepareWait reports a batch in an empty ring")
	}
	r.pushRecords(numberedRecords(0, 0, 2))
	select {
	case <-r.wake:
		t.Fatal("woken by an incomplete batch")
	default:
	}
	r.pushRecords(numberedRecords(0, 0, 1))
	select {
	case <-r.wake:
	default:
		t.Fatal("not woken by a complete batch")
	}
	if !r.prepareWait(3) {
		t.Error("prepareWait does not report the complete batch")
	}
	r.pushRecords(numberedRecords(0, 0, 1))
	select {
	case <-r.wake:
		t.Error("wake was sent to a consumer that does not wait")
	default:
	}
}
