package command

import (
	"strconv"
	"strings"

	"mini-redis/internal/ascii"
	"mini-redis/internal/glob"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func scanCommands() []*Spec {
	return []*Spec{
		{Name: "scan", Arity: -2, Flags: engine.ReadOnly, ACL: engine.CatKeyspace,
			Tips:  []string{"nondeterministic_output", "request_policy:special", "response_policy:special"},
			Group: "generic", Since: "2.8.0", Complexity: "O(1) for each call, O(n) of all keys for a whole scan",
			Summary: "Iterates over the keys, a few at a time.",
			Syntax:  "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type:string@6.0.0]", Handler: scan},
	}
}

// scanDefault is the default of SCAN's COUNT.
const scanDefault = 10

// scanOptions are the options of SCAN.
type scanOptions struct {
	pattern []byte // nil for all
	kind    []byte // name of a type, nil for all
	count   int64
}

// scan: SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
func scan(c *Ctx) {
	cursor, ok := parseCursor(string(c.Args[1]))
	if !ok {
		c.W.Error("ERR invalid cursor")
		return
	}
	opt, ok := parseScanOptions(c, 2)
	if !ok {
		return
	}
	var found []*keyspace.Entry
	next := c.DB.Scan(cursor, int(min(opt.count, 1<<31)), func(e *keyspace.Entry) {
		if opt.matches(e) {
			found = append(found, e)
		}
	})
	c.W.Array(2)
	c.W.BulkString(strconv.FormatUint(next, 10))
	c.W.Array(len(found))
	for _, e := range found {
		c.W.BulkString(e.Key())
	}
}

// parseCursor parses a cursor as strtoul does, which redis-server uses: with an optional
// sign; an empty string is zero.
func parseCursor(s string) (uint64, bool) {
	if s == "" {
		return 0, true
	}
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	cursor, err := strconv.ParseUint(digits, 10, 64)
	if negative {
		cursor = -cursor
	}
	return cursor, err == nil
}

func parseScanOptions(c *Ctx, i int) (opt scanOptions, ok bool) {
	opt.count = scanDefault
	for ; i < len(c.Args); i += 2 {
		switch {
		case !c.More(i, 1):
			c.W.Error(errSyntax)
			return opt, false
		case c.Is(i, "count"):
			if opt.count, ok = c.Integer(i + 1); !ok {
				return opt, false
			}
			if opt.count < 1 {
				c.W.Error(errSyntax)
				return opt, false
			}
		case c.Is(i, "match"):
			opt.pattern = c.Args[i+1]
		case c.Is(i, "type"):
			opt.kind = c.Args[i+1]
		default:
			c.W.Error(errSyntax)
			return opt, false
		}
	}
	return opt, true
}

func (o *scanOptions) matches(e *keyspace.Entry) bool {
	return (o.kind == nil || ascii.Is(o.kind, e.Kind().String())) &&
		(o.pattern == nil || glob.Match(o.pattern, []byte(e.Key())))
}
