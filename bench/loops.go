package main

import (
	"context"
	"slices"
)

// loops compares four event loops with two, on however many processors there are.
func (b *bench) loops(ctx context.Context) error {
	const two = "mini-redis, 2 loops"
	peers := []peer{own(two, b.binary, "-loops", "2"), own("mini-redis, 4 loops", b.binary, "-loops", "4")}
	if b.old != "" {
		peers = append(peers, own("old mini-redis, 2 loops", b.old, "-loops", "2"), own("old mini-redis, 4 loops", b.old, "-loops", "4"))
	}
	all := b.complete()
	if i := slices.IndexFunc(all, func(p peer) bool { return p.name == reference }); i >= 0 {
		peers = append(peers, all[i])
	}
	return b.redisBenchmarks(ctx, "loops", peers, two)
}
