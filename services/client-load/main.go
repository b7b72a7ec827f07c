// Command client-load sends a mix of GET and SET commands to a Redis server or a
// Redis Cluster at a constant rate and traces every attempt. It reports the
// results as a table, as JSON, as Prometheus metrics during the run, and as an
// exit code.
//
// internal/pace schedules the operations, internal/scenario defines them,
// internal/measure records their results and internal/report writes the report.
// The calls go through go-redis with the hook of package resptrace, so each
// attempt is one trace from the client into the server.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
