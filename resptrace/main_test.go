package resptrace_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// TestMain discards the log of go-redis, which the tests would fill with expected errors.
func TestMain(m *testing.M) {
	redis.SetLogger(&logging.VoidLogger{})
	m.Run()
}
