package telemetry

import (
	"log/slog"
	"sync"
	"time"
)

// warnInterval is the minimum time between two warnings about the same ongoing failure.
const warnInterval = time.Minute

// exportHealth logs the state of the exports to one collector: a warning when they begin to fail,
// at most one warning per warnInterval while they fail, and a message when they succeed again. The
// metrics count the lost spans and data points.
type exportHealth struct {
	log    *slog.Logger
	target string
	now    func() time.Time

	mu           sync.Mutex
	failingSince time.Time // time of the first failure; zero while exports succeed
	lastWarned   time.Time
	failures     int
	lastRejected time.Time // time of the last warning about a rejection
}

func newExportHealth(log *slog.Logger, target string, now func() time.Time) *exportHealth {
	return &exportHealth{log: log, target: target, now: now}
}

func (h *exportHealth) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.failures++
	if h.failingSince.IsZero() {
		h.failingSince = now
	} else if now.Sub(h.lastWarned) < warnInterval {
		return
	}
	h.lastWarned = now
	h.log.Warn("telemetry export failed", "endpoint", h.target, "error", err.Error(), "failures", h.failures,
		"failing_for", now.Sub(h.failingSince).Round(time.Second).String())
}

// succeeded records an accepted request. rejected and message come from the partial success of the
// response.
func (h *exportHealth) succeeded(rejected int64, message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if !h.failingSince.IsZero() {
		h.log.Info("telemetry export recovered", "endpoint", h.target, "failures", h.failures,
			"failed_for", now.Sub(h.failingSince).Round(time.Second).String())
		h.failingSince, h.failures = time.Time{}, 0
	}
	if (rejected > 0 || message != "") && (h.lastRejected.IsZero() || now.Sub(h.lastRejected) >= warnInterval) {
		h.lastRejected = now
		h.log.Warn("collector rejected part of an export", "endpoint", h.target, "rejected", rejected, "message", message)
	}
}

// rateLimiter allows one message per warnInterval.
type rateLimiter struct {
	now        func() time.Time
	mu         sync.Mutex
	last       time.Time
	suppressed int
}

// allow reports whether to log now, and how many messages it has suppressed since the last one.
func (s *rateLimiter) allow() (ok bool, suppressed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < warnInterval {
		s.suppressed++
		return false, 0
	}
	suppressed, s.suppressed, s.last = s.suppressed, 0, now
	return true, suppressed
}
