// Command mini-redis-cli sends one command to a Redis server and prints the
// reply in the format of redis-cli. With -trace it creates a trace that continues
// in the server.
//
// It implements RESP itself (internal/reply), because a client library does not
// distinguish a simple string from a bulk string. So it is also an example of
// RESP Trace Context without the go-redis hook: it uses only package
// resptrace/wire.
package main

import "mini-redis/internal/program"

func main() { program.Main(run) }
