package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// dump returns the content of all databases: type, expiration time and value of each
// key, those that have expired but not been deleted included.
func dump(space *keyspace.Space) map[string]string {
	loading := space.Loading
	space.Loading = true
	defer func() { space.Loading = loading }()
	content := map[string]string{}
	for i := range space.Len() {
		space.DB(i).Each(func(e *keyspace.Entry) bool {
			value := ""
			if l, ok := e.Value().(*keyspace.List); ok {
				l.Range(0, l.Len(), func(element []byte) { value += fmt.Sprintf("%q ", element) })
			} else {
				value = fmt.Sprintf("%q", e.AppendText(nil))
			}
			at, _ := e.ExpireAt()
			content[fmt.Sprintf("%d:%s", i, e.Key())] = fmt.Sprintf("%v %d %s", e.Kind(), at, value)
			return true
		})
	}
	return content
}

// compareDumps returns the keys that differ, one a line.
func compareDumps(got, want map[string]string) (differences string) {
	if maps.Equal(got, want) {
		return ""
	}
	keys := slices.Sorted(maps.Keys(want))
	for key := range got {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if got[key] != want[key] {
			differences += fmt.Sprintf("%s: %s; original: %s\n", key, got[key], want[key])
		}
	}
	return differences
}

// recordTrial runs random requests on an engine and repeats the record of their changes
// on another one, whose clock is ten years ahead.
type recordTrial struct {
	*harness
	generator
	clients  []*client
	recorder recorder
	mirror   *harness
	session  *engine.Session
	whole    []engine.Change // everything that was recorded
	writers  []*engine.Spec
	readers  []*engine.Spec
	changed  map[string]int // number of changes by name of the command
	expired  int64
}

func newRecordTrial(t *testing.T, seed uint64, changed map[string]int) *recordTrial {
	r := &recordTrial{harness: newHarness(t), changed: changed}
	r.generator = generator{rnd: rand.New(rand.NewPCG(seed, 1)), now: func() int64 { return r.clock.Now().UnixMilli() }}
	r.engine.SetRecorder(&r.recorder)
	for range 4 {
		r.clients = append(r.clients, r.connect())
	}
	r.mirror, r.session = newMirror(t)
	for _, s := range r.engine.Table().All() {
		switch {
		case s.Has(engine.Write):
			r.writers = append(r.writers, s)
		case s.Has(engine.ReadOnly) && s.Name != "keys":
			r.readers = append(r.readers, s)
		}
	}
	return r
}

// newMirror creates an engine for the replay of a record.
func newMirror(t *testing.T) (*harness, *engine.Session) {
	h := newHarness(t)
	h.clock.start = epoch.AddDate(10, 0, 0)
	h.engine.BeginTurn(engine.Turn{})
	return h, h.engine.NewSession(1, nil)
}

// step executes one random request, or moves the clock. It returns a description.
func (r *recordTrial) step() string {
	i := r.rnd.IntN(len(r.clients))
	g := r.clients[i]
	switch n := r.rnd.IntN(100); {
	case n < 4:
		r.clock.elapsed += time.Duration(r.rnd.IntN(300)) * time.Millisecond
		return "the clock moves"
	case n < 8:
		r.pass(time.Duration(r.rnd.IntN(300)) * time.Millisecond)
		return "housekeeping"
	case g.session.Blocked():
		if n < 12 { // its client leaves
			r.engine.Drop(g.session)
			r.clients[i] = r.connect()
		}
		return "a client waits"
	case g.session.Tx != nil && n < 25:
		return r.execute(g, toBytes("EXEC"))
	case n < 12:
		return r.execute(g, toBytes(r.control()))
	case n < 25:
		return r.execute(g, r.request(r.readers[r.rnd.IntN(len(r.readers))]))
	}
	s := r.writers[r.rnd.IntN(len(r.writers))]
	if strings.HasPrefix(s.Name, "flush") && r.rnd.IntN(4) > 0 { // else there are hardly ever keys
		return "nothing"
	}
	return r.execute(g, r.request(s))
}

// control returns a request that changes how the following ones are executed.
func (r *recordTrial) control() string {
	return r.oneOf("MULTI", "MULTI", "SELECT 0", "SELECT 1", "SELECT 15", "WATCH s1 l1", "CLIENT PAUSE 40 WRITE", "CLIENT UNPAUSE")
}

// execute executes a request and attributes the changes to its command.
func (r *recordTrial) execute(g *client, words [][]byte) string {
	text := fmt.Sprintf("client %d: %q", g.session.ID, words)
	spec := r.engine.Table().Lookup(words)
	queued := g.session.Tx != nil
	g.send(words)
	g.out = nil
	if spec != nil && !queued && r.recordedBy(g) > 0 {
		r.changed[spec.Name]++
	}
	return text
}

// recordedBy returns how many changes of the last request are not expiries. It counts
// those of other clients that were served as changes of their commands.
func (r *recordTrial) recordedBy(g *client) int {
	n := 0
	for _, unit := range r.recorder.units {
		n += len(unit)
	}
	expired := r.engine.Keyspace().Stats().Expired
	n -= int(expired - r.expired)
	for _, other := range r.clients {
		if other != g && other.served > 0 {
			n--
			r.changed["served:"+other.session.LastCommand.Name] += other.served
		}
		other.served = 0
	}
	return n
}

// verify replays what the last step recorded and compares the two keyspaces.
func (r *recordTrial) verify(step string) {
	for _, unit := range r.recorder.units {
		if failure := r.mirror.engine.Replay(r.session, unit); failure != "" {
			r.t.Fatalf("%s: the replay of %q failed: %s", step, textOf(unit), failure)
		}
		r.whole = append(r.whole, unit...)
	}
	if d := compareDumps(dump(r.mirror.engine.Keyspace()), dump(r.engine.Keyspace())); d != "" {
		r.t.Fatalf("%s: recorded %q, the replay differs:\n%s", step, r.recorder.take(), d)
	}
	r.recorder.units = nil
	r.expired = r.engine.Keyspace().Stats().Expired
	for _, c := range r.clients {
		c.served = 0
	}
}

// TestRecordRepeatsTheChanges: the record of random requests, replayed on an empty
// engine, makes the same keyspace. Every command of the table that may write has to
// change something in the course of it.
func TestRecordRepeatsTheChanges(t *testing.T) {
	changed := map[string]int{}
	seeds := uint64(20)
	if raceEnabled {
		seeds = 5
	}
	for seed := range seeds {
		r := newRecordTrial(t, seed, changed)
		for i := range 2000 {
			r.verify(fmt.Sprintf("seed %d, step %d: %s", seed, i, r.step()))
		}
		mirror, session := newMirror(t)
		if failure := mirror.engine.Replay(session, r.whole); failure != "" {
			t.Fatalf("seed %d: %s", seed, failure)
		}
		if d := compareDumps(dump(mirror.engine.Keyspace()), dump(r.engine.Keyspace())); d != "" {
			t.Fatalf("seed %d: the replay of the whole record differs:\n%s", seed, d)
		}
	}
	for _, s := range engine.NewTable(command.All()).All() {
		if s.Has(engine.Write) && changed[s.Name] == 0 {
			t.Errorf("%s has recorded no change", s.Name)
		}
		if s.Has(engine.Write|engine.Blocking) && changed["served:"+s.Name] == 0 {
			t.Errorf("%s was never served by another client", s.Name)
		}
	}
}
