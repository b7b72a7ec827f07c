// Package glob matches byte strings with the glob patterns of Redis, as KEYS, SCAN,
// CONFIG GET and PSUBSCRIBE take them.
//
// Source: stringmatchlen in redis-server's util.c.
package glob

import "mini-redis/internal/ascii"

// Match reports whether text matches a pattern:
//
//	"*"     any number of bytes, also none
//	"?"     exactly one byte
//	"[abc]" one of these bytes; "[^abc]" any other byte; "[a-z]" a range in either direction
//	"\\c"   the byte c itself, also inside brackets
//
// A bracket without an end extends to the end of the pattern. A trailing backslash
// matches a backslash. Match allocates nothing and does not recurse. Its time is at
// most proportional to the product of the two lengths: after a mismatch only the last
// "*" needs to match more, so it is the only place to backtrack to.
func Match(pattern, text []byte) bool { return match(pattern, text, false) }

// MatchFold is Match, ignoring the case of ASCII letters.
func MatchFold(pattern, text []byte) bool { return match(pattern, text, true) }

// LiteralPrefix returns the length of the longest prefix of a pattern that matches
// only itself.
func LiteralPrefix(pattern []byte) int {
	for i, c := range pattern {
		switch c {
		case '*', '?', '[', '\\':
			return i
		}
	}
	return len(pattern)
}

func match(pattern, text []byte, fold bool) bool {
	p, t := 0, 0
	star, resume := -1, 0 // position after the last *, and the next end to try for its match
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

// matchOne matches c with the element of the pattern at p, which is not a *, and
// returns the position of the next element.
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

// matchClass matches c with the bracket expression whose content begins at p.
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

func same(a, b byte, fold bool) bool { return a == b || fold && ascii.Lower(a) == ascii.Lower(b) }

func between(lo, hi, c byte, fold bool) bool {
	if fold {
		lo, hi, c = ascii.Lower(lo), ascii.Lower(hi), ascii.Lower(c)
	}
	if lo > hi {
		lo, hi = hi, lo
	}
	return lo <= c && c <= hi
}
