// Package replytest parses and runs test conversations: requests with the expected
// replies, in plain text. The same conversations run against the command engine alone,
// against the server over TCP, and against a redis-server, and the replies are compared
// byte for byte.
//
// A file is a list of cases. Each case starts with an empty server:
//
//	# a comment
//	== the name of the case
//	> SET k "a b"        a request on connection 1, words as in redis-cli
//	< +OK                the reply
//	2> BLPOP q 0         a request on connection 2; it has no reply yet
//	> RPUSH q x
//	< :1
//	2< *2                the reply of connection 2: its first line,
//	| $1                 and the lines that follow
//	| q
//	| $1
//	| x
//	~ 100ms              wait
//
// A line of a reply is written without its line end, and quoted if it has bytes that
// cannot be printed. "<~" and "|~" are followed by a regular expression for the line;
// "<*" stands for any one reply. In requests and replies {id:2} and {addr:2} are the ID
// and the address of connection 2, {now+5s} is that time in unix seconds and
// {now+5000ms} in unix milliseconds.
package replytest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mini-redis/internal/resp"
)

// Case is a conversation.
type Case struct {
	File  string
	Name  string
	Steps []Step
}

// Step is a request with the expected replies. Without words it consists of expected
// replies, or of a time to wait.
type Step struct {
	Line    int
	Text    string // as written
	Conn    int
	Words   [][]byte
	Replies []Reply
	Sleep   time.Duration
}

// Reply is an expected reply.
type Reply struct {
	Conn  int
	Any   bool
	Lines []Line
}

// Line is one line of an expected reply.
type Line struct {
	Text    string
	Pattern *regexp.Regexp // nil for a literal line
}

// Parse parses the cases of a file.
func Parse(file string, r io.Reader) ([]Case, error) {
	p := parser{file: file}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		p.line++
		if err := p.take(scan.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, p.line, err)
		}
	}
	return p.cases, scan.Err()
}

type parser struct {
	file  string
	line  int
	cases []Case
}

var lineForm = regexp.MustCompile(`^([1-9]?)([>]|[<|][~*]?) ?(.*)$`)

func (p *parser) take(text string) error {
	switch {
	case strings.TrimSpace(text) == "", strings.HasPrefix(text, "#"):
		return nil
	case strings.HasPrefix(text, "== "):
		p.cases = append(p.cases, Case{File: p.file, Name: text[3:]})
		return nil
	case len(p.cases) == 0:
		return fmt.Errorf("a line before the first case")
	case strings.HasPrefix(text, "~ "):
		d, err := time.ParseDuration(text[2:])
		p.add(Step{Sleep: d, Text: text})
		return err
	}
	m := lineForm.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%q is not a line of a conversation", text)
	}
	conn := 1
	if m[1] != "" {
		conn = int(m[1][0] - '0')
	}
	if m[2] == ">" {
		words, ok := resp.SplitWords([]byte(m[3]), nil)
		if !ok || len(words) == 0 {
			return fmt.Errorf("%q is not a request", m[3])
		}
		p.add(Step{Conn: conn, Words: words, Text: m[3]})
		return nil
	}
	return p.reply(conn, m[2], m[3])
}

func (p *parser) add(s Step) {
	s.Line = p.line
	c := &p.cases[len(p.cases)-1]
	c.Steps = append(c.Steps, s)
}

// reply adds a line of an expected reply to the last step.
func (p *parser) reply(conn int, mark, text string) error {
	c := &p.cases[len(p.cases)-1]
	if len(c.Steps) == 0 {
		return fmt.Errorf("a reply before the first request")
	}
	s := &c.Steps[len(c.Steps)-1]
	if mark[0] == '<' {
		s.Replies = append(s.Replies, Reply{Conn: conn, Any: mark == "<*"})
	}
	if len(s.Replies) == 0 {
		return fmt.Errorf("a reply without its first line")
	}
	if mark == "<*" {
		return nil
	}
	line, err := parseLine(text, strings.HasSuffix(mark, "~"))
	r := &s.Replies[len(s.Replies)-1]
	r.Lines = append(r.Lines, line)
	return err
}

func parseLine(text string, pattern bool) (Line, error) {
	if pattern {
		re, err := regexp.Compile("^(?:" + text + ")$")
		return Line{Text: text, Pattern: re}, err
	}
	if strings.HasPrefix(text, `"`) {
		plain, err := strconv.Unquote(text)
		return Line{Text: plain}, err
	}
	return Line{Text: text}, nil
}

// Lines splits a reply into lines as a conversation has them: headers, and the contents
// of strings.
func Lines(reply []byte) []string {
	var lines []string
	for len(reply) > 0 {
		end := bytes.Index(reply, []byte("\r\n"))
		if end < 0 {
			return append(lines, string(reply))
		}
		head := string(reply[:end])
		lines = append(lines, head)
		reply = reply[end+2:]
		if n, err := strconv.Atoi(head[min(1, len(head)):]); err == nil && n >= 0 && (head[0] == '$' || head[0] == '=') && n+2 <= len(reply) {
			lines = append(lines, string(reply[:n]))
			reply = reply[n+2:]
		}
	}
	return lines
}

// Show formats a line as a conversation has it.
func Show(line string) string {
	quoted := strconv.Quote(line)
	if quoted[1:len(quoted)-1] == line && strings.TrimSpace(line) == line && isASCII(line) {
		return line
	}
	if isASCII(line) {
		return quoted
	}
	return quoteBytes(line)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// quoteBytes quotes every byte that is not printable ASCII by its number.
func quoteBytes(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
