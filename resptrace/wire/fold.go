package wire

// equalFold compares in ASCII without regard to letter case. Bytes above 127
// fold to nothing: names are ASCII, and Unicode folding would let 'ſ' pass for 's'.
func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
