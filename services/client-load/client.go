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

// retryEvery is the pause between two attempts to reach a Redis that is not there yet.
const retryEvery = 200 * time.Millisecond

// connect returns a traced client of a Redis, or of a Redis Cluster, with an
// open connection a worker, so that the first operations of the run measure the
// server and not the handshake. It waits for the server as long as the
// configuration says.
func connect(ctx context.Context, cfg config, tel *telemetry.Telemetry) (redis.UniversalClient, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	err = observe(client, tel)
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

// observe adds the hooks, before anything is sent.
func observe(client redis.UniversalClient, tel *telemetry.Telemetry) error {
	err := resptrace.Instrument(client,
		resptrace.WithTracerProvider(tel.TracerProvider()),
		resptrace.WithMeterProvider(tel.MeterProvider()),
		resptrace.WithPropagator(tel.Propagator()),
		resptrace.WithFilter(isLoad))
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		client.AddHook(spanHook{})
		return err
	}
	cluster.OnNewNode(func(node *redis.Client) { node.AddHook(spanHook{}) }) // where the span is
	cluster.AddHook(oneAttempt{cluster})
	return err
}

// isLoad keeps the pings that precede the run out of the traces.
func isLoad(cmd redis.Cmder) bool { return cmd.Name() != "ping" }

// clientOptions are those of a Redis that is not a cluster.
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
	// One operation is one attempt: a retry would hide an error, and would make
	// the server count more than was sent.
	options.MaxRetries, options.DialerRetries = -1, 1
	options.MaintNotificationsConfig = noMaintenance()
	return options, nil
}

// noMaintenance keeps go-redis from asking the server for notices of its
// maintenance: it would move a connection, and what is sent on it, to another
// server in the middle of a run. Nor does the fallback of a server that knows no
// such notices allow for the concurrent Conns of fillPool (go-redis v9.23.0):
// each writes the options that all of them share under a lock of its own.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// addrError says what is wrong with -addr without repeating it: there may be a
// password in it.
func addrError(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err
	}
	return fmt.Errorf("-addr: %w", err)
}

// waitFor pings the server until it answers or the wait is over. A server that
// answers with an error does not get better by waiting, unless it is loading.
func waitFor(ctx context.Context, client redis.UniversalClient, cfg config) error {
	deadline := time.Now().Add(cfg.wait)
	for {
		err := client.Ping(ctx).Err()
		var reply redis.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &reply) && !redis.IsLoadingError(err):
			return fmt.Errorf("the Redis at %s refuses: %w", cfg.server(), err)
		case !time.Now().Add(retryEvery).Before(deadline):
			return fmt.Errorf("no Redis answers at %s within %v: %w", cfg.server(), cfg.wait, err)
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return fmt.Errorf("stopped while waiting for the Redis at %s: %w", cfg.server(), err)
		}
	}
}

// warmUp opens n connections, in a cluster n to each master.
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

// fillPool opens n connections and gives them to the client's pool.
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

// spanHook notes the span of the call that passes, for the exemplars and the
// report. It must be added after resptrace's hook, which starts the span.
type spanHook struct{}

// spanKey is the context key of a *trace.SpanContext that spanHook fills in.
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

// redisLog takes what go-redis would print to standard error. What matters of
// it is also in the errors it returns, so the rest is for who looks closely.
type redisLog struct{ logger *slog.Logger }

// Printf implements go-redis's logger.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}
