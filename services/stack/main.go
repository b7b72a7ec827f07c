// Command stack runs the complete mini-redis stack on one machine that has only Go installed:
// Prometheus, Jaeger, the collector, the server and a low load. Each runs as a process on loopback
// and is built from source if no binary exists.
//
// internal/build builds the programs, internal/backends defines them, internal/supervise runs them,
// internal/viewer is the web page that shows their traces, internal/summary compares their counts
// and internal/display writes the output. The project's package internal/inspect queries the
// running programs. This package combines these packages.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
