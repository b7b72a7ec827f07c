package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

// splitCluster takes apart an address whose hosts are separated by commas, which
// makes it that of a Redis Cluster: what is before the hosts, the hosts, and
// what is after them. A comma elsewhere, in a password, does not.
func splitCluster(addr string) (before string, hosts []string, after string, ok bool) {
	rest := addr
	if scheme, r, found := strings.Cut(addr, "://"); found {
		before, rest = scheme+"://", r
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		before, rest = before+rest[:i+1], rest[i+1:]
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest, after = rest[:i], rest[i:]
	}
	if !strings.Contains(rest, ",") {
		return "", nil, "", false
	}
	for host := range strings.SplitSeq(rest, ",") {
		if host = strings.TrimSpace(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	return before, hosts, after, len(hosts) > 0
}

// clusterOptions are those of a Redis Cluster, or nil when -addr is not one's.
func clusterOptions(cfg config) (*redis.ClusterOptions, error) {
	before, hosts, after, ok := splitCluster(cfg.addr)
	if !ok {
		return nil, nil
	}
	if !strings.Contains(before, "://") {
		before = "redis://" + before
	}
	path, query, _ := strings.Cut(after, "?")
	if db := strings.Trim(path, "/"); db != "" && db != "0" {
		return nil, fmt.Errorf("-addr: a Redis Cluster has database 0 alone, not %s", db)
	}
	// go-redis's own form of such an address: the other hosts are parameters.
	for _, host := range hosts[1:] {
		query += "&addr=" + url.QueryEscape(host)
	}
	options, err := redis.ParseClusterURL(before + hosts[0] + "/?" + strings.TrimPrefix(query, "&"))
	if err != nil {
		return nil, addrError(err)
	}
	if options.TLSConfig != nil {
		options.TLSConfig.ServerName = "" // go-redis's is the first host's; each node shows its own
	}
	if options.Password == "" {
		options.Password = cfg.password
	}
	options.PoolSize = cfg.concurrency // of each node
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = cfg.timeout, cfg.timeout, cfg.timeout
	options.MaxRetries, options.DialerRetries = -1, 1
	options.MaintNotificationsConfig = noMaintenance()
	return options, nil
}

// oneAttempt is the hook that makes an operation one attempt in a cluster, too:
// the client goes where a node sends it, but what failed on the way is an error,
// and not silently sent again.
type oneAttempt struct{ cluster *redis.ClusterClient }

// onceCmd is a command that go-redis does not retry.
type onceCmd struct{ redis.Cmder }

// NoRetry implements redis.Cmder.
func (onceCmd) NoRetry() bool { return true }

// DialHook implements redis.Hook.
func (oneAttempt) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h oneAttempt) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, onceCmd{cmd})
		var reply redis.Error
		if err != nil && !errors.As(err, &reply) {
			// A client that retries finds out thereby who has taken over from a node
			// that is gone. This one asks.
			h.cluster.ReloadState(ctx)
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (oneAttempt) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
