package engine

import "mini-redis/internal/ascii"

// Flags are a command's properties, in the order in which COMMAND INFO names them.
type Flags uint32

// The flags of Redis's command table.
const (
	Write           Flags = 1 << iota // may change the data
	ReadOnly                          // never changes the data
	DenyOOM                           // refused when the memory limit is exceeded
	Admin                             // for administrators
	PubSub                            // about channels
	NoScript                          // refused in scripts
	Blocking                          // may block its client
	Loading                           // allowed while the data is loading
	Stale                             // allowed on a stale replica
	SkipMonitor                       // not shown to MONITOR
	SkipSlowlog                       // not in the slow log
	Asking                            // may be redirected in a cluster
	Fast                              // takes constant or logarithmic time
	NoAuth                            // allowed before authentication
	MayReplicate                      // is replicated although it writes nothing (PUBLISH)
	NoMandatoryKeys                   // may have no keys
	NoAsyncLoading                    // not while a replica loads behind the scenes
	NoMulti                           // refused inside MULTI
	AllowBusy                         // allowed while a script runs for long
	MovableKeys                       // not all of its keys are in the range of COMMAND INFO
)

var flagNames = [...]string{
	"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading",
	"stale", "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate",
	"no_mandatory_keys", "no_async_loading", "no_multi", "allow_busy", "movablekeys",
}

// Names returns the flags as COMMAND INFO writes them.
func (f Flags) Names() []string { return namesOf(uint32(f), flagNames[:]) }

// Categories are the ACL categories of a command.
type Categories uint32

// The categories, in the order in which Redis lists them.
const (
	CatKeyspace Categories = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

var categoryNames = [...]string{
	"@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string",
	"@bitmap", "@hyperloglog", "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow",
	"@blocking", "@dangerous", "@connection", "@transaction", "@scripting",
}

// Names returns the categories as COMMAND INFO writes them.
func (c Categories) Names() []string { return namesOf(uint32(c), categoryNames[:]) }

// implied adds the categories that follow from the flags of a command.
func (c Categories) implied(f Flags) Categories {
	for _, rule := range [...]struct {
		flag Flags
		cats Categories
	}{
		{Write, CatWrite}, {Admin, CatAdmin | CatDangerous}, {PubSub, CatPubSub},
		{Fast, CatFast}, {Blocking, CatBlocking},
	} {
		if f&rule.flag != 0 {
			c |= rule.cats
		}
	}
	if f&ReadOnly != 0 && c&CatScripting == 0 {
		c |= CatRead
	}
	if f&Fast == 0 {
		c |= CatSlow
	}
	return c
}

func namesOf(bits uint32, names []string) []string {
	var list []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// CategoryOf returns the category of a name without "@", 0 if there is none.
func CategoryOf(name []byte) Categories {
	for i, n := range categoryNames {
		if ascii.Is(name, n[1:]) {
			return 1 << i
		}
	}
	return 0
}
