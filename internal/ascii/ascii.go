// Package ascii folds the case of ASCII letters, which is how Redis compares
// command names, options and configuration parameters. Bytes outside of A-Z and
// a-z are compared as they are.
package ascii

// Lower returns the lower-case form of c.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Is reports whether b equals word, which is in lower case, in any case of b.
func Is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if Lower(c) != word[i] {
			return false
		}
	}
	return true
}

// EqualFold reports whether a and b are equal when case is ignored. Unlike
// strings.EqualFold it folds only ASCII letters: 'ſ' does not equal 's'.
func EqualFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// AppendLower appends the lower-case form of b to dst.
func AppendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, Lower(c))
	}
	return dst
}
