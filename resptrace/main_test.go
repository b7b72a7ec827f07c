package resptrace_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// TestMain silences go-redis, which writes what tests provoke to standard error.
func TestMain(m *testing.M) {
	redis.SetLogger(&logging.VoidLogger{})
	m.Run()
}
