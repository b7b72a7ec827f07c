// Package resptrace instruments a go-redis client for OpenTelemetry: CLIENT
// spans, propagation of the trace context to the server, and metrics, by the
// semantic conventions for Redis, version 1.43. A server that supports RESP Trace
// Context (SPEC.md) continues the traces.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	if err := resptrace.Instrument(rdb); err != nil { ... }
//
// Call Instrument right after the client is created, before its first command and
// after all other hooks are added. The hook must be the innermost one, so that
// the other hooks see the original commands. A Ring creates its own clients: pass
// its options to InstrumentRing before NewRing. Conn and Watch share the client's
// hook. The client that WithTimeout returns has no hooks.
//
// # Propagation
//
// A command of a sampled trace is sent as TRACED ... <command> if the server's
// reply to HELLO shows that it supports TRACED, and unchanged otherwise. A
// command of a trace that is not sampled is always sent unchanged, without extra
// bytes and without extra allocations. The hook adds resptrace to the library name
// that go-redis sets, so that the server does not start root spans for such
// commands.
//
// Each new connection sends HELLO, but the result can still be wrong for an older
// connection. A server without TRACED rejects the request as a whole. The hook
// then sends the same commands once more without a context, so no command is
// executed twice. A transaction is not sent again, because the watched keys may
// have changed. It fails once with EXECABORT.
//
// # Spans
//
// A span is named after its operation, for example GET. A pipeline or transaction
// of several commands is one span, named PIPELINE or MULTI, or PIPELINE GET or
// MULTI SET if all its commands have the same name. All its commands carry the
// context of that span. The semantic conventions would append the server's address
// to the name, which would create one name per server. A nil reply is not an
// error, and neither is a transaction that WATCH aborted. On a cluster each
// request to a node is a separate span with the node's address, so redirects are
// visible. There, MOVED and ASK are recorded as status codes and not as errors.
//
// Values are never recorded, and keys only with WithKeys. Error texts, which can
// contain both, are never recorded except for their first word, the error code. A
// command's name is recorded if it has the syntax of a command name, and as _OTHER
// otherwise.
//
// The attribute resptrace.wait_ns is the time in nanoseconds until the command was
// written: waiting for a pool connection, dialing and the handshake.
//
// Commands that go-redis sends for its own purposes have no span: HELLO, AUTH,
// SELECT, READONLY, ASKING, COMMAND, CLIENT SETINFO and similar subcommands,
// CLUSTER SLOTS, and the PING of a cluster or ring that is not part of a trace.
// Subscriptions bypass go-redis's hooks. The batches of an AutoPipeline are spans
// without a parent, because they contain commands of many callers and go-redis
// does not pass the callers' contexts.
//
// A call whose caller is in a trace that is not sampled has no span. The hook does
// not call the tracer provider's sampler for it.
//
// # Metrics
//
// db.client.operation.duration is recorded for every call, sampled or not.
// db.client.connection.* report the client's pool statistics when metrics are
// collected. The pool names are host:port/db and, for the pools of pipelines and
// subscriptions, host:port/db/pipeline and host:port/db/pubsub.
//
// A closed client needs no clean-up: the metrics reference the client weakly and
// report no connections for it, and their registration ends when the client is
// garbage collected.
package resptrace
