package console

import (
	"slices"
	"sync"
	"sync/atomic"
)

// ResourceOptions describes a resource.
type ResourceOptions struct {
	Kind string // the kind shown to users: Mutex, Channel, Loop. Default: Resource. Every viewer knows Timer.
	Type string // its Go type
	Name string // shown as its attribute "name"
	// State reports the current attributes by calling add for each. The console calls it from a
	// goroutine of its own while a viewer is connected, and Drop calls it once. It must not block:
	// a mutex it needs may be the one on which the program is stuck. If State is nil, the
	// attributes are those set with Set.
	State func(add func(Field))
	// Parent is the resource of which this one is a part.
	Parent *Resource
	// Internal marks a resource that users are usually not interested in.
	Internal bool
	// Site is where the resource was created. Default: the caller of NewResource.
	Site Site
}

// HolderAttribute is the name of the attribute whose value is the ID of the task that holds the
// resource. If several tasks hold it, there is one such attribute per task. Viewers detect
// deadlocks with it.
const HolderAttribute = "holder"

// HeldAttribute is the name of the attribute that states how long the resource has been held. Its
// unit is that of the field.
const HeldAttribute = "held"

// Resource is an object that tasks share and wait for. Its methods may be called from any
// goroutine. They do nothing on a nil Resource.
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

// NewResource registers a resource. It returns nil if the console is disabled or already has
// MaxResources resources.
func (c *Console) NewResource(o ResourceOptions) *Resource {
	if c == nil {
		return nil
	}
	if o.Site == (Site{}) {
		o.Site = CallSite(1)
	}
	set(&o.Kind, "Resource") // tokio-console fails on an empty kind
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

// ID returns the number that identifies the resource to viewers, or 0 for a nil Resource.
func (r *Resource) ID() uint64 {
	if r == nil {
		return 0
	}
	return r.id
}

// Set changes or adds one attribute.
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

// Drop records that the resource no longer exists.
func (r *Resource) Drop() {
	if r == nil {
		return
	}
	r.state() // record the final attributes
	at := r.c.clock.Mono()
	if r.dropped.CompareAndSwap(0, at) {
		r.mutated.Add(1)
		r.c.resources.close(r, at)
	}
}

// state returns the attributes, which the caller must not modify, and the number of the change that
// made them current.
func (r *Resource) state() ([]Field, uint64) {
	var now []Field
	pull := r.o.State != nil && r.dropped.Load() == 0 // a dropped resource keeps its last attributes
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
