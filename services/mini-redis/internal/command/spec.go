package command

// Handler carries out one command: it reads c.Args, changes c.DB, and writes
// exactly one reply to c.W (none when it blocks, one for each channel when it
// subscribes). It never waits and does no I/O. Arity, authentication, MULTI and
// TRACED have been dealt with when it is called.
type Handler func(c *Ctx)

// Spec is a row of the command table: the one truth about a command, from which
// dispatch, COMMAND, statistics, documentation, key extraction and the spans derive.
type Spec struct {
	Name       string // lower case; a subcommand's is "parent|child"
	Arity      int    // number of arguments with the name; negative: at least that many
	Flags      Flags
	ACL        Categories // what does not follow from Flags
	KeySpecs   []KeySpec
	Tips       []string // for clients and proxies of a cluster, as COMMAND INFO gives them
	Group      string   // as COMMAND DOCS names it: "string", "connection", ...
	Since      string   // the Redis version that brought it
	Complexity string   // in big O, our own words
	Summary    string   // one line, our own words
	Syntax     string   // its arguments, in the notation of syntax.go
	Instead    string   // what to use in its place, for a deprecated command
	Deprecated string   // the version since which it is
	Handler    Handler  // nil for a container that only has Subs
	Subs       []*Spec

	// KeysOf finds the keys of a command whose keys are not at places that
	// KeySpecs can tell.
	KeysOf func(args [][]byte) [][]byte

	// keyFlags says what a request does to its key where that depends on the
	// other arguments (KeyVariable); nil elsewhere.
	keyFlags func(args [][]byte) KeyFlags

	// Set when the table is built.
	ID        int     // dense index, for statistics
	Operation string  // the name in spans: "GET", "CLIENT SETNAME"
	Keys      KeySpan // the first of KeySpecs, as older clients understand it
	Parent    *Spec
	sub       map[string]*Spec // Subs by lower-case name
	always    bool             // runs at once inside MULTI: EXEC, DISCARD, ...
	pushes    bool             // its replies are pushes: CLIENT REPLY OFF lets them through
}

// Has reports whether all the flags in f are set.
func (s *Spec) Has(f Flags) bool { return s.Flags&f == f }

// arityOK reports whether a request of n arguments (with the name) is allowed.
func (s *Spec) arityOK(n int) bool {
	if s.Arity >= 0 {
		return n == s.Arity
	}
	return n >= -s.Arity
}
