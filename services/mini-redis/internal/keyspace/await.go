package keyspace

// awaited is a key that blocked clients wait for.
type awaited struct {
	refs  int
	ready bool // in Space.ready
}

// Ready is a key that clients wait for and that has been given a value, or one
// more element.
type Ready struct {
	DB  *DB
	Key string
}

// Await has changes of a key's value reported by TakeReady, unless it is a
// string. Each Await needs one Forgo.
func (d *DB) Await(key string) {
	if d.awaited == nil {
		d.awaited = map[string]*awaited{}
	}
	a := d.awaited[key]
	if a == nil {
		a = &awaited{}
		d.awaited[key] = a
	}
	a.refs++
}

// Forgo ends one Await.
func (d *DB) Forgo(key string) {
	if a := d.awaited[key]; a != nil {
		if a.refs--; a.refs == 0 {
			delete(d.awaited, key)
		}
	}
}

// AnyReady reports whether TakeReady has something to return.
func (s *Space) AnyReady() bool { return len(s.ready) > 0 }

// TakeReady returns the keys that have become ready since the last call, in the
// order in which they did, each once.
func (s *Space) TakeReady() []Ready {
	list := s.ready
	s.ready = nil
	for _, r := range list {
		if a := r.DB.awaited[r.Key]; a != nil {
			a.ready = false
		}
	}
	return list
}

// announce marks a key ready if anybody waits for it.
func (d *DB) announce(key string) {
	if a := d.awaited[key]; a != nil && !a.ready {
		a.ready = true
		d.space.ready = append(d.space.ready, Ready{d, key})
	}
}
