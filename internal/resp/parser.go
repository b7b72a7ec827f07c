package resp

import "bytes"

// Parser parses requests, which are arrays of bulk strings or inline lines. It
// keeps its position in an incomplete request, so that a request that arrives in
// many parts is scanned once.
//
// The zero value is ready to use. A Parser belongs to one connection.
type Parser struct {
	pos   int    // bytes of the buffer that have been parsed
	left  int    // arguments still to come, of the array being read
	bulk  int    // length of the argument being read, or -1 before its '$' line
	began bool   // an array's header has been read
	spans []span // the arguments read so far
}

// span is the position of an argument in the buffer.
type span struct{ from, to int }

// spansKept is the largest capacity of spans that is kept after a request.
const spansKept = 16

// Next parses one request at the start of buf. It appends the request's arguments,
// which alias buf, to args, and returns the number of bytes of the request.
// n == 0 means that the request is incomplete: call Next again with the same bytes
// at the start of buf, followed by more. An empty request (a blank line or an empty
// array) has n > 0 and appends no arguments. After an error the Parser must not be
// used again.
func (p *Parser) Next(buf []byte, args [][]byte, lim *Limits) (_ [][]byte, n int, err error) {
	if !p.began {
		if len(buf) == 0 {
			return args, 0, nil
		}
		if args, n = whole(buf, args, lim); n > 0 {
			return args, n, nil
		}
		if buf[0] != '*' {
			return p.inline(buf, args, lim)
		}
		if ok, err := p.header(buf, lim); !ok {
			return args, 0, err
		}
	}
	for p.left > 0 {
		if ok, err := p.argument(buf, lim); !ok {
			return args, 0, err
		}
	}
	for _, s := range p.spans {
		args = append(args, buf[s.from:s.to:s.to])
	}
	n = p.pos
	p.reset()
	return args, n, nil
}

// plain is the first argument length that whole leaves to the incremental parser.
const plain = 10_000

// whole parses a complete request of up to nine short arguments, which nearly every
// request is, without keeping state. n == 0 leaves the request to the incremental
// parser.
func whole(buf []byte, args [][]byte, lim *Limits) (_ [][]byte, n int) {
	if len(buf) < 4 || buf[0] != '*' || buf[2] != '\r' || lim.Bulk < plain {
		return args, 0
	}
	count := int(buf[1]) - '0'
	if count < 1 || count > 9 {
		return args, 0
	}
	had, i := len(args), 4
	for range count {
		if i+4 > len(buf) || buf[i] != '$' {
			return args[:had], 0
		}
		length := int(buf[i+1]) - '0'
		if length < 0 || length > 9 {
			return args[:had], 0
		}
		for i += 2; i < len(buf) && buf[i] != '\r'; i++ {
			digit := int(buf[i]) - '0'
			if length = length*10 + digit; digit < 0 || digit > 9 || length >= plain {
				return args[:had], 0
			}
		}
		from := i + 2
		i = from + length + 2
		if i > len(buf) {
			return args[:had], 0
		}
		args = append(args, buf[from:from+length:from+length])
	}
	return args, i
}

// Need returns the number of bytes that buf must hold before the argument being
// parsed is complete, or 0 if its length is not known yet. The owner of the buffer
// uses it to allocate the memory once.
func (p *Parser) Need() int {
	if p.began && p.bulk >= 0 {
		return p.pos + p.bulk + 2
	}
	return 0
}

func (p *Parser) reset() {
	spans := p.spans[:0]
	if cap(spans) > spansKept {
		spans = nil
	}
	*p = Parser{spans: spans}
}

// header parses "*<count>\r\n".
func (p *Parser) header(buf []byte, lim *Limits) (bool, error) {
	n, next, state := number(buf, 1)
	switch {
	case state == numberPartial:
		if len(buf) > lim.Inline {
			return false, ErrBigMultibulk
		}
		return false, nil
	case state == numberBad, n > int64(DefaultLimits.Args):
		return false, ErrMultibulkLength
	case n > int64(lim.Args):
		return false, ErrUnauthMultibulk
	}
	p.began, p.left, p.bulk, p.pos = true, int(max(n, 0)), -1, next
	return true, nil
}

