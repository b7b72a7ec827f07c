package command

import (
	"bytes"
	"math"
	"math/big"
	"regexp"
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func counterCommands() []*Spec {
	return []*Spec{
		{Name: "incr", Arity: 2, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Adds one to an integer.", Syntax: "key:key", Handler: incr},
		{Name: "decr", Arity: 2, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Subtracts one from an integer.", Syntax: "key:key", Handler: decr},
		{Name: "incrby", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Adds to an integer.", Syntax: "key:key increment:integer", Handler: incrby},
		{Name: "decrby", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Subtracts from an integer.", Syntax: "key:key decrement:integer", Handler: decrby},
		{Name: "incrbyfloat", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "2.6.0", Complexity: "O(1)",
			Summary: "Adds to a decimal number.", Syntax: "key:key increment:double", Handler: incrbyfloat},
	}
}

// incr: INCR key
func incr(c *Ctx) { increment(c, 1) }

// decr: DECR key
func decr(c *Ctx) { increment(c, -1) }

// incrby: INCRBY key increment
func incrby(c *Ctx) {
	if n, ok := c.Integer(2); ok {
		increment(c, n)
	}
}

// decrby: DECRBY key decrement
func decrby(c *Ctx) {
	n, ok := c.Integer(2)
	switch {
	case !ok:
	case n == math.MinInt64:
		c.W.Error("ERR decrement would overflow")
	default:
		increment(c, -n)
	}
}

func increment(c *Ctx, by int64) {
	key := c.Args[1]
	e := c.DB.Edit(key)
	if !isString(c, e) {
		return
	}
	var n int64
	if e != nil {
		var isInt bool
		if n, isInt = e.Int(); !isInt {
			if n, isInt = keyspace.CanonicalInt(e.Text()); !isInt { // APPEND and SETRANGE can make it one
				c.W.Error(engine.ErrNotInteger)
				return
			}
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		c.W.Error(errOverflow)
		return
	}
	if e == nil {
		e = c.DB.Add(key, keyspace.KindString, nil)
	}
	c.DB.SetInt(e, n+by)
	c.W.Int(n + by)
}

// floatPrecision is the size in bits of the mantissa of a long double on x86-64, with
// which redis-server computes.
const floatPrecision = 64

// incrbyfloat: INCRBYFLOAT key increment
func incrbyfloat(c *Ctx) {
	key := c.Args[1]
	e := c.DB.Edit(key)
	if !isString(c, e) {
		return
	}
	value := new(big.Float).SetPrec(floatPrecision)
	if e != nil {
		var tmp [20]byte
		var ok bool
		text := e.Text()
		if _, isInt := e.Int(); isInt {
			text = e.AppendText(tmp[:0])
		}
		if value, ok = parseFloat(text); !ok {
			c.W.Error(errNotFloat)
			return
		}
	}
	by, ok := parseFloat(c.Args[2])
	if !ok {
		c.W.Error(errNotFloat)
		return
	}
	if value.IsInf() || by.IsInf() {
		c.W.Error(errNotFinite)
		return
	}
	if value.Add(value, by); tooLarge(value) {
		c.W.Error(errNotFinite)
		return
	}
	sum := formatFloat(value)
	if e == nil {
		e = c.DB.Add(key, keyspace.KindString, nil)
	}
	c.DB.SetText(e, []byte(sum))
	c.Record("SET", key, []byte(sum), []byte("KEEPTTL"))
	c.W.BulkString(sum)
}

// longestFloat is the length of the longest number, as in redis-server.
const longestFloat = 5 * 1024

// floatGrammar is what strtold accepts, except NaN: decimal or hexadecimal numbers with
// an optional exponent, and infinity.
var floatGrammar = regexp.MustCompile(`(?i)^[+-]?(inf(?:inity)?|` +
	`(?:0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)|(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[ep][+-]?([0-9]+))?)$`)

// parseFloat parses a number as redis-server parses the arguments of INCRBYFLOAT.
func parseFloat(text []byte) (*big.Float, bool) {
	if len(text) >= longestFloat {
		return nil, false
	}
	m := floatGrammar.FindSubmatch(text)
	if m == nil || len(bytes.TrimLeft(m[2], "0")) > 5 { // an exponent far out of range takes no time
		return nil, false
	}
	base := 10
	if len(m[1]) > 2 && m[1][1]|0x20 == 'x' {
		base = 0
	}
	s := strings.ToLower(string(text))
	if base == 10 && strings.Contains(s, "p") {
		return nil, false
	}
	s = strings.Replace(s, "infinity", "inf", 1)
	f, _, err := new(big.Float).SetPrec(floatPrecision).Parse(s, base)
	if err != nil || f.IsInf() {
		return f, err == nil
	}
	return f, !tooLarge(f) && (f.Sign() == 0 || f.MantExp(nil) >= floatLeast)
}

// The binary exponents between which a long double is finite and not zero.
const (
	floatMost  = 16384
	floatLeast = -16444
)

func tooLarge(f *big.Float) bool { return f.MantExp(nil) > floatMost }

// formatFloat formats a number with at most 17 digits after the point, without an
// exponent.
func formatFloat(f *big.Float) string {
	s := f.Text('f', 17)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}
