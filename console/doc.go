// Package console lets a program be watched while it runs, as tokio-console
// lets a Rust program: its tasks with how often and how long they ran, the
// resources they share, who waits for what and since when, its goroutines, its
// spans, what it logs. It speaks tokio-console's own protocol (console-api 0.9), so the
// viewer may be services/console of this repository or the stock
// tokio-console.
//
// A program makes one [Console], tells it of its tasks and resources, and
// serves it:
//
//	c := console.New(console.Options{})
//	server, err := c.Listen(console.ServeOptions{}) // 127.0.0.1:6669
//	...
//	c.Go(ctx, "worker", func(ctx context.Context) { ... })
//
// A nil *Console is one that is switched off: it makes nil tasks and resources,
// whose methods return at once. So a program is written once, and pays a
// comparison where the console is off.
//
// What counts as a task is the program's choice. A goroutine started with
// [Console.Go] is one: it is polled from its start to its first wait in one of
// the primitives of package console/watch, and so on. A connection that an
// event loop serves is one too: the loop calls [Task.Polled] for each batch it
// runs for it. docs/console.md says, column by column, what a Go program sends
// and what it cannot know.
//
// Counters and times are kept always, at some ten nanoseconds a poll; poll
// operations, spans and goroutines only while somebody watches, a task's
// histograms while somebody looks at the task. Nothing is kept without bound: what
// is over [Options]'s limits is counted and told to the viewer as dropped.
//
// Times are readings of [Clock.Mono], in nanoseconds.
//
// Neighbours: console/watch wraps the standard primitives, console/hdr is the
// histogram, console/goroutines reads goroutine profiles and execution traces,
// console/wire holds the messages.
package console
