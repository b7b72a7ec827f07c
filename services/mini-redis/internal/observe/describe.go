package observe

import (
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// Attributes that the semantic conventions do not define.
const (
	keyQueue   = attribute.Key("mini_redis.phase.queue_ns")
	keyLock    = attribute.Key("mini_redis.phase.lock_ns")
	keyBlocked = attribute.Key("mini_redis.phase.blocked_ns")
	keyExec    = attribute.Key("mini_redis.phase.exec_ns")
	keyFlush   = attribute.Key("mini_redis.phase.flush_ns")
	keyKey     = attribute.Key("mini_redis.key")
)

// scopeName is the instrumentation scope of the server's spans.
const scopeName = "mini-redis/services/mini-redis"

// maxLocals is the number of server addresses that spans can have: a listener on all
// addresses has as many as the machine.
const maxLocals = 64

// maxKey is the largest number of bytes of a key in a span.
const maxKey = 256

// names holds the strings that records refer to by number.
type names struct {
	version string
	codes   *interned // error codes
	locals  *interned // the server's addresses, as "ip:port"
}

// operation gives a command's spans their name and their attributes. All records of a
// command share one.
type operation struct {
	name  string // "GET", "CLIENT SETNAME"
	names *names
}

var (
	_ telemetry.Describer = (*operation)(nil)
	_ telemetry.Scoper    = (*operation)(nil)
)

// Scope implements telemetry.Scoper.
func (op *operation) Scope() (name, version string) { return scopeName, op.names.version }

// Describe implements telemetry.Describer.
func (op *operation) Describe(r *telemetry.Record) (string, []attribute.KeyValue) {
	attrs := make([]attribute.KeyValue, 0, 18)
	attrs = append(attrs,
		semconv.DBSystemNameRedis,
		semconv.DBOperationName(op.name),
		semconv.DBNamespace(strconv.FormatInt(r.Data[dataDB], 10)),
	)
	peer, key, hasKey := strings.Cut(r.Text, keySeparator)
	if host, port := endpoint(op.names.locals.text(int(r.Data[dataLocal]))); host != "" {
		attrs = append(attrs, semconv.ServerAddress(host))
		if port > 0 {
			attrs = append(attrs, semconv.ServerPort(port))
		}
	}
	if host, port := endpoint(peer); host != "" {
		attrs = append(attrs, semconv.ClientAddress(host), semconv.NetworkPeerAddress(host))
		if port > 0 {
			attrs = append(attrs, semconv.ClientPort(port), semconv.NetworkPeerPort(port))
		}
	}
	if code := r.Data[dataCode]; code > 0 {
		text := op.names.codes.text(int(code) - 1)
		attrs = append(attrs, semconv.DBResponseStatusCode(text), semconv.ErrorTypeKey.String(text))
	}
	if hasKey {
		attrs = append(attrs, keyKey.String(key))
	}
	attrs = append(attrs, keyQueue.Int64(r.Data[dataQueue]), keyLock.Int64(r.Data[dataLock]))
	if r.End == 0 {
		return op.name, attrs // the span is open: the other phases have not ended
	}
	attrs = append(attrs,
		keyBlocked.Int64(r.Data[dataBlocked]),
		keyExec.Int64(r.Data[dataExec]),
		keyFlush.Int64(r.Data[dataFlush]),
	)
	return op.name, attrs
}

// endpoint splits "ip:port". The path of a unix socket is an address without a port.
func endpoint(addr string) (host string, port int) {
	host, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, 0
	}
	port, _ = strconv.Atoi(digits)
	return host, port
}

// keySeparator separates the client's address from the key in a record's Text.
const keySeparator = "\x00"

// withKey appends the first key of a request to the client's address.
func withKey(peer string, spec *engine.Spec, args [][]byte) string {
	key, ok := firstKey(spec, args)
	if !ok {
		return peer
	}
	if len(key) > maxKey {
		key = key[:maxKey]
	}
	// A key is a byte string, an attribute is text.
	return peer + keySeparator + strings.ToValidUTF8(string(key), "\uFFFD")
}

func firstKey(spec *engine.Spec, args [][]byte) ([]byte, bool) {
	switch {
	case spec == nil:
		return nil, false
	case spec.FindKeys != nil:
		if keys := spec.FindKeys(args); len(keys) > 0 {
			return keys[0], true
		}
	case spec.Keys.First > 0 && spec.Keys.First < len(args):
		return args[spec.Keys.First], true
	}
	return nil, false
}
