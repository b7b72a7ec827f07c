package consoleview

import (
	"slices"
	"sync"
	"sync/atomic"

	"mini-redis/console"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// Limits of what is shown of publish/subscribe.
const (
	maxTopics      = 1000 // channels and patterns at a time; the rest are counted as other
	maxSubscribers = 16   // subscribers named for each
)

// Opened implements pubsub.Monitor: it makes a channel or a pattern a resource.
func (v *View) Opened(name string, pattern bool) pubsub.MonitoredTopic {
	if v.topics >= maxTopics {
		return nil
	}
	x := &topic{view: v}
	o := console.ResourceOptions{Kind: "Channel", Type: "pubsub.Channel", Name: name, Parent: v.pubsub, Site: v.site, State: x.state}
	if pattern {
		o.Kind, o.Type = "Pattern", "pubsub.Pattern"
	}
	if x.resource = v.console.NewResource(o); x.resource == nil {
		return nil
	}
	v.topics++
	return x
}

// topic is a channel or a pattern that is shown.
type topic struct {
	view     *View
	resource *console.Resource
	messages atomic.Uint64

	mu    sync.Mutex // a viewer reads what the holder of the execution lock writes
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

// Joined implements pubsub.MonitoredTopic.
func (x *topic) Joined(s *pubsub.Subscriber) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count++
	if id := x.taskOf(s); id != 0 && len(x.named) < maxSubscribers {
		x.named = append(x.named, id)
	}
}

// Left implements pubsub.MonitoredTopic.
func (x *topic) Left(s *pubsub.Subscriber) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count--
	if i := slices.Index(x.named, x.taskOf(s)); i >= 0 {
		x.named = slices.Delete(x.named, i, i+1)
	}
}

// Published implements pubsub.MonitoredTopic.
func (x *topic) Published() { x.messages.Add(1) }

// Closed implements pubsub.MonitoredTopic.
func (x *topic) Closed() {
	x.view.topics--
	x.resource.Drop()
}

// taskOf returns the number of the subscriber's task, 0 for none.
func (x *topic) taskOf(s *pubsub.Subscriber) uint64 {
	if session, ok := s.Receiver.(*engine.Session); ok {
		return x.view.taskOf(session.ID)
	}
	return 0
}
