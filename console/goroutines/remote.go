package goroutines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"mini-redis/console/wire/goroutinespb"
)

// maxDownload is the maximum size of a response, in bytes. The rest is not read.
const maxDownload = 64 << 20

// Remote describes the goroutines of a program that serves net/http/pprof.
type Remote struct {
	// URL is the program's address, for example http://127.0.0.1:6060, with or without
	// /debug/pprof.
	URL    string
	Client *http.Client  // default: http.DefaultClient
	Window time.Duration // length of an execution trace; default: the constant Window

	mu       sync.Mutex
	times    map[uint64]Times // the latest, of a trace of length window
	window   time.Duration
	timesErr error // why there are no times
	tracedAt time.Time
	leaksAt  time.Time
	noLeaks  bool
}

// Snapshot requests the program's stack traces and, at most every 5 s, an execution trace of length
// Window.
func (r *Remote) Snapshot(ctx context.Context, limit int) (*goroutinespb.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &rawSnapshot{now: time.Now()}
	r.leaks(ctx, f)
	// The cheap profile first: it states how many goroutines there are.
	text, err := r.get(ctx, "goroutine?debug=1")
	if err != nil {
		return nil, err
	}
	if f.stacks, f.total, err = readProfile(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	if f.total <= limit {
		if text, err = r.get(ctx, "goroutine?debug=2"); err != nil {
			return nil, err
		}
		if f.stacks, err = readStacks(bytes.NewReader(text)); err != nil {
			return nil, err
		}
		f.total = len(f.stacks)
	}
	if f.now.Sub(r.tracedAt) >= timesInterval {
		r.tracedAt, r.timesErr = f.now, r.trace(ctx)
	}
	if f.times, f.window = r.times, r.window; r.timesErr != nil {
		f.notes = append(f.notes, "no times: "+r.timesErr.Error())
	}
	return f.snapshot(limit), nil
}

// Rest implements console.GoroutineSource. It does nothing, because nothing runs between snapshots.
func (r *Remote) Rest() {}

func (r *Remote) leaks(ctx context.Context, f *rawSnapshot) {
	f.leaksKnown = !r.noLeaks
	if r.noLeaks || f.now.Sub(r.leaksAt) < leakInterval {
		return
	}
	r.leaksAt = f.now
	_, err := r.get(ctx, "goroutineleak?debug=1")
	var status *statusError
	r.noLeaks = errors.As(err, &status) && status.code == http.StatusNotFound
	f.leaksKnown = err == nil
}

// trace requests an execution trace and reads the times in it.
func (r *Remote) trace(ctx context.Context) error {
	window := r.Window
	if window == 0 {
		window = Window
	}
	data, err := r.get(ctx, fmt.Sprintf("trace?seconds=%g", window.Seconds()))
	if err != nil {
		return err
	}
	r.times, r.window, err = readTimes(bytes.NewReader(data))
	return err
}

// statusError is a response whose status is not 200.
type statusError struct {
	url  string
	code int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d %s", e.url, e.code, http.StatusText(e.code))
}

func (r *Remote) get(ctx context.Context, what string) ([]byte, error) {
	url := trimPprof(r.URL) + "/debug/pprof/" + what
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &statusError{url, res.StatusCode}
	}
	return io.ReadAll(io.LimitReader(res.Body, maxDownload))
}

func trimPprof(url string) string {
	for _, tail := range []string{"/", "/debug/pprof", "/"} {
		for len(url) > len(tail) && url[len(url)-len(tail):] == tail {
			url = url[:len(url)-len(tail)]
		}
	}
	return url
}
