package command

import (
	"math"

	"mini-redis/internal/ascii"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func setCommands() []*Spec {
	return []*Spec{
		{Name: "set", Arity: -3, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString,
			KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate | engine.KeyVariable),
			Group:    "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Sets a key to a string; any previous value is replaced.",
			Syntax: "key:key value:string [condition=(NX | XX)@2.6.12] [GET@6.2.0] [expiration=(EX seconds:integer@2.6.12" +
				" | PX milliseconds:integer@2.6.12 | EXAT unix-time-seconds:unix-time@6.2.0" +
				" | PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0)]", Handler: set, KeyFlagsOf: setKeyFlags},
		{Name: "getex", Arity: -2, Flags: engine.Write | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "6.2.0", Complexity: "O(1)",
			Summary: "Returns the string at a key and sets its expiration time.",
			Syntax: "key:key [expiration=(EX seconds:integer | PX milliseconds:integer" +
				" | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)]", Handler: getex},
		{Name: "getset", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyUpdate),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Deprecated: "6.2.0", Instead: "`SET` with the `GET` argument",
			Summary: "Sets a key to a string and returns the previous one.", Syntax: "key:key value:string", Handler: getset},
		{Name: "setnx", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyOW | engine.KeyInsert),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Deprecated: "2.6.12", Instead: "`SET` with the `NX` argument",
			Summary: "Sets a key to a string if the key does not exist.", Syntax: "key:key value:string", Handler: setnx},
		{Name: "setex", Arity: 4, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyOW | engine.KeyUpdate),
			Group: "string", Since: "2.0.0", Complexity: "O(1)",
			Deprecated: "2.6.12", Instead: "`SET` with the `EX` argument",
			Summary: "Sets a key to a string with a time to live in seconds.",
			Syntax:  "key:key seconds:integer value:string", Handler: setex},
		{Name: "psetex", Arity: 4, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyOW | engine.KeyUpdate),
			Group: "string", Since: "2.6.0", Complexity: "O(1)",
			Deprecated: "2.6.12", Instead: "`SET` with the `PX` argument",
			Summary: "Sets a key to a string with a time to live in milliseconds.",
			Syntax:  "key:key milliseconds:integer value:string", Handler: psetex},
	}
}

// setOptions are the options of SET or GETEX.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	expiry                        expiryOption
}

// expiryOption is EX, PX, EXAT or PXAT with its argument.
type expiryOption struct {
	word     string // "" for none
	arg      int    // index of its argument
	seconds  bool   // in seconds, not milliseconds
	absolute bool   // unix time
}

var expiryWords = [...]expiryOption{
	{word: "ex", seconds: true}, {word: "px"},
	{word: "exat", seconds: true, absolute: true}, {word: "pxat", absolute: true},
}

// set: SET key value [NX | XX] [GET] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL]
func set(c *Ctx) {
	key, value := c.Args[1], c.Args[2]
	if len(c.Args) == 3 {
		setString(c, c.DB.Edit(key), key, value)
		c.W.OK()
		return
	}
	opt, ok := parseSetOptions(c, 3, true)
	if !ok {
		c.W.Error(errSyntax)
		return
	}
	at, ok := expiryTime(c, opt.expiry)
	if !ok {
		return
	}
	storeString(c, key, value, &opt, at)
}

// setKeyFlags returns the key flags of a SET, which reads the old value only for GET.
func setKeyFlags(args [][]byte) engine.KeyFlags {
	for _, arg := range args[3:] {
		if ascii.Is(arg, "get") {
			return engine.KeyRW | engine.KeyAccess | engine.KeyUpdate
		}
	}
	return engine.KeyOW | engine.KeyUpdate
}

// storeString executes SET; at is the expiration time in unix milliseconds, 0 for none.
func storeString(c *Ctx, key, value []byte, opt *setOptions, at int64) {
	var e *keyspace.Entry
	if opt.get {
		if e = c.DB.Read(key); !isString(c, e) {
			return
		}
		writeString(c.W, e)
	} else {
		e = c.DB.Edit(key)
	}
	if opt.nx && e != nil || opt.xx && e == nil {
		if !opt.get {
			c.W.Null()
		}
		return
	}
	if opt.keepTTL && e != nil {
		setBytes(c, e, value)
	} else {
		e = setString(c, e, key, value)
	}
	if at != 0 {
		c.DB.SetExpiry(e, at)
	}
	recordSet(c, key, value, at, opt.keepTTL)
	if !opt.get {
		c.W.OK()
	}
}

