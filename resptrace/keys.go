package resptrace

import (
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// maxQueryText is the maximum length of db.query.text in bytes. A longer text is
// cut and ends with "...".
const maxQueryText = 1024

// queryText returns a command with its keys, and "?" for all other arguments, as
// the semantic conventions require for a sanitized db.query.text.
func queryText(cmd redis.Cmder) string {
	var b strings.Builder
	appendQuery(&b, cmd)
	return clip(b.String())
}

// batchText returns the texts of a batch's commands with the separator of the
// semantic conventions.
func batchText(cmds []redis.Cmder) string {
	var b strings.Builder
	for _, cmd := range cmds {
		if classify(cmd) == internalCommand || b.Len() > maxQueryText {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		appendQuery(&b, cmd)
	}
	return clip(b.String())
}

func appendQuery(b *strings.Builder, cmd redis.Cmder) {
	args := cmd.Args()
	b.WriteString(operationName(singleCommand, cmd.Name()))
	isKey := keyPositions(cmd.Name(), args)
	for i := 1; i < len(args); i++ {
		if b.Len() > maxQueryText {
			return
		}
		b.WriteByte(' ')
		if text, ok := keyText(args[i]); ok && isKey(i) {
			b.WriteString(text)
		} else {
			b.WriteByte('?')
		}
	}
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxQueryText {
		return s
	}
	return strings.ToValidUTF8(s[:maxQueryText-3], "") + "..."
}

func keyText(arg any) (string, bool) {
	switch v := arg.(type) {
	case string:
		return v, true
	case *string:
		if v != nil {
			return *v, true
		}
	case []byte:
		return string(v), true
	}
	return "", false
}

// keyPositions returns a function that reports whether argument i is a key. For a
// command that is not listed no argument is a key, so that no value is recorded by
// mistake. The lists follow COMMAND of Redis 7.2.
func keyPositions(name string, args []any) func(i int) bool {
	switch name {
	case "append", "bitcount", "bitfield", "bitfield_ro", "bitpos", "decr", "decrby", "dump", "expire", "expireat", "expiretime",
		"geoadd", "geodist", "geohash", "geopos", "georadiusbymember_ro", "georadius_ro", "geosearch", "get", "getbit", "getdel",
		"getex", "getrange", "getset", "hdel", "hexists", "hget", "hgetall", "hincrby", "hincrbyfloat", "hkeys", "hlen", "hmget",
		"hmset", "hrandfield", "hscan", "hset", "hsetnx", "hstrlen", "hvals", "incr", "incrby", "incrbyfloat", "lindex", "linsert",
		"llen", "lpop", "lpos", "lpush", "lpushx", "lrange", "lrem", "lset", "ltrim", "move", "persist", "pexpire", "pexpireat",
		"pexpiretime", "pfadd", "psetex", "pttl", "restore", "rpop", "rpush", "rpushx", "sadd", "scard", "set", "setbit", "setex",
		"setnx", "setrange", "sismember", "smembers", "smismember", "sort", "sort_ro", "spop", "srandmember", "srem", "sscan",
		"strlen", "substr", "ttl", "type", "xack", "xadd", "xautoclaim", "xclaim", "xdel", "xlen", "xpending", "xrange",
		"xrevrange", "xtrim", "zadd", "zcard", "zcount", "zincrby", "zlexcount", "zmscore", "zpopmax", "zpopmin", "zrandmember",
		"zrange", "zrangebylex", "zrangebyscore", "zrank", "zrem", "zremrangebylex", "zremrangebyrank", "zremrangebyscore",
		"zrevrange", "zrevrangebylex", "zrevrangebyscore", "zrevrank", "zscan", "zscore":
		return between(1, 1)
	case "blmove", "brpoplpush", "copy", "geosearchstore", "lcs", "lmove", "rename", "renamenx", "rpoplpush", "smove", "zrangestore":
		return between(1, 2)
	case "del", "exists", "mget", "pfcount", "pfmerge", "sdiff", "sdiffstore", "sinter", "sinterstore", "sunion", "sunionstore",
		"touch", "unlink", "watch":
		return between(1, len(args)-1)
	case "blpop", "brpop", "bzpopmax", "bzpopmin":
		return between(1, len(args)-2)
	case "bitop":
		return between(2, len(args)-1)
	case "mset", "msetnx":
		return func(i int) bool { return i%2 == 1 }
	case "lmpop", "sintercard", "zdiff", "zinter", "zmpop", "zunion":
		return countedKeys(args, 1)
	case "blmpop", "bzmpop", "eval", "evalsha", "evalsha_ro", "eval_ro", "fcall", "fcall_ro":
		return countedKeys(args, 2)
	case "zdiffstore", "zinterstore", "zunionstore":
		sources := countedKeys(args, 2)
		return func(i int) bool { return i == 1 || sources(i) }
	}
	return between(1, 0)
}

func between(first, last int) func(int) bool {
	return func(i int) bool { return first <= i && i <= last }
}

// countedKeys reports the keys that follow their number, which is argument at.
func countedKeys(args []any, at int) func(int) bool {
	if at >= len(args) {
		return between(1, 0)
	}
	n := 0
	switch v := args[at].(type) {
	case int:
		n = v
	case int64:
		n = int(v)
	case string:
		n, _ = strconv.Atoi(v)
	}
	return between(at+1, at+n)
}
