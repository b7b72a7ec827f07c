package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/telemetry"
	"mini-redis/resptrace"
)

// pingInterval is the pause between two attempts to reach a server that does not answer yet.
const pingInterval = 200 * time.Millisecond

// connect returns a traced client of a Redis server or a Redis Cluster. It waits up
// to cfg.wait for the server and then opens one connection per worker, so that
// the first operations of the run do not measure the handshake.
func connect(ctx context.Context, cfg config, tel *telemetry.Telemetry) (redis.UniversalClient, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	err = instrument(client, tel)
	if err == nil {
		err = waitFor(ctx, client, cfg)
	}
	if err == nil {
		err = warmUp(ctx, client, cfg.concurrency)
	}
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

func newClient(cfg config) (redis.UniversalClient, error) {
	cluster, err := clusterOptions(cfg)
	if err != nil {
		return nil, err
	}
	if cluster != nil {
		return redis.NewClusterClient(cluster), nil
	}
	options, err := clientOptions(cfg)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(options), nil
}

// instrument adds the hooks. It must be called before the first command.
func instrument(client redis.UniversalClient, tel *telemetry.Telemetry) error {
	err := resptrace.Instrument(client,
		resptrace.WithTracerProvider(tel.TracerProvider()),
		resptrace.WithMeterProvider(tel.MeterProvider()),
		resptrace.WithPropagator(tel.Propagator()),
		resptrace.WithFilter(isTraced))
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		client.AddHook(spanHook{})
		return err
	}
	cluster.OnNewNode(func(node *redis.Client) { node.AddHook(spanHook{}) }) // the node's client starts the span
	cluster.AddHook(noRetryHook{cluster})
	return err
}

// isTraced excludes the PING commands that precede the run.
func isTraced(cmd redis.Cmder) bool { return cmd.Name() != "ping" }

// clientOptions returns the options for a server that is not a cluster.
func clientOptions(cfg config) (*redis.Options, error) {
	options := &redis.Options{Addr: cfg.addr}
	if strings.Contains(cfg.addr, "://") {
		var err error
		if options, err = redis.ParseURL(cfg.addr); err != nil {
			return nil, addrError(err)
		}
	}
	if options.Password == "" {
		options.Password = cfg.password
	}
	options.PoolSize = cfg.concurrency
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = cfg.timeout, cfg.timeout, cfg.timeout
	// One operation is one attempt. A retry by go-redis would hide an error, and the
	// server would count more commands than the report.
	options.MaxRetries, options.DialerRetries = -1, 1
	options.MaintNotificationsConfig = noMaintNotifications()
	return options, nil
}

// noMaintNotifications disables go-redis's maintenance notifications for two
// reasons. They would move connections to another server during a run. Their
// fallback for servers without such notifications has a data race if
// connections are opened concurrently, as fillPool does (go-redis v9.23.0): each
// connection writes the shared options while it holds only its own lock.
func noMaintNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// addrError describes an error in -addr without the address, which may contain a
// password.
func addrError(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err
	}
	return fmt.Errorf("-addr: %w", err)
}

// waitFor sends PING until the server answers or cfg.wait has passed. An error
// reply other than LOADING ends the wait at once, because waiting does not resolve it.
func waitFor(ctx context.Context, client redis.UniversalClient, cfg config) error {
	deadline := time.Now().Add(cfg.wait)
	for {
		err := client.Ping(ctx).Err()
		var reply redis.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &reply) && !redis.IsLoadingError(err):
			return fmt.Errorf("the server at %s returned an error: %w", cfg.server(), err)
		case !time.Now().Add(pingInterval).Before(deadline):
			return fmt.Errorf("no reply from a Redis server at %s within %v: %w", cfg.server(), cfg.wait, err)
		}
		select {
		case <-time.After(pingInterval):
		case <-ctx.Done():
			return fmt.Errorf("interrupted while waiting for the server at %s: %w", cfg.server(), err)
		}
	}
}

// warmUp opens n connections. In a cluster it opens n connections to each master.
func warmUp(ctx context.Context, client redis.UniversalClient, n int) error {
	var err error
	switch c := client.(type) {
	case *redis.Client:
		err = fillPool(ctx, c, n)
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return fillPool(ctx, node, n) })
	}
	if err != nil {
		return fmt.Errorf("opening %d connections: %w", n, err)
	}
	return nil
}

// fillPool opens n connections and returns them to the client's pool.
func fillPool(ctx context.Context, client *redis.Client, n int) error {
	conns := make([]*redis.Conn, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range conns {
		conns[i] = client.Conn()
		wg.Go(func() { errs[i] = conns[i].Ping(ctx).Err() })
	}
	wg.Wait()
	for i := range conns {
		errs[i] = errors.Join(errs[i], conns[i].Close())
	}
	return errors.Join(errs...)
}

// spanHook records the span context of each call, for exemplars and the report.
// It must be added after resptrace's hook, which starts the span.
type spanHook struct{}

// spanKey is the context key of the *trace.SpanContext that spanHook sets.
type spanKey struct{}

// DialHook implements redis.Hook.
func (spanHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (spanHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if seen, ok := ctx.Value(spanKey{}).(*trace.SpanContext); ok {
			*seen = trace.SpanContextFromContext(ctx)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (spanHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// redisLog writes go-redis's log messages at debug level; by default go-redis
// prints them to standard error. The errors that calls return contain the
// relevant ones.
type redisLog struct{ logger *slog.Logger }

// Printf implements go-redis's logger.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}
