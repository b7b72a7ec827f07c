package observe

// otherName stands in spans and metrics for what has no name of its own: commands that
// the table does not have, and error codes beyond MaxErrorCodes.
const otherName = "_OTHER"

// MaxErrorCodes is the number of error codes that are counted separately, as in
// redis-server. A script can return any code.
const MaxErrorCodes = 128

// errorCodes counts error replies by their code, which is the first word: ERR, WRONGTYPE.
// The execution lock guards it, except the names.
type errorCodes struct {
	names *interned
	count []uint64 // by number
	base  []uint64 // count at the last CONFIG RESETSTAT
}

func newErrorCodes() errorCodes {
	return errorCodes{names: newInterned(otherName, MaxErrorCodes), count: make([]uint64, 1)}
}

// add counts an error reply and returns the number of its code.
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

// since returns the number of replies with a code since the last CONFIG RESETSTAT.
func (e *errorCodes) since(id int) uint64 {
	if id < len(e.base) {
		return e.count[id] - e.base[id]
	}
	return e.count[id]
}

// total returns the number of error replies since the last CONFIG RESETSTAT.
func (e *errorCodes) total() (n uint64) {
	for id := range e.count {
		n += e.since(id)
	}
	return n
}

func (e *errorCodes) reset() { e.base = append(e.base[:0], e.count...) }

// isErrorCode reports whether s has the form of a code. Any other first word may be a part
// of a key or of a value, which are never recorded.
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