// argument parses "$<length>\r\n<bytes>\r\n".
func (p *Parser) argument(buf []byte, lim *Limits) (bool, error) {
	if p.bulk < 0 {
		if p.pos >= len(buf) {
			return false, nil
		}
		switch buf[p.pos] {
		case '$':
		case ':':
			return p.integer(buf, lim)
		default:
			return false, ErrExpectedBulk(buf[p.pos])
		}
		n, next, state := number(buf, p.pos+1)
		switch {
		case state == numberPartial:
			if len(buf)-p.pos > lim.Inline {
				return false, ErrBigBulkCount
			}
			return false, nil
		case state == numberBad, n < 0, n > int64(DefaultLimits.Bulk):
			return false, ErrBulkLength
		case n > int64(lim.Bulk):
			return false, ErrUnauthBulk
		}
		p.bulk, p.pos = int(n), next
	}
	if len(buf)-p.pos < p.bulk+2 {
		return false, nil
	}
	p.spans = append(p.spans, span{p.pos, p.pos + p.bulk})
	p.pos += p.bulk + 2
	p.bulk = -1
	p.left--
	return true, nil
}

// integer parses ":<number>\r\n" as an argument that consists of its digits.
// redis-server rejects it; the client of Tokio's mini-redis sends times to live so.
func (p *Parser) integer(buf []byte, lim *Limits) (bool, error) {
	from := p.pos + 1
	_, next, state := number(buf, from)
	switch {
	case state == numberBad:
		return false, ErrBulkLength
	case state == numberPartial && len(buf)-p.pos > lim.Inline:
		return false, ErrBigBulkCount
	case state == numberPartial:
		return false, nil
	}
	p.spans = append(p.spans, span{from, next - 2})
	p.pos = next
	p.left--
	return true, nil
}

type numberState int8

const (
	numberOK numberState = iota
	numberPartial
	numberBad
)

// number parses a decimal that ends in "\r\n" at buf[i:]. next is the index after the
// line end.
func number(buf []byte, i int) (n int64, next int, state numberState) {
	start := i
	neg := i < len(buf) && buf[i] == '-'
	if neg {
		i++
	}
	first := i
	for ; i < len(buf); i++ {
		c := buf[i]
		if c == '\r' {
			if i+1 >= len(buf) {
				return 0, 0, numberPartial
			}
			if i == first {
				return 0, 0, numberBad
			}
			if neg {
				n = -n
			}
			return n, i + 2, numberOK
		}
		if c < '0' || c > '9' || i-start > 18 {
			return 0, 0, badOrPartial(buf[i:])
		}
		n = n*10 + int64(c-'0')
	}
	return 0, 0, numberPartial
}

// badOrPartial distinguishes an invalid number in a complete line from one in an
// incomplete line, which redis-server does not reject yet.
func badOrPartial(rest []byte) numberState {
	if i := bytes.IndexByte(rest, '\r'); i >= 0 && i+1 < len(rest) {
		return numberBad
	}
	return numberPartial
}

// inline parses a line of words.
func (p *Parser) inline(buf []byte, args [][]byte, lim *Limits) ([][]byte, int, error) {
	end := bytes.IndexByte(buf[p.pos:], '\n')
	if end < 0 {
		p.pos = len(buf)
		if len(buf) > lim.Inline {
			return args, 0, ErrBigInline
		}
		return args, 0, nil
	}
	end += p.pos
	line := buf[:end]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	if len(line) > lim.Inline {
		return args, 0, ErrBigInline
	}
	args, ok := SplitWords(line, args)
	if !ok {
		return args, 0, ErrUnbalancedQuotes
	}
	p.reset()
	return args, end + 1, nil
}
