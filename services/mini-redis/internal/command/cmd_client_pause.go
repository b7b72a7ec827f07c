package command

import (
	"math"
	"time"

	"mini-redis/services/mini-redis/internal/keyspace"
)

// clientPause: CLIENT PAUSE timeout [WRITE | ALL]
func clientPause(c *Ctx) {
	all := true
	if len(c.Args) > 3 {
		all = c.Is(3, "all")
		if len(c.Args) > 4 || !all && !c.Is(3, "write") {
			c.W.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
			return
		}
	}
	ms, ok := keyspace.CanonicalInt(c.Args[2])
	switch {
	case !ok || ms > math.MaxInt64/int64(time.Millisecond):
		c.W.Error("ERR timeout is not an integer or out of range")
	case ms < 0:
		c.W.Error("ERR timeout is negative")
	default:
		c.Engine.Pause(time.Duration(ms)*time.Millisecond, all)
		c.W.OK()
	}
}

// clientUnpause: CLIENT UNPAUSE
func clientUnpause(c *Ctx) {
	c.Engine.Unpause()
	c.W.OK()
}
