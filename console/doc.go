// Package console makes a running Go program observable, as tokio-console does for Rust programs. A
// viewer shows the program's tasks with their poll counts and times, the resources they share,
// which task waits for which resource and since when, its goroutines, its spans and its log
// records. The protocol is that of tokio-console (console-api 0.9), so the viewer may be
// services/console of this repository or the stock tokio-console.
//
// A program creates one [Console], registers its tasks and resources with it, and serves it:
//
//	c := console.New(console.Options{})
//	server, err := c.Listen(console.ServeOptions{}) // 127.0.0.1:6669
//	...
//	c.Go(ctx, "worker", func(ctx context.Context) { ... })
//
// A nil *Console is disabled: it creates nil tasks and nil resources, whose methods return
// immediately. A program therefore needs no separate code path for a disabled console, and each
// call costs one comparison.
//
// The program decides what a task is. A goroutine started with [Console.Go] is a task: a poll of it
// begins when it starts or when a wait ends, and ends at its next wait in one of the primitives of
// package console/watch. A connection that an event loop serves can also be a task: the loop calls
// [Task.Polled] for each batch it executes for that connection. docs/console.md states, column by
// column, what a Go program sends and what it cannot determine.
//
// Counters and times are always recorded, at about 10 ns per poll. Poll operations, spans and
// goroutines are recorded only while a viewer watches, and the histograms of a task only while a
// viewer has its details open. All recorded data is bounded, by [Options] or by a fixed limit.
// Items over a limit are counted and reported to the viewer as dropped.
//
// Times are readings of [Clock.Mono], in nanoseconds.
//
// Related packages: console/watch wraps the standard synchronization primitives, console/hdr
// implements the histogram, console/goroutines reads goroutine profiles and execution traces, and
// console/wire holds the messages.
package console
