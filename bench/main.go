// Command bench compares mini-redis with other servers on this machine, in one
// run: `go run ./bench`.
//
// Each result is the median over several rounds, with the minimum and the
// maximum. In a round every server is measured in turn under the same load.
// Ratios are computed within a round, so that a change of the machine's speed
// during the run does not affect them. The load comes from redis-benchmark, with
// 50 connections and values of 64 bytes. This program generates the load that
// redis-benchmark cannot send, such as trace contexts.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
