package resp

// SplitWords splits a line into words, as redis-server splits inline requests and
// redis-cli splits its input. Words are separated by white space. Inside "..." the
// escapes are \n \r \t \b \a \xHH, and \c for any other c; inside '...' only \'. It
// appends to words, and returns false if a quote is not closed or is followed by a
// byte other than white space. Words without quotes alias the line.
//
// Source: sdssplitargs of redis-server.
func SplitWords(line []byte, words [][]byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, true
		}
		word, next, ok := oneWord(line, i)
		if !ok {
			return words, false
		}
		words, i = append(words, word), next
	}
}

func oneWord(line []byte, i int) (word []byte, next int, ok bool) {
	start := i
	for i < len(line) && !isSpace(line[i]) && line[i] != '"' && line[i] != '\'' {
		i++
	}
	word = line[start:i:i]
	for i < len(line) && !isSpace(line[i]) {
		switch q := line[i]; q {
		case '"', '\'':
			if word, i, ok = quoted(line, i+1, q, word); !ok {
				return nil, i, false
			}
			if i < len(line) && !isSpace(line[i]) {
				return nil, i, false
			}
		default:
			word = append(word, q)
			i++
		}
	}
	return word, i, true
}

// quoted reads up to the closing quote q and appends what it read to word.
func quoted(line []byte, i int, q byte, word []byte) ([]byte, int, bool) {
	for i < len(line) {
		c := line[i]
		switch {
		case c == q:
			return word, i + 1, true
		case c == '\\' && q == '\'' && i+1 < len(line) && line[i+1] == '\'':
			word, i = append(word, '\''), i+2
		case c == '\\' && q == '"' && i+1 < len(line):
			var b byte
			b, i = escape(line, i+1)
			word = append(word, b)
		default:
			word, i = append(word, c), i+1
		}
	}
	return nil, i, false
}

func escape(line []byte, i int) (byte, int) {
	if line[i] == 'x' && i+2 < len(line) {
		hi, ok1 := hex(line[i+1])
		lo, ok2 := hex(line[i+2])
		if ok1 && ok2 {
			return hi<<4 | lo, i + 3
		}
	}
	switch c := line[i]; c {
	case 'n':
		return '\n', i + 1
	case 'r':
		return '\r', i + 1
	case 't':
		return '\t', i + 1
	case 'b':
		return '\b', i + 1
	case 'a':
		return '\a', i + 1
	default:
		return c, i + 1
	}
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0
}
