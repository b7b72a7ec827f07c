package resptrace

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"
)

// ErrRing answers Instrument for a Ring, whose clients exist already.
var ErrRing = errors.New("resptrace: a Ring makes its clients by itself: pass its options to InstrumentRing before NewRing")

// Instrument adds tracing, propagation and metrics to a *redis.Client (from
// NewClient or NewFailoverClient) or a *redis.ClusterClient (from
// NewClusterClient or NewFailoverClusterClient). Call it once, before the first
// command and after other hooks: connections and cluster nodes that exist
// already are not seen. A *redis.Ring is refused with ErrRing.
func Instrument(c redis.UniversalClient, opts ...Option) error {
	switch c := c.(type) {
	case *redis.Client:
		cfg, err := newConfig(opts)
		if err != nil {
			return err
		}
		return cfg.attach(c, single)
	case *redis.ClusterClient:
		cfg, err := newConfig(opts)
		if err != nil {
			return err
		}
		// The cluster holds a lock here, so the hook must not call it.
		c.OnNewNode(func(node *redis.Client) { handle(cfg.attach(node, member)) })
		return nil
	case *redis.Ring:
		return ErrRing
	default:
		return fmt.Errorf("resptrace: cannot instrument a %T", c)
	}
}

// InstrumentRing makes a Ring's options instrument each shard's client as it is
// created, by the options' own NewClient if there is one. Call it once, before NewRing.
func InstrumentRing(o *redis.RingOptions, opts ...Option) error {
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	newClient := o.NewClient
	if newClient == nil {
		newClient = redis.NewClient
	}
	o.NewClient = func(opt *redis.Options) *redis.Client {
		c := newClient(opt)
		handle(cfg.attach(c, member))
		return c
	}
	return nil
}

// attach adds the hook and the pool metrics to one client.
func (cfg *config) attach(c *redis.Client, r role) error {
	c.AddHook(newHook(cfg, c.Options(), r))
	return cfg.pools.observe(c)
}

// handle gives an error that has no caller to OpenTelemetry's error handler.
func handle(err error) {
	if err != nil {
		otel.Handle(err)
	}
}