// parseSetOptions parses the options from argument i on, SET's or GETEX's.
func parseSetOptions(c *Ctx, i int, isSet bool) (opt setOptions, ok bool) {
	for ; i < len(c.Args); i++ {
		timed := opt.keepTTL || opt.persist
		switch {
		case isSet && !opt.xx && c.Is(i, "nx"):
			opt.nx = true
		case isSet && !opt.nx && c.Is(i, "xx"):
			opt.xx = true
		case isSet && c.Is(i, "get"):
			opt.get = true
		case isSet && opt.expiry.word == "" && c.Is(i, "keepttl"):
			opt.keepTTL = true
		case !isSet && opt.expiry.word == "" && c.Is(i, "persist"):
			opt.persist = true
		default:
			found := parseExpiryOption(c, i)
			other := opt.expiry.word != "" && opt.expiry.word != found.word
			if found.word == "" || timed || other || !c.More(i, 1) {
				return opt, false
			}
			opt.expiry = found
			i++
		}
	}
	return opt, true
}

func parseExpiryOption(c *Ctx, i int) expiryOption {
	for _, o := range expiryWords {
		if c.Is(i, o.word) {
			o.arg = i + 1
			return o
		}
	}
	return expiryOption{}
}

// expiryTime returns the expiration time of an option in unix milliseconds, 0 without
// the option. If its argument is invalid, expiryTime writes the error reply and returns
// false.
func expiryTime(c *Ctx, o expiryOption) (at int64, ok bool) {
	if o.word == "" {
		return 0, true
	}
	at, ok = c.Integer(o.arg)
	if !ok {
		return 0, false
	}
	if at <= 0 || o.seconds && at > math.MaxInt64/1000 {
		invalidExpire(c)
		return 0, false
	}
	if o.seconds {
		at *= 1000
	}
	if o.absolute {
		return at, true
	}
	now := c.Engine.Keyspace().Now()
	if at > math.MaxInt64-now {
		invalidExpire(c)
		return 0, false
	}
	return at + now, true
}

// getex: GETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST]
func getex(c *Ctx) {
	opt, ok := parseSetOptions(c, 2, false)
	if !ok {
		c.W.Error(errSyntax)
		return
	}
	e := c.DB.Read(c.Args[1])
	if e == nil {
		c.W.Null()
		return
	}
	if !isString(c, e) {
		return
	}
	at, ok := expiryTime(c, opt.expiry)
	if !ok {
		return
	}
	writeString(c.W, e)
	switch {
	case at != 0 && c.AlreadyExpired(at):
		c.DB.Remove(e)
		c.Record("DEL", c.Args[1])
	case at != 0:
		c.DB.SetExpiry(e, at)
		recordExpiry(c, c.Args[1], at)
	case opt.persist && c.DB.Persist(e):
		c.DB.Changed(e)
		c.Record("PERSIST", c.Args[1])
	}
}

// getset: GETSET key value
func getset(c *Ctx) {
	e := c.DB.Read(c.Args[1])
	if !isString(c, e) {
		return
	}
	writeString(c.W, e)
	setString(c, e, c.Args[1], c.Args[2])
	recordSet(c, c.Args[1], c.Args[2], 0, false)
}

// setnx: SETNX key value
func setnx(c *Ctx) {
	absent := c.DB.Edit(c.Args[1]) == nil
	if absent {
		setString(c, nil, c.Args[1], c.Args[2])
		recordSet(c, c.Args[1], c.Args[2], 0, false)
	}
	c.Flag(absent)
}

// setex: SETEX key seconds value
func setex(c *Ctx) { setWithExpiry(c, expiryOption{word: "ex", arg: 2, seconds: true}) }

// psetex: PSETEX key milliseconds value
func psetex(c *Ctx) { setWithExpiry(c, expiryOption{word: "px", arg: 2}) }

func setWithExpiry(c *Ctx, o expiryOption) {
	at, ok := expiryTime(c, o)
	if !ok {
		return
	}
	storeString(c, c.Args[1], c.Args[3], &setOptions{}, at)
}

// recordSet records a string that was stored as a SET with an absolute expiration time
// in unix milliseconds, 0 for none.
func recordSet(c *Ctx, key, value []byte, at int64, keepTTL bool) {
	switch {
	case !c.Recording():
	case at != 0:
		c.Record("SET", key, value, []byte("PXAT"), decimal(at))
	case keepTTL:
		c.Record("SET", key, value, []byte("KEEPTTL"))
	default:
		c.Record("SET", key, value)
	}
}
