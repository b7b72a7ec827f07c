// Command mini-redis is a Redis-compatible server whose inside can be seen: it
// continues its callers' traces (see resptrace/SPEC.md), and tells how long each
// command waited, ran and took to leave.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
