// Command console is a terminal viewer of running programs. It shows their tasks, async operations,
// resources, goroutines, spans and log events. Targets are programs that import package console,
// Rust programs with console-subscriber, and any Go program that serves net/http/pprof.
//
// internal/source connects to the targets, internal/record writes and replays recordings,
// internal/model holds the state of the targets, internal/lint derives warnings from it,
// internal/ui draws it, and internal/export writes it as JSON or CSV.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
