// Command client-load sends a mix of GET and SET to a Redis or a Redis Cluster
// at a constant rate, traces every attempt, and says how it went: a table for a
// person, JSON for a program, metrics while it runs, and an exit code.
//
// The pieces: internal/pace says when an operation is due, internal/scenario
// what it is, internal/measure what came of it, internal/report how to say so.
// The calls go through go-redis with the hook of package resptrace, so each is
// a trace from here into the server.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
