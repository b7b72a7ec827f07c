// Command stack runs the whole of mini-redis on one machine with nothing installed but Go: Prometheus, Jaeger, the collector,
// the server and a gentle load, as separate processes on loopback, each built from source when it is not there.
//
// The pieces: internal/build makes the programs, internal/backends knows what they are, internal/supervise runs them,
// internal/viewer is the page that shows their traces, internal/inspect asks them what they hold, internal/summary compares
// the answers, internal/display says it all. This package puts them together.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
