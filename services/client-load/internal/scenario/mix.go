package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The commands of a Mix.
const (
	get = "GET"
	set = "SET"
)

// keyPrefix begins every key that a Mix reads or writes.
const keyPrefix = "client-load:"

// Bounds of a MixOptions' sizes: 512 MB is Redis's own bound of a value, and a
// generator's memory should not be the first thing a run exhausts.
const (
	maxValueSize = 64 << 20
	maxKeys      = 1 << 30
)

// MixOptions describe a mix of GET and SET.
type MixOptions struct {
	ReadRatio float64 // share of GET, 0 to 1
	Keys      int     // number of keys, chosen with equal probability
	ValueSize int     // bytes of a value
}

// Mix is a Scenario of GET and SET on a bounded set of keys. The keys stay
// behind after the run and are the same in the next, so that GET finds values
// from the first operation of a second run on.
type Mix struct {
	options MixOptions
	value   string
}

// NewMix checks the options and makes the value that every SET writes.
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
