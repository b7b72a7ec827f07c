package measure

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// Types of errors that are not error replies. The type of an error reply is its
// code, for example "WRONGTYPE", "OOM" or "ERR".
const (
	errorTimeout = "timeout"            // no reply or no connection in time
	errorRefused = "connection_refused" // no process listens at the address
	errorClosed  = "connection_closed"  // closed or reset before the reply
	errorPool    = "pool_timeout"       // no free connection in the pool in time
	errorNetwork = "network"            // any other network error
	errorOther   = "other"
)

// maxReplyCodes is the maximum number of distinct error reply codes. The server
// chooses the codes, and each one adds a time series and a map key.
const maxReplyCodes = 16

// errorTypes maps errors to a bounded set of types.
type errorTypes struct {
	mu    sync.Mutex // guards codes
	codes map[string]bool
}

func newErrorTypes() *errorTypes { return &errorTypes{codes: map[string]bool{}} }

// classify returns the type of err.
func (e *errorTypes) classify(err error) string {
	var reply redis.Error
	var netErr net.Error
	switch {
	case errors.As(err, &reply):
		return e.replyCode(reply.Error())
	case errors.Is(err, redis.ErrPoolTimeout):
		return errorPool
	case errors.Is(err, syscall.ECONNREFUSED):
		return errorRefused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errorClosed
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return errorTimeout
	case netErr != nil:
		return errorNetwork
	}
	return errorOther
}

// replyCode returns the code of an error reply. By the convention of Redis it is
// the first word, in upper case. It returns errorOther if the first word is not a
// code or if maxReplyCodes other codes have been seen.
func (e *errorTypes) replyCode(reply string) string {
	word, _, _ := strings.Cut(reply, " ")
	if word == "" || len(word) > 32 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return errorOther
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.codes[word] {
		if len(e.codes) >= maxReplyCodes {
			return errorOther
		}
		e.codes[word] = true
	}
	return word
}
