package resptrace

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"
)

// ErrRing is returned by Instrument for a Ring, because its clients exist already.
var ErrRing = errors.New("resptrace: a Ring creates its own clients: pass its options to InstrumentRing before NewRing")

// Instrument adds tracing, propagation and metrics to a *redis.Client (from
// NewClient or NewFailoverClient) or a *redis.ClusterClient (from
// NewClusterClient or NewFailoverClusterClient). Call it once, before the first
// command and after other hooks: it does not affect existing connections and
// cluster nodes. For a *redis.Ring it returns ErrRing.
func Instrument(c redis.UniversalClient, opts ...Option) error {
	switch c := c.(type) {
	case *redis.Client:
		cfg, err := newConfig(opts)
		if err != nil {
			return err
		}
		return cfg.attach(c, standalone)
	case *redis.ClusterClient:
		cfg, err := newConfig(opts)
		if err != nil {
			return err
		}
		// The cluster client holds a lock here, so the hook must not call its methods.
		c.OnNewNode(func(node *redis.Client) { handleError(cfg.attach(node, clusterNode)) })
		return nil
	case *redis.Ring:
		return ErrRing
	default:
		return fmt.Errorf("resptrace: cannot instrument a %T", c)
	}
}

// InstrumentRing changes the options so that each shard's client is instrumented
// when it is created. It keeps the options' NewClient if there is one. Call it
// once, before NewRing.
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
		handleError(cfg.attach(c, clusterNode))
		return c
	}
	return nil
}

// attach adds the hook and the pool metrics to one client.
func (cfg *config) attach(c *redis.Client, r role) error {
	c.AddHook(newHook(cfg, c.Options(), r))
	return cfg.pools.observe(c)
}

// handleError passes an error without a caller to OpenTelemetry's error handler.
func handleError(err error) {
	if err != nil {
		otel.Handle(err)
	}
}
