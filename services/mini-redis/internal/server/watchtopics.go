package server

import (
	"slices"
	"sync"
	"sync/atomic"

	"mini-redis/console"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// What is shown of pub/sub, at most.
const (
	maxTopics      = 1000 // channels and patterns at a time; the rest are counted as other
	maxSubscribers = 16   // named of each
)

// topics makes channels and patterns resources of a console. It is called with
// the execution lock held.
type topics struct {
	v     *watch
	shown int
}

// Opened implements [pubsub.Watcher].
func (t *topics) Opened(name string, pattern bool) pubsub.Watched {
	if t.shown >= maxTopics {
		return nil
	}
	x := &topic{topics: t}
	o := console.ResourceOptions{Kind: "Channel", Type: "pubsub.Channel", Name: name, Parent: t.v.pubsub, Site: t.v.site, State: x.state}
	if pattern {
		o.Kind, o.Type = "Pattern", "pubsub.Pattern"
	}
	if x.resource = t.v.console.NewResource(o); x.resource == nil {
		return nil
	}
	t.shown++
	return x
}

// topic is a channel or a pattern that is shown.
type topic struct {
	topics   *topics
	resource *console.Resource
	messages atomic.Uint64

	mu    sync.Mutex // a viewer reads what the lock's holder writes
	count int64
	named []uint64 // tasks of the first subscribers
}

func (x *topic) state(add func(console.Field)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	add(console.Int("subscribers", x.count))
	add(console.Uint("messages", x.messages.Load()))
	for _, id := range x.named {
		add(console.Uint("subscriber", id))
	}
}

// Joined implements [pubsub.Watched].
func (x *topic) Joined(s *pubsub.Subscriber) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count++
	if id := taskOf(s); id != 0 && len(x.named) < maxSubscribers {
		x.named = append(x.named, id)
	}
}

// Left implements [pubsub.Watched].
func (x *topic) Left(s *pubsub.Subscriber) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count--
	if i := slices.Index(x.named, taskOf(s)); i >= 0 {
		x.named = slices.Delete(x.named, i, i+1)
	}
}

// Published implements [pubsub.Watched].
func (x *topic) Published() { x.messages.Add(1) }

// Closed implements [pubsub.Watched].
func (x *topic) Closed() {
	x.topics.shown--
	x.resource.Drop()
}

// taskOf is the number of the subscriber's task, 0 for none.
func taskOf(s *pubsub.Subscriber) uint64 {
	if session, ok := s.Receiver.(*command.Session); ok {
		if c, ok := session.Peer.(*conn); ok {
			return c.task.ID()
		}
	}
	return 0
}
