package pubsub

// Match reports whether text matches a glob pattern as Redis understands it
// (stringmatchlen of redis-server), in KEYS, SCAN, CONFIG GET and PSUBSCRIBE:
//
//	"*"     any bytes, none included
//	"?"     any one byte
//	"[abc]" one of them; "[^abc]" any other; "[a-z]" a range, either way round
//	"\\c"   c itself, inside of brackets too
//
// A bracket that is never closed ends with the pattern; a lone trailing
// backslash stands for itself. It takes no memory, does not recurse, and its
// time is bounded by the product of the two lengths: when a byte does not match,
// only the last "*" can have to give more, so that is the one place it goes back to.
func Match(pattern, text []byte) bool { return match(pattern, text, false) }

// MatchFold is Match without regard to the case of ASCII letters.
func MatchFold(pattern, text []byte) bool { return match(pattern, text, true) }

func match(pattern, text []byte, fold bool) bool {
	p, t := 0, 0
	star, resume := -1, 0 // behind the last *, and where its match could end next
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, resume = p, t
			continue
		}
		if p < len(pattern) {
			if ok, next := matchOne(pattern, p, text[t], fold); ok {
				p, t = next, t+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, t = star, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one byte with the element of the pattern at p, which is not
// a *, and returns where the next element is.
func matchOne(pattern []byte, p int, c byte, fold bool) (ok bool, next int) {
	switch pattern[p] {
	case '?':
		return true, p + 1
	case '[':
		return matchClass(pattern, p+1, c, fold)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return same(pattern[p], c, fold), p + 1
}

// matchClass matches one byte with the class whose inside begins at p.
func matchClass(pattern []byte, p int, c byte, fold bool) (ok bool, next int) {
	negated := p < len(pattern) && pattern[p] == '^'
	if negated {
		p++
	}
	found := false
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			found = found || same(pattern[p+1], c, fold)
			p += 2
		case p+2 < len(pattern) && pattern[p+1] == '-':
			found = found || between(pattern[p], pattern[p+2], c, fold)
			p += 3
		default:
			found = found || same(pattern[p], c, fold)
			p++
		}
	}
	if p < len(pattern) {
		p++ // the closing bracket
	}
	return found != negated, p
}

func same(a, b byte, fold bool) bool { return a == b || fold && lower(a) == lower(b) }

func between(lo, hi, c byte, fold bool) bool {
	if fold {
		lo, hi, c = lower(lo), lower(hi), lower(c)
	}
	if lo > hi {
		lo, hi = hi, lo
	}
	return lo <= c && c <= hi
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
