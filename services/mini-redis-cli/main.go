// Command mini-redis-cli sends one command to a Redis and prints the reply, as
// redis-cli does. With -trace the call is a trace, from here into the server.
//
// It speaks RESP itself (internal/reply) instead of through a client library,
// which would not tell a status from a string; so it is also an example of RESP
// Trace Context without the go-redis hook, with package resptrace/wire alone.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
