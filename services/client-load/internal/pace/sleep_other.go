//go:build !linux

package pace

import "context"

func newSleeper(ctx context.Context) sleeper { return timerSleeper{ctx, wait} }
