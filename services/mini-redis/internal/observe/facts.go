package observe

import "time"

// Facts are what only the server can know of itself: plain numbers, read under
// the execution lock, from which INFO and the metrics are written.
//
// What is called a total counts from the start of the process and never goes
// back, CONFIG RESETSTAT or not: [Observer.ResetStat] remembers where it stood.
type Facts struct {
	Now     time.Time
	Started time.Time

	Version      string // of mini-redis
	Revision     string // of its source, "" when unknown
	RedisVersion string // which Redis it claims to be, "7.2.x"
	RunID        string // 40 hexadecimal digits
	Executable   string // path of the program
	Multiplexing string // how connections are waited for: "epoll", "goroutines"
	Port         int    // of the RESP listener
	Loops        int    // that read and write connections
	Hz           int    // runs of the housekeeping a second

	Clients          int64 // connected now
	BlockedClients   int64 // of which wait for a key
	PubSubClients    int64 // of which subscribe
	MaxClients       int64
	Accepted         int64 // connections, total
	Rejected         int64 // connections over MaxClients, total
	InputBytes       int64 // total
	OutputBytes      int64 // total
	OutputLimitKills int64 // clients closed because they did not read, total

	UsedMemory      int64  // bytes of the data; 0 takes the Go heap's
	MaxMemory       int64  // bytes, 0 without a limit
	MaxMemoryPolicy string // "" means noeviction

	PubSubChannels int64
	PubSubPatterns int64

	Keyspace Keyspace
	Process  Process
}

// Keyspace are the figures of the data.
type Keyspace struct {
	Databases []Database // those that hold keys; empty ones may be left out

	Hits    int64 // lookups for reading that found their key, total
	Misses  int64 // that did not, total
	Expired int64 // keys removed because their time was over, total
	Evicted int64 // keys removed because memory was short, total
	Changes int64 // to the data since it was last saved
}

// Database are the figures of one database.
type Database struct {
	Index    int
	Keys     int64
	Expiring int64         // of which have a time to live
	AvgTTL   time.Duration // of those, 0 when unknown
}

// Process are the operating system's figures of this process. A server that
// leaves them zero has them read by [ReadProcess].
type Process struct {
	PID          int
	UserCPU      time.Duration
	SystemCPU    time.Duration
	ResidentSize int64  // bytes
	HeapSize     int64  // bytes of the objects on the Go heap
	SystemMemory int64  // bytes of the machine, 0 when unknown
	OS           string // as uname prints it
}
