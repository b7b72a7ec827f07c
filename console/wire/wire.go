// Package wire holds the messages that a program and its console exchange: the
// .proto files here, and the code that ./generate writes from them into the
// packages below. All but goroutines.proto and events.proto is console-api 0.9, the protocol of
// tokio-console, so that either side can be somebody else's.
package wire

//go:generate ./generate
