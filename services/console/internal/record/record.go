// Package record writes received events to a file and replays them. A replay is a source of the
// same events at the same intervals, so it ends in the same tables.
//
// A recording begins with a line that identifies the format. Frames follow. A frame consists of the
// kind, the target, the time in nanoseconds since the recording began and the length of the body
// (four varints), and the body: a message of console/wire, or JSON for targets and stream statuses.
// A recording that was truncated, by a full disk or a crash, is replayed up to that point.
package record

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/source"
)

const magic = "mini-redis console recording 1\n"

// maxFrame bounds the length of a frame's body that the reader accepts.
const maxFrame = 256 << 20

// The kinds of frames.
const (
	kindTarget = iota + 1 // JSON: the name of the target with this number
	kindUpdate
	kindDetails
	kindTrace
	kindGoroutines
	kindStatus // JSON
	kindPaused
	kindEvents
)

// Writer writes a recording. It is safe for concurrent use.
type Writer struct {
	mu    sync.Mutex
	w     *bufio.Writer
	began time.Time
	err   error
}

// NewWriter starts a recording of the targets with these names.
func NewWriter(w io.Writer, began time.Time, targets []string) *Writer {
	r := &Writer{w: bufio.NewWriter(w), began: began}
	_, r.err = r.w.WriteString(magic)
	for i, name := range targets {
		b, _ := json.Marshal(name)
		r.frame(kindTarget, i, 0, b)
	}
	return r
}

// Write writes an event. After an error it does nothing, and Flush returns the error.
func (r *Writer) Write(e source.Event) {
	kind, b, err := encode(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	r.frame(kind, e.Target, max(e.At.Sub(r.began), 0), b)
}

func encode(e source.Event) (kind int, b []byte, err error) {
	switch {
	case e.Update != nil:
		kind, b, err = pack(kindUpdate, e.Update)
	case e.Details != nil:
		kind, b, err = pack(kindDetails, e.Details)
	case e.Trace != nil:
		kind, b, err = pack(kindTrace, e.Trace)
	case e.Events != nil:
		kind, b, err = pack(kindEvents, e.Events)
	case e.Goroutines != nil:
		kind, b, err = pack(kindGoroutines, e.Goroutines)
	case e.Paused != nil:
		kind, b = kindPaused, []byte{0}
		if *e.Paused {
			b[0] = 1
		}
	case e.Status != nil:
		kind = kindStatus
		b, err = json.Marshal(e.Status)
	}
	return kind, b, err
}

func pack(kind int, m proto.Message) (int, []byte, error) {
	b, err := proto.Marshal(m)
	return kind, b, err
}

func (r *Writer) frame(kind, target int, at time.Duration, b []byte) {
	if r.err != nil {
		return
	}
	var head []byte
	for _, v := range []uint64{uint64(kind), uint64(target), uint64(at), uint64(len(b))} {
		head = binary.AppendUvarint(head, v)
	}
	if _, r.err = r.w.Write(head); r.err == nil {
		_, r.err = r.w.Write(b)
	}
}

// Flush writes the buffered data and returns the first error of the recording.
func (r *Writer) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.w.Flush()
	}
	return r.err
}

// Reader reads a recording.
type Reader struct {
	r       *bufio.Reader
	Targets []string
	next    *frame
}

type frame struct {
	kind, target int
	at           time.Duration
	body         []byte
}

// NewReader reads the header of a recording, which contains the names of the targets.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{r: bufio.NewReader(in)}
	line := make([]byte, len(magic))
	if _, err := io.ReadFull(r.r, line); err != nil || string(line) != magic {
		return nil, errors.New("not a console recording")
	}
	for {
		f, err := r.frame()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		if f.kind != kindTarget {
			r.next = f
			return r, nil
		}
		var name string
		if err := json.Unmarshal(f.body, &name); err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		r.Targets = append(r.Targets, name)
	}
}

// frame reads a frame. It returns io.EOF at the end of the file, also in the middle of a frame.
func (r *Reader) frame() (*frame, error) {
	if f := r.next; f != nil {
		r.next = nil
		return f, nil
	}
	var head [4]uint64
	for i := range head {
		v, err := binary.ReadUvarint(r.r)
		if err != nil {
			return nil, end(err)
		}
		head[i] = v
	}
	if head[3] > maxFrame || head[1] > 1<<20 || head[2] > 1<<62 {
		return nil, fmt.Errorf("recording: invalid frame: %d bytes for target %d", head[3], head[1])
	}
	// ReadAll grows the buffer as data arrives: the length field may be corrupt.
	body, err := io.ReadAll(io.LimitReader(r.r, int64(head[3])))
	if err != nil || len(body) < int(head[3]) {
		return nil, end(err)
	}
	return &frame{int(head[0]), int(head[1]), time.Duration(head[2]), body}, nil
}

func end(err error) error {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("recording: %w", err)
}

// Next returns the next event and the time at which it was received, relative to the beginning of
// the recording. It returns io.EOF at the end.
func (r *Reader) Next() (source.Event, time.Duration, error) {
	for {
		f, err := r.frame()
		if err != nil {
			return source.Event{}, 0, err
		}
		e := source.Event{Target: f.target}
		known, err := decode(f, &e)
		if err != nil {
			return source.Event{}, 0, fmt.Errorf("recording: %w", err)
		}
		if known {
			return e, f.at, nil
		}
	}
}

// decode stores the frame's event in e. It returns false for a kind of frame that is not known, as
// a later version may write.
func decode(f *frame, e *source.Event) (known bool, err error) {
	switch f.kind {
	case kindUpdate:
		e.Update = &instrumentpb.Update{}
		err = proto.Unmarshal(f.body, e.Update)
	case kindDetails:
		e.Details = &taskspb.TaskDetails{}
		err = proto.Unmarshal(f.body, e.Details)
	case kindTrace:
		e.Trace = &tracepb.TraceEvent{}
		err = proto.Unmarshal(f.body, e.Trace)
	case kindEvents:
		e.Events = &eventspb.Batch{}
		err = proto.Unmarshal(f.body, e.Events)
	case kindGoroutines:
		e.Goroutines = &goroutinespb.Snapshot{}
		err = proto.Unmarshal(f.body, e.Goroutines)
	case kindPaused:
		paused := len(f.body) > 0 && f.body[0] == 1
		e.Paused = &paused
	case kindStatus:
		e.Status = &source.StreamStatus{}
		err = json.Unmarshal(f.body, e.Status)
	default:
		return false, nil
	}
	return true, err
}
