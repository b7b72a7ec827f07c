package inspect

import (
	"context"
	"fmt"
	"time"
)

// WaitReady returns once url answers 200, or with the reason why it does not when ctx ends.
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
