package wire

// equalFold compares without regard to ASCII letter case. It does not fold bytes
// above 127: names are ASCII, and Unicode folding would make 'ſ' equal to 's'.
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
