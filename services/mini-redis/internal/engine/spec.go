package engine

import "strings"

// Spec is a row of the command table. It is the only source for arity, flags, keys,
// documentation, statistics and span names of a command.
type Spec struct {
	Name       string // lower case; "parent|child" for a subcommand
	Arity      int    // number of arguments with the name; negative: at least that many
	Flags      Flags
	ACL        Categories // those that do not follow from Flags
	KeySpecs   []KeySpec
	Tips       []string // for clients and proxies of a cluster, as COMMAND INFO returns them
	Group      string   // as COMMAND DOCS names it: "string", "connection", ...
	Since      string   // the version of Redis that introduced it
	Complexity string   // in big O, in our own words
	Summary    string   // one line, in our own words
	Syntax     string   // arguments, in the notation of syntax.go
	Instead    string   // the replacement of a deprecated command
	Deprecated string   // the version since which it is deprecated
	Handler    Handler  // nil for a container that has only Subs
	Subs       []*Spec

	// FindKeys returns the keys of a command whose keys KeySpecs cannot describe.
	FindKeys func(args [][]byte) [][]byte
	// KeyFlagsOf returns what a request does to its key if that depends on the
	// other arguments (KeyVariable); nil otherwise.
	KeyFlagsOf func(args [][]byte) KeyFlags

	Immediate bool // runs at once inside MULTI: EXEC, DISCARD, ...
	Pushes    bool // its replies are pushes, which CLIENT REPLY OFF does not mute

	// Set when the table is built.
	ID        int     // dense index, for statistics
	Operation string  // the name in spans: "GET", "CLIENT SETNAME"
	Keys      KeySpan // the first of KeySpecs, as older clients understand it
	Parent    *Spec
	subs      map[string]*Spec // Subs by lower-case name
}

// Has reports whether all flags in f are set.
func (s *Spec) Has(f Flags) bool { return s.Flags&f == f }

// ArityOK reports whether a request of n arguments, with the name, is allowed.
func (s *Spec) ArityOK(n int) bool {
	if s.Arity >= 0 {
		return n == s.Arity
	}
	return n >= -s.Arity
}

// whileSubscribed reports whether RESP2 allows the command in subscribe mode.
func (s *Spec) whileSubscribed() bool {
	return s.Pushes || s.Name == "ping" || s.Name == "quit" || s.Name == "reset"
}

// complete derives the fields that follow from others.
func (s *Spec) complete(id int, parent *Spec) {
	s.ID, s.Parent = id, parent
	s.Operation = strings.ToUpper(strings.Replace(s.Name, "|", " ", 1))
	s.Keys = spanOf(s.KeySpecs)
	s.ACL = s.ACL.implied(s.Flags)
}
