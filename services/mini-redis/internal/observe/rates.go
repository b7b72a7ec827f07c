package observe

// rates is what INFO's instantaneous_* are computed from: the totals as they
// stood at the last moments, at least sampleGap apart.
type rates struct {
	ring [sampleCount]sample
	n    int // samples ever taken
}

const (
	sampleCount = 16
	sampleGap   = int64(100e6)                        // ns
	rateWindow  = sampleGap*sampleCount + sampleGap/2 // ns: what is older says nothing about now
)

// sample are the totals at one moment.
type sample struct {
	mono               int64
	calls, input, sent float64
}

// Tick keeps INFO's instantaneous_* up to date: the server's housekeeping calls
// it about ten times a second. mono is the clock's monotonic time in
// nanoseconds, the others are totals in bytes.
func (o *Observer) Tick(mono, inputBytes, outputBytes int64) {
	r := &o.rates
	if r.n > 0 && mono-r.last().mono < sampleGap {
		return
	}
	r.ring[r.n%sampleCount] = sample{mono, float64(o.processed), float64(inputBytes), float64(outputBytes)}
	r.n++
}

func (r *rates) last() sample { return r.ring[(r.n-1)%sampleCount] }

// since returns what happened for each second up to now: from the oldest sample
// of the window, or from the newest of all when the server has been idle.
func (r *rates) since(now sample) (each sample) {
	if r.n == 0 {
		return sample{}
	}
	from := r.last()
	for i := max(r.n-sampleCount, 0); i < r.n; i++ {
		if s := r.ring[i%sampleCount]; now.mono-s.mono <= rateWindow {
			from = s
			break
		}
	}
	seconds := float64(now.mono-from.mono) / 1e9
	if seconds <= 0 {
		return sample{}
	}
	per := func(now, then float64) float64 { return max(now-then, 0) / seconds }
	return sample{now.mono, per(now.calls, from.calls), per(now.input, from.input), per(now.sent, from.sent)}
}
