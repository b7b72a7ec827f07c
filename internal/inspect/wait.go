package inspect

import (
	"context"
	"fmt"
	"time"
)

// WaitReady polls url every 50 ms until it answers 200. If ctx ends first, the error contains the
// cause of ctx and the last error.
func (c Client) WaitReady(ctx context.Context, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.Ready(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
