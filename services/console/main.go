// Command console is a live view of programs' tasks, resources, async
// operations, goroutines, spans and events. It watches programs that import package
// console, Rust programs with console-subscriber, and any Go program that
// serves net/http/pprof.
//
// The pieces: internal/source hears what programs say, internal/record keeps
// and replays it, internal/model puts it together, internal/lint judges it,
// internal/ui shows it, internal/export writes it down.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
