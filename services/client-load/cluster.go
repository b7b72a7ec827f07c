package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

// splitCluster splits the address of a Redis Cluster into the text before the
// hosts, the hosts, and the text after them. An address is that of a cluster if
// it has a comma in its list of hosts. A comma elsewhere, for example in a
// password, does not count; then ok is false.
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

// clusterOptions returns the options for a Redis Cluster, or nil if -addr is not the
// address of a cluster.
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
		return nil, fmt.Errorf("-addr: a Redis Cluster has only database 0, not %s", db)
	}
	// go-redis expects the other hosts as URL parameters.
	for _, host := range hosts[1:] {
		query += "&addr=" + url.QueryEscape(host)
	}
	options, err := redis.ParseClusterURL(before + hosts[0] + "/?" + strings.TrimPrefix(query, "&"))
	if err != nil {
		return nil, addrError(err)
	}
	if options.TLSConfig != nil {
		options.TLSConfig.ServerName = "" // go-redis sets the first host's name; each node has its own
	}
	if options.Password == "" {
		options.Password = cfg.password
	}
	options.PoolSize = cfg.concurrency // per node
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = cfg.timeout, cfg.timeout, cfg.timeout
	options.MaxRetries, options.DialerRetries = -1, 1
	options.MaintNotificationsConfig = noMaintNotifications()
	return options, nil
}

// noRetryHook disables the cluster client's retries, so that an operation is one
// attempt. The client still follows MOVED and ASK redirections, but it returns
// a failed attempt as an error.
type noRetryHook struct{ cluster *redis.ClusterClient }

// noRetryCmd is a command that go-redis does not retry.
type noRetryCmd struct{ redis.Cmder }

// NoRetry implements redis.Cmder.
func (noRetryCmd) NoRetry() bool { return true }

// DialHook implements redis.Hook.
func (noRetryHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h noRetryHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, noRetryCmd{cmd})
		var reply redis.Error
		if err != nil && !errors.As(err, &reply) {
			// A client that retries learns from the redirections which node has
			// replaced a failed one. Without retries the state must be reloaded.
			h.cluster.ReloadState(ctx)
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (noRetryHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
