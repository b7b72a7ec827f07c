package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Commands of a Mix.
const (
	get = "GET"
	set = "SET"
)

// keyPrefix is the prefix of every key that a Mix reads or writes.
const keyPrefix = "client-load:"

// Limits of MixOptions. Redis allows values of up to 512 MB. The limit here is
// lower, so that a run does not exhaust the load generator's memory first.
const (
	maxValueSize = 64 << 20
	maxKeys      = 1 << 30
)

// MixOptions configures a mix of GET and SET.
type MixOptions struct {
	ReadRatio float64 // fraction of GET, from 0 to 1
	Keys      int     // number of keys; each has the same probability
	ValueSize int     // size of a value in bytes
}

// Mix is a Scenario of GET and SET on a bounded set of keys. The keys are not
// deleted after a run, and every run uses the same keys. Therefore GET finds
// values from the start of the second run.
type Mix struct {
	options MixOptions
	value   string
}

// NewMix returns a Mix, or an error if the options are invalid. Every SET writes the
// same value.
func NewMix(o MixOptions) (*Mix, error) {
	switch {
	case !(o.ReadRatio >= 0 && o.ReadRatio <= 1):
		return nil, fmt.Errorf("read ratio must be from 0 to 1, not %v", o.ReadRatio)
	case o.Keys < 1 || o.Keys > maxKeys:
		return nil, fmt.Errorf("number of keys must be from 1 to %d, not %d", maxKeys, o.Keys)
	case o.ValueSize < 0 || o.ValueSize > maxValueSize:
		return nil, fmt.Errorf("value size must be from 0 to %d bytes, not %d", maxValueSize, o.ValueSize)
	}
	value := make([]byte, o.ValueSize)
	for i := range value {
		value[i] = 'a' + byte(i%26)
	}
	return &Mix{options: o, value: string(value)}, nil
}

// Commands implements Scenario.
func (m *Mix) Commands() []string { return []string{get, set} }

// Next implements Scenario.
func (m *Mix) Next(source *rand.Rand) Operation {
	read := source.Float64() < m.options.ReadRatio
	key := keyPrefix + strconv.Itoa(source.IntN(m.options.Keys))
	if read {
		return Operation{Command: get, Do: func(ctx context.Context, client redis.Cmdable) error {
			err := client.Get(ctx, key).Err()
			if errors.Is(err, redis.Nil) {
				return nil
			}
			return err
		}}
	}
	return Operation{Command: set, Do: func(ctx context.Context, client redis.Cmdable) error {
		return client.Set(ctx, key, m.value, 0).Err()
	}}
}
