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

// The types of errors that are not a server's answer. A server's error reply
// has its code as type: "WRONGTYPE", "OOM", "ERR".
const (
	errorTimeout = "timeout"            // no answer, or no connection, in time
	errorRefused = "connection_refused" // nothing listens there
	errorClosed  = "connection_closed"  // closed or reset before the answer
	errorPool    = "pool_timeout"       // no free connection in time
	errorNetwork = "network"            // any other failure of the connection
	errorOther   = "other"
)

// codesKept bounds how many codes of error replies are told apart: they are the
// server's to choose, and each is a time series and a map's key here.
const codesKept = 16

// errorTypes gives each error a type out of a bounded set.
type errorTypes struct {
	mu    sync.Mutex // guards codes
	codes map[string]bool
}

func newErrorTypes() *errorTypes { return &errorTypes{codes: map[string]bool{}} }

func (e *errorTypes) of(err error) string {
	var reply redis.Error
	var netErr net.Error
	switch {
	case errors.As(err, &reply):
		return e.code(reply.Error())
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

// code takes the first word of an error reply, which by Redis's custom is its
// code in upper case.
func (e *errorTypes) code(reply string) string {
	word, _, _ := strings.Cut(reply, " ")
	if word == "" || len(word) > 32 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return errorOther
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.codes[word] {
		if len(e.codes) >= codesKept {
			return errorOther
		}
		e.codes[word] = true
	}
	return word
}
