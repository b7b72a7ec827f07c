package resptrace

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const statusError = codes.Error

// waitKey is the only attribute that is not in the semantic conventions: the
// time in nanoseconds from the start of the span until its command was first
// written.
const waitKey = attribute.Key("resptrace.wait_ns")

// failoverAddr is the value of Options.Addr of a failover client.
const failoverAddr = "FailoverClient"

// serverAttributes returns the attributes that all calls of a client have.
func serverAttributes(o *redis.Options) []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.DBSystemNameRedis, semconv.DBNamespace(strconv.Itoa(o.DB))}
	if o.Addr == failoverAddr {
		return attrs // the master's address is unknown until the first dial
	}
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil || o.Network == "unix" {
		return append(attrs, semconv.ServerAddress(o.Addr))
	}
	attrs = append(attrs, semconv.ServerAddress(host))
	if n, err := strconv.Atoi(port); err == nil {
		attrs = append(attrs, semconv.ServerPort(n))
	}
	return attrs
}

// attributes appends the attributes that are known only after the call.
func (e *callResult) attributes(dst, peer []attribute.KeyValue, out outcome) []attribute.KeyValue {
	dst = append(dst, peer...)
	if e.size > 1 {
		dst = append(dst, semconv.DBOperationBatchSize(e.size))
	}
	if e.text != "" {
		dst = append(dst, semconv.DBQueryText(e.text))
	}
	if !e.written.IsZero() {
		dst = append(dst, waitKey.Int64(int64(e.written.Sub(e.start))))
	}
	return out.attributes(dst)
}

// outcome is the result of a call. It contains no keys and no values.
type outcome struct {
	status string // db.response.status_code: the first word of the server's error
	kind   string // error.type; "" if the call did not fail
}

func (o outcome) failed() bool { return o.kind != "" }

func (o outcome) attributes(dst []attribute.KeyValue) []attribute.KeyValue {
	if o.status != "" {
		dst = append(dst, semconv.DBResponseStatusCode(o.status))
	}
	if o.kind != "" {
		dst = append(dst, semconv.ErrorTypeKey.String(o.kind))
	}
	return dst
}

// outcome converts an error. A nil reply is not a failure, and neither is the nil
// reply of EXEC when a watched key has changed.
func (h *hook) outcome(err error) outcome {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, redis.TxFailedErr) {
		return outcome{}
	}
	reply, ok := asReply(err)
	if !ok {
		return outcome{kind: errorTypeOf(err)}
	}
	code := errorCode(reply.Error())
	switch {
	case code == "":
		return outcome{kind: semconv.ErrorTypeOther.Value.AsString()}
	case h.role == clusterNode && (code == "MOVED" || code == "ASK"):
		return outcome{status: code} // the cluster client follows the redirect
	}
	return outcome{status: code, kind: code}
}

// errorCode returns the upper-case first word of a Redis error, or "" if there is
// none. Errors that scripts return may have none.
func errorCode(text string) string {
	code, _, _ := strings.Cut(text, " ")
	if len(code) < 2 || len(code) > 32 {
		return ""
	}
	for i := range len(code) {
		if c := code[i]; (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9') {
			return ""
		}
	}
	return code
}

// errorTypeOf returns error.type for an error that is not a reply of the server.
func errorTypeOf(err error) string {
	known := []struct {
		err  error
		name string
	}{
		{context.Canceled, "context.Canceled"},
		{redis.ErrPoolTimeout, "redis.ErrPoolTimeout"},
		{redis.ErrPoolExhausted, "redis.ErrPoolExhausted"},
		{redis.ErrClosed, "redis.ErrClosed"},
		{io.EOF, "io.EOF"},
		{io.ErrUnexpectedEOF, "io.EOF"},
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return semconv.ErrorType(err).Value.AsString()
}

// peer is the network address that a client is connected to. A client has many
// connections, and a hook does not know which one a command uses. So the peer
// attributes are set only while all connections so far have had the same address.
// For a failover client they follow the master.
type peer struct {
	mayChange bool
	mu        sync.Mutex
	addr      string
	attrs     atomic.Pointer[[]attribute.KeyValue]
}

func (p *peer) connected(addr net.Addr) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text := tcp.String()
	if p.addr == text {
		return
	}
	var attrs []attribute.KeyValue
	if p.addr == "" || p.mayChange {
		attrs = append(attrs, semconv.NetworkPeerAddress(tcp.IP.String()), semconv.NetworkPeerPort(tcp.Port))
	}
	if p.mayChange {
		attrs = append(attrs, semconv.ServerAddress(tcp.IP.String()), semconv.ServerPort(tcp.Port))
	}
	p.addr = text
	p.attrs.Store(&attrs)
}

func (p *peer) attributes() []attribute.KeyValue {
	if a := p.attrs.Load(); a != nil {
		return *a
	}
	return nil
}
