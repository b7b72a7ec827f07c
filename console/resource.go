package console

import (
	"slices"
	"sync"
	"sync/atomic"
)

// ResourceOptions describe a resource.
type ResourceOptions struct {
	Kind string // what it is to a reader: Mutex, Channel, Loop; "" is Resource, Timer is known to every viewer
	Type string // its Go type
	Name string // shown among its attributes as name
	// State returns the attributes as they are now. It is called while somebody
	// watches, from a goroutine of the console, and by Drop. It must not block: a lock it
	// needs may be the one the program is stuck on. nil: the attributes are those
	// of Set.
	State func(add func(Field))
	// Parent is the resource that this one is a part of.
	Parent *Resource
	// Internal marks what a reader is not usually interested in.
	Internal bool
	// Site is where the resource was made; the zero Site is NewResource's caller.
	Site Site
}

// HolderAttribute is the name of the attribute whose value is the number of the
// task that holds the resource, one for each where there are several. A viewer
// finds deadlocks by it.
const HolderAttribute = "holder"

// HeldAttribute is the name of the attribute that says for how long, in the
// unit it has.
const HeldAttribute = "held"

// Resource is something tasks share and wait for. Its methods may be called
// from any goroutine, and on nil, where they do nothing.
type Resource struct {
	entry
	c       *Console
	o       ResourceOptions
	parent  uint64
	meta    uint64
	created int64
	dropped atomic.Int64
	mutated atomic.Uint64

	mu    sync.Mutex
	attrs []Field
}

// NewResource makes a resource known. It returns nil when the console is off,
// or full.
func (c *Console) NewResource(o ResourceOptions) *Resource {
	if c == nil {
		return nil
	}
	if o.Site == (Site{}) {
		o.Site = Here(1)
	}
	set(&o.Kind, "Resource") // an empty one makes a viewer fail
	r := &Resource{
		entry: entry{id: c.nextID()}, c: c, o: o, meta: c.metas.id(metaResource, o.Site.pkg), created: c.clock.Mono(),
	}
	if o.Parent != nil {
		r.parent = o.Parent.id
	}
	if !c.resources.add(r) {
		return nil
	}
	return r
}

// ID is the number under which viewers know the resource, 0 for nil.
func (r *Resource) ID() uint64 {
	if r == nil {
		return 0
	}
	return r.id
}

// Set changes one attribute, or adds it.
func (r *Resource) Set(f Field) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.attrs, func(a Field) bool { return a.name == f.name })
	switch {
	case i < 0:
		r.attrs = append(slices.Clip(r.attrs), f)
	case r.attrs[i] == f:
		return
	default:
		r.attrs = slices.Clone(r.attrs)
		r.attrs[i] = f
	}
	r.mutated.Add(1)
}

// Drop says that the resource is gone.
func (r *Resource) Drop() {
	if r == nil {
		return
	}
	r.state() // how it was in the end
	at := r.c.clock.Mono()
	if r.dropped.CompareAndSwap(0, at) {
		r.mutated.Add(1)
		r.c.resources.close(r, at)
	}
}

// state returns the attributes, which are not to be changed, and the number of
// the change that made them.
func (r *Resource) state() ([]Field, uint64) {
	var now []Field
	pull := r.o.State != nil && r.dropped.Load() == 0 // of what is gone: as it last was
	if pull {
		r.o.State(func(f Field) { now = append(now, f) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if pull && !slices.Equal(now, r.attrs) {
		r.attrs = now
		r.mutated.Add(1)
	}
	return r.attrs, r.mutated.Load()
}
