// Command mini-redis is a Redis-compatible server that continues its callers' traces
// (see resptrace/SPEC.md) and reports how long each command waited, ran and took to be
// sent.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
