package observe

// rates is the source of INFO's instantaneous_* fields: the totals at the last points in
// time, at least sampleGap apart.
type rates struct {
	ring [sampleCount]sample
	n    int // number of samples ever taken
}

const (
	sampleCount = 16
	sampleGap   = int64(100e6)                        // nanoseconds
	rateWindow  = sampleGap*sampleCount + sampleGap/2 // nanoseconds; older samples are not used
)

// sample holds the totals at one point in time.
type sample struct {
	mono               int64
	calls, input, sent float64
}

// Tick updates INFO's instantaneous_* fields. The server's housekeeping calls it about
// ten times a second. mono is the monotonic time in nanoseconds; the others are the
// totals in bytes.
func (o *Observer) Tick(mono, inputBytes, outputBytes int64) {
	r := &o.rates
	if r.n > 0 && mono-r.last().mono < sampleGap {
		return
	}
	r.ring[r.n%sampleCount] = sample{
		mono, float64(o.processed), float64(inputBytes), float64(outputBytes),
	}
	r.n++
}

func (r *rates) last() sample { return r.ring[(r.n-1)%sampleCount] }

// since returns the rates per second up to now: from the oldest sample in the window, or
// from the newest one if all are older.
func (r *rates) since(now sample) (perSecond sample) {
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
	rate := func(now, then float64) float64 { return max(now-then, 0) / seconds }
	return sample{
		now.mono, rate(now.calls, from.calls), rate(now.input, from.input), rate(now.sent, from.sent),
	}
}
