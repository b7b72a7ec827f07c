package keyspace

// awaitedKey is a key that blocked clients wait for.
type awaitedKey struct {
	node
	refs  int
	ready bool // in Space.ready
}

// Ready is a key that clients wait for and whose value, which is not a string,
// has been created or changed.
type Ready struct {
	DB  *DB
	Key string
}

// Await makes TakeReady report changes of a key's value, unless it is a string.
// Each Await needs one Forgo.
func (d *DB) Await(key string) {
	k := bytesOf(key)
	hash := hashOf(k)
	a := d.awaited.find(k, hash)
	if a == nil {
		a = &awaitedKey{}
		a.setKey(k, hash, 0)
		d.awaited.insert(a)
	}
	a.refs++
}

// Forgo ends one Await.
func (d *DB) Forgo(key string) {
	k := bytesOf(key)
	if a := d.awaited.find(k, hashOf(k)); a != nil {
		if a.refs--; a.refs == 0 {
			d.awaited.remove(a)
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
		k := bytesOf(r.Key)
		if a := r.DB.awaited.find(k, hashOf(k)); a != nil {
			a.ready = false
		}
	}
	return list
}

// announce marks a key ready if a client waits for it.
func (d *DB) announce(n *node) {
	if a := d.awaited.find(bytesOf(n.Key()), n.hash); a != nil && !a.ready {
		a.ready = true
		d.space.ready = append(d.space.ready, Ready{d, a.Key()})
	}
}
