// Package resptrace makes a go-redis client's calls visible to OpenTelemetry
// and continues their traces inside servers that speak RESP Trace Context
// (SPEC.md): CLIENT spans, the caller's context on the wire, and metrics, all
// by the semantic conventions for Redis, version 1.43.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	if err := resptrace.Instrument(rdb); err != nil { ... }
//
// Call Instrument right after the client was made, before its first command
// and after all other hooks were added: it must be the innermost one, so that
// the others see the commands as they were given. A Ring makes its clients by
// itself: give its options to InstrumentRing before NewRing. Conn and Watch
// share the client's hook; what WithTimeout returns has no hooks at all.
//
// # What goes over the wire
//
// A command of a sampled trace is sent as TRACED ... <command> to a server whose
// HELLO said that it knows TRACED, and plain to every other. A command of a
// trace that is not sampled is always sent plain: not a byte and not an
// allocation more. The library name that go-redis announces gets the suffix
// resptrace, so that a server does not root spans for such commands.
//
// What HELLO said is asked anew on each connection and can still be wrong for one that
// is older. A server that does not know TRACED refuses it as a whole; the hook
// then sends the same commands once more, plain, and nothing has run twice. A
// transaction is not sent again: what it watched may have changed. It fails
// once with EXECABORT.
//
// # Spans
//
// A span is named after its operation (GET), as is a pipeline or transaction
// of several commands (PIPELINE, PIPELINE GET when all are the same, MULTI,
// MULTI SET), which is one span; all its commands carry that span's context. The
// conventions would append the server's address, which makes a name per server. A nil
// reply, and a transaction that a WATCH turned down, is no error. On a
// cluster each request to a node is a span of its own, with that node's address,
// so that a redirect can be seen; MOVED and ASK are recorded as status codes
// and not as errors there.
//
// Values are never recorded, keys only with WithKeys, error texts, which echo
// both, never: their first word is. A command's name is recorded if it looks like
// one, and as _OTHER otherwise.
//
// The attribute resptrace.wait_ns says how long it took until the command was
// written: waiting for a connection of the pool, dialing, the handshake.
//
// Commands that go-redis sends on its own behalf have no span: HELLO, AUTH,
// SELECT, READONLY, ASKING, COMMAND, CLIENT SETINFO and its kind, CLUSTER SLOTS,
// and a cluster's or ring's PING that is not part of a trace. Pub/sub
// subscriptions bypass go-redis's hooks. The batches of an AutoPipeline are
// spans without a parent: they hold the commands of many callers, and go-redis
// gives them a context of their own.
//
// A call whose caller is in a trace that is not sampled has no span, without
// asking the tracer provider's sampler: that is what makes it free.
//
// # Metrics
//
// db.client.operation.duration is recorded for every call, sampled or not.
// db.client.connection.* are read from the client's pool statistics when
// metrics are collected, under the pool names host:port/db and, for the pools of
// pipelines and subscriptions, host:port/db/pipeline and host:port/db/pubsub.
//
// Nothing has to be undone when a client is closed: it is referenced weakly, a
// closed client reports a pool of no connections, and what was registered for
// it is unregistered when the client is garbage.
package resptrace
