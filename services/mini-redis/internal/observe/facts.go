package observe

import "time"

// Facts are the figures that only the server has. INFO and the metrics are rendered from
// them. They are read under the execution lock.
//
// A total counts from the start of the process and never decreases, also not at CONFIG
// RESETSTAT: [Observer.ResetStat] remembers its value.
type Facts struct {
	Now     time.Time
	Started time.Time

	Version      string // of mini-redis
	Revision     string // of its source; "" if unknown
	RedisVersion string // of the Redis whose behaviour the server has, "7.2.x"
	RunID        string // 40 hexadecimal digits
	Executable   string // path of the program
	Multiplexing string // how the server waits for connections: "epoll", "goroutines"
	Port         int    // of the RESP listener
	Loops        int    // event loops
	Hz           int    // runs of the housekeeping per second

	Clients          int64 // open connections
	BlockedClients   int64 // those that wait for a key
	PubSubClients    int64 // those that are subscribed
	MaxClients       int64
	Accepted         int64 // accepted connections, total
	Rejected         int64 // connections beyond MaxClients, total
	InputBytes       int64 // total
	OutputBytes      int64 // total
	OutputLimitKills int64 // connections closed because of an output limit, total

	UsedMemory      int64  // bytes of the data; 0 means the size of the Go heap
	MaxMemory       int64  // bytes; 0 means no limit
	MaxMemoryPolicy string // "" means noeviction

	PubSubChannels int64
	PubSubPatterns int64

	Keyspace Keyspace
	Process  Process
}

// Keyspace holds the figures of the data.
type Keyspace struct {
	Databases []Database // those with keys; empty ones may be left out

	Hits    int64 // reads of keys that exist, total
	Misses  int64 // reads of keys that do not exist, total
	Expired int64 // keys deleted because they expired, total
	Evicted int64 // keys deleted because of the memory limit, total
	Changes int64 // changes of the data since the last save
}

// Database holds the figures of one database.
type Database struct {
	Index    int
	Keys     int64
	Expiring int64         // keys with an expiration time
	AvgTTL   time.Duration // their average time to live; 0 if unknown
}

// Process holds the figures of this process that the operating system has. If PID is 0,
// the observer reads them with [ReadProcess].
type Process struct {
	PID          int
	UserCPU      time.Duration
	SystemCPU    time.Duration
	ResidentSize int64  // bytes
	HeapSize     int64  // bytes of the objects on the Go heap
	SystemMemory int64  // bytes of the machine; 0 if unknown
	OS           string // as uname prints it
}
