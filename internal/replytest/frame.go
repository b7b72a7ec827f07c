package replytest

import (
	"bytes"
	"strconv"
)

// Frame returns the length of the first reply in buf, 0 if it is incomplete.
func Frame(buf []byte) int {
	at := 0
	for left := 1; left > 0; left-- {
		end := bytes.Index(buf[at:], []byte("\r\n"))
		if end < 0 {
			return 0
		}
		head := buf[at : at+end]
		at += end + 2
		if len(head) == 0 {
			continue
		}
		n, err := strconv.Atoi(string(head[1:]))
		if err != nil || n < 0 {
			continue
		}
		switch head[0] {
		case '$', '=':
			at += n + 2
		case '*', '~', '>':
			left += n
		case '%':
			left += 2 * n
		case '|':
			left += 2*n + 1
		}
		if at > len(buf) {
			return 0
		}
	}
	return at
}
