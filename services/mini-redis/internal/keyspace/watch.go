package keyspace

// WatchedKey counts the changes of a key that somebody watches, whether it
// exists or not.
type WatchedKey struct {
	version int64
	refs    int
}

// Version grows with every change of the key, its creation, deletion and expiry
// included.
func (w *WatchedKey) Version() int64 { return w.version }

// Watch begins to count the changes of a key. Each Watch needs one Unwatch.
func (d *DB) Watch(key string) *WatchedKey {
	w := d.watched[key]
	if w == nil {
		if d.watched == nil {
			d.watched = map[string]*WatchedKey{}
		}
		w = &WatchedKey{}
		d.watched[key] = w
	}
	w.refs++
	return w
}

// Unwatch ends one Watch.
func (d *DB) Unwatch(key string) {
	if w := d.watched[key]; w != nil {
		if w.refs--; w.refs == 0 {
			delete(d.watched, key)
		}
	}
}
