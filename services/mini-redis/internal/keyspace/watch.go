package keyspace

// Watcher records whether one of the keys that a client watches has changed. Its
// zero value watches nothing.
type Watcher struct {
	first   *watchLink
	count   int
	changed bool
	index   map[*watchedKey]struct{} // the watched keys, nil until it is needed; see watches
}

// watchedKey is a key with at least one watcher. The key need not exist.
type watchedKey struct {
	node
	db    *DB
	first *watchLink
	count int
}

// watchLink connects a watcher with a key. It is in the key's doubly linked list
// and in the watcher's singly linked list.
type watchLink struct {
	watcher    *Watcher
	key        *watchedKey
	prev, next *watchLink // of the same key
	nextKey    *watchLink // of the same watcher
}

// Changed reports whether one of the watched keys has changed since it was
// watched. Creation, deletion, expiry and a new time to live are changes.
func (w *Watcher) Changed() bool { return w.changed }

// Len is the number of watched keys.
func (w *Watcher) Len() int { return w.count }

// Expired reports whether one of the watched keys has expired without having been
// deleted yet. The deletion of an expired key is reported by Changed.
func (w *Watcher) Expired() bool {
	for l := w.first; l != nil; l = l.nextKey {
		d := l.key.db
		if e := d.dict.find(bytesOf(l.key.Key()), l.key.hash); e != nil && d.expired(e) {
			return true
		}
	}
	return false
}

// Watch makes w report changes of key. It does nothing if w watches the key
// already. If the key has expired, Watch deletes it first: w does not report an
// expiry that precedes the call.
func (d *DB) Watch(key []byte, w *Watcher) {
	if len(d.expiring) > 0 {
		d.Peek(key)
	}
	hash := hashOf(key)
	k := d.watched.find(key, hash)
	if k == nil {
		k = &watchedKey{db: d}
		k.setKey(key, hash, 0)
		d.watched.insert(k)
	} else if w.watches(k) {
		return
	}
	l := &watchLink{watcher: w, key: k, next: k.first, nextKey: w.first}
	if k.first != nil {
		k.first.prev = l
	}
	k.first, w.first = l, l
	k.count++
	w.count++
	if w.index != nil {
		w.index[k] = struct{}{}
	}
}

// watchesSearched is the length up to which watches searches a list.
const watchesSearched = 8

// watches reports whether w watches the key. It searches the key's watchers or
// the watcher's keys if one of them is a short list, and otherwise an index.
func (w *Watcher) watches(k *watchedKey) bool {
	if k.count <= watchesSearched {
		for l := k.first; l != nil; l = l.next {
			if l.watcher == w {
				return true
			}
		}
		return false
	}
	if w.count <= watchesSearched {
		for l := w.first; l != nil; l = l.nextKey {
			if l.key == k {
				return true
			}
		}
		return false
	}
	if w.index == nil {
		w.index = make(map[*watchedKey]struct{}, w.count)
		for l := w.first; l != nil; l = l.nextKey {
			w.index[l.key] = struct{}{}
		}
	}
	_, ok := w.index[k]
	return ok
}

// Release makes w forget all its keys and their changes.
func (w *Watcher) Release() {
	for l := w.first; l != nil; l = l.nextKey {
		k := l.key
		if l.prev == nil {
			k.first = l.next
		} else {
			l.prev.next = l.next
		}
		if l.next != nil {
			l.next.prev = l.prev
		}
		if k.count--; k.count == 0 {
			k.db.watched.remove(k)
		}
	}
	*w = Watcher{}
}

// changed tells the watchers of the key that it has changed.
func (k *watchedKey) changed() {
	for l := k.first; l != nil; l = l.next {
		l.watcher.changed = true
	}
}
