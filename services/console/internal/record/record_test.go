package record

import (
	"bytes"
	"testing"
	"time"

	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/services/console/internal/source"
)

func sample(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	began := time.Now()
	w := NewWriter(&b, began, []string{"a", "b"})
	no := false
	w.Write(source.Event{Target: 1, At: began.Add(time.Second), Update: &instrumentpb.Update{}})
	w.Write(source.Event{At: began.Add(2 * time.Second), Status: &source.StreamStatus{Text: "closed"}})
	w.Write(source.Event{At: began.Add(3 * time.Second), Paused: &no})
	w.Write(source.Event{At: began.Add(4 * time.Second), Events: &eventspb.Batch{Dropped: 7}})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteThenRead(t *testing.T) {
	r, err := NewReader(bytes.NewReader(sample(t)))
	if err != nil || len(r.Targets) != 2 || r.Targets[1] != "b" {
		t.Fatalf("reader %v, error %v", r, err)
	}
	for i := 1; i <= 4; i++ {
		e, at, err := r.Next()
		if err != nil || at != time.Duration(i)*time.Second {
			t.Errorf("event %d: error %v, time %v", i, err, at)
		}
		if i == 1 && (e.Target != 1 || e.Update == nil) || i == 2 && e.Status.Text != "closed" || i == 3 && *e.Paused || i == 4 && e.Events.GetDropped() != 7 {
			t.Errorf("event %d differs: %+v", i, e)
		}
	}
}

func TestUnknownFramesAreSkipped(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, time.Now(), nil)
	w.frame(99, 0, 0, []byte("a later version"))
	yes := true
	w.Write(source.Event{Paused: &yes})
	_ = w.Flush()
	r, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if e, _, err := r.Next(); err != nil || e.Paused == nil {
		t.Errorf("event after an unknown frame: %+v, %v", e, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for range len(b) {
			if _, _, err := r.Next(); err != nil {
				return
			}
		}
		t.Fatal("the reader returns more events than there are bytes")
	})
}
