package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mini-redis/internal/servertest"
)

// compared is a list of commands whose replies cover every format of redis-cli 7.0.
var compared = []string{
	"ping", "get str", "get bin", "get none", "nope a b", "get too many", "lrange list 0 -1", "lrange none 5 1",
	"hgetall hash", "hgetall none", "smembers set", "smembers none", "zrange zset 0 -1 withscores", "config get maxm*",
	"xrange stream - +", "command info get", "command docs get", "info keyspace", "info server", "client list",
	"client info", "memory doctor", "cluster info", "lolwut version 99", "latency doctor", "latency latest", "hello",
	"debug protocol string", "debug protocol integer", "debug protocol double", "debug protocol null",
	"debug protocol array", "debug protocol set", "debug protocol map", "debug protocol verbatim",
	"debug protocol true", "debug protocol false", "debug protocol push",
	"eval redis.setresp(3)return{map={k={map={a=1}}}} 0", "eval redis.setresp(3)return{map={k={1,2}}} 0",
	"eval return{1,{2,{},'x',{3,{4,5}}},false,{ok='st'},{err='NO'},'y'} 0",
}

// nondeterministic matches the commands whose replies contain numbers that change from call to
// call.
var nondeterministic = regexp.MustCompile(`^(info server|client|hello)`)

// TestOutputMatchesRedisCli compares the standard output with that of redis-cli
// byte by byte, for each output format and protocol version.
func TestOutputMatchesRedisCli(t *testing.T) {
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("redis-cli is not installed")
	}
	addr := servertest.Redis(t)
	for _, command := range [][]string{
		{"set", "str", "a value"},
		{"set", "bin", "a\x01\"\\\n\r\t\a\b\x7f\xff\xc3\xa9~"},
		{"rpush", "list", "1", "2", "3", "4", "5", "6", "7", "8", "9", "ten"},
		{"hset", "hash", "a", "1", "b", "two"},
		{"sadd", "set", "member"},
		{"zadd", "zset", "1.5", "x", "inf", "y"},
		{"xadd", "stream", "1-1", "f", "v", "g", "w"},
	} {
		if got := runCLI(t.Context(), nil, withAddr(addr, command...)...); got.code != 0 {
			t.Fatalf("%q: %+v", command, got)
		}
	}
	numbers := regexp.MustCompile(`[0-9]+`)
	for _, flags := range [][]string{{"--raw"}, {"--no-raw"}, {"-3", "--raw"}, {"-3", "--no-raw"}} {
		for _, line := range compared {
			args := withAddr(addr, append(flags[:len(flags):len(flags)], strings.Fields(line)...)...)
			got := runCLI(t.Context(), nil, args...).stdout
			output, _ := exec.Command(cli, args...).Output() // its exit code does not matter: redis-cli exits with 0 after an error reply
			want := string(output)
			if nondeterministic.MatchString(line) {
				got, want = numbers.ReplaceAllString(got, "N"), numbers.ReplaceAllString(want, "N")
			}
			if got != want {
				t.Errorf("%v %s:\n%q, redis-cli prints\n%q", flags, line, got, want)
			}
		}
	}
}
