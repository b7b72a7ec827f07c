package telemetry

import (
	"log/slog"
	"sync"
	"time"
)

// complainEvery bounds how often a failure that lasts is told again.
const complainEvery = time.Minute

// health tells the log how it stands with one collector: once when exports begin to fail, at most every complainEvery while they do,
// and once when they work again. How much was lost is in the metrics, not here.
type health struct {
	log    *slog.Logger
	target string
	now    func() time.Time

	mu       sync.Mutex
	since    time.Time // of the first failure; zero while all is well
	told     time.Time
	failures int
	refused  time.Time // when the last refusal was told
}

func newHealth(log *slog.Logger, target string, now func() time.Time) *health {
	return &health{log: log, target: target, now: now}
}

func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.failures++
	if h.since.IsZero() {
		h.since = now
	} else if now.Sub(h.told) < complainEvery {
		return
	}
	h.told = now
	h.log.Warn("telemetry export failed", "endpoint", h.target, "error", err.Error(), "failures", h.failures,
		"failing_for", now.Sub(h.since).Round(time.Second).String())
}

// succeeded notes an answer; the collector may have refused a part of it, or have something to say.
func (h *health) succeeded(rejected int64, complaint string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if !h.since.IsZero() {
		h.log.Info("telemetry export works again", "endpoint", h.target, "failures", h.failures,
			"failed_for", now.Sub(h.since).Round(time.Second).String())
		h.since, h.failures = time.Time{}, 0
	}
	if (rejected > 0 || complaint != "") && (h.refused.IsZero() || now.Sub(h.refused) >= complainEvery) {
		h.refused = now
		h.log.Warn("collector refused a part of an export", "endpoint", h.target, "rejected", rejected, "message", complaint)
	}
}

// seldom lets a complaint through at most once every complainEvery.
type seldom struct {
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
	held int
}

// ask reports whether to complain now, and how many complaints were held back since the last.
func (s *seldom) ask() (ok bool, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < complainEvery {
		s.held++
		return false, 0
	}
	held, s.held, s.last = s.held, 0, now
	return true, held
}
