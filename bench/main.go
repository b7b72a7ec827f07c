// Command bench measures the server beside its peers on this machine, in one
// run, so that the figures can be compared: `go run ./bench`.
//
// Each figure is a median over rounds with its spread; in a round every server
// is measured in turn under the same load, and a ratio is taken within the
// round, so that a machine whose speed drifts does not pass for a difference.
// The load is redis-benchmark's, 50 connections and values of 64 bytes, or, for
// what redis-benchmark cannot send, this program's own.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
