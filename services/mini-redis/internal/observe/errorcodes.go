package observe

// otherName stands for what has no name of its own in spans and metrics: a
// command that the table does not know, an error code too many.
const otherName = "_OTHER"

// MaxErrorCodes is how many different error codes are told apart, as in
// redis-server; a script can make up any number of them.
const MaxErrorCodes = 128

// errorCodes counts error replies by their code, the first word: ERR, WRONGTYPE.
// It is guarded by the execution lock, but for the names.
type errorCodes struct {
	names *interned
	count []uint64 // by number
	base  []uint64 // what count was at CONFIG RESETSTAT
}

func newErrorCodes() errorCodes {
	return errorCodes{names: newInterned(otherName, MaxErrorCodes), count: make([]uint64, 1)}
}

// add counts one reply and returns its code's number.
func (e *errorCodes) add(code string) int {
	id := 0
	if isErrorCode(code) {
		id = e.names.id(code)
	}
	for len(e.count) <= id {
		e.count = append(e.count, 0)
	}
	e.count[id]++
	return id
}

// since returns the replies of a code since CONFIG RESETSTAT.
func (e *errorCodes) since(id int) uint64 {
	if id < len(e.base) {
		return e.count[id] - e.base[id]
	}
	return e.count[id]
}

// total returns all replies since CONFIG RESETSTAT.
func (e *errorCodes) total() (n uint64) {
	for id := range e.count {
		n += e.since(id)
	}
	return n
}

func (e *errorCodes) reset() { e.base = append(e.base[:0], e.count...) }

// isErrorCode reports whether s looks like a code and not like the beginning of
// a sentence: a reply's text can hold keys and values, which are never recorded.
func isErrorCode(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('A' <= c && c <= 'Z' || i > 0 && ('0' <= c && c <= '9' || c == '_')) {
			return false
		}
	}
	return true
}
