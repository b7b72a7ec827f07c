package replytest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Differences is a reviewed list of requests to which a redis-server replies
// differently, with the reason for each. Its format:
//
//	# a comment
//	== the reason, a sentence
//	string.txt / set and get / GET k
//	string.txt / set and get / *
//
// The three parts are a file, a case and a request as written. A * at the end stands for
// any rest.
type Differences struct{ list []*difference }

type difference struct {
	file, name, request, reason string
	used                        bool
}

// ParseDifferences parses a list.
func ParseDifferences(r io.Reader) (*Differences, error) {
	d := &Differences{}
	reason := ""
	scan := bufio.NewScanner(r)
	for line := 1; scan.Scan(); line++ {
		text := strings.TrimSpace(scan.Text())
		switch {
		case text == "", strings.HasPrefix(text, "#"):
			continue
		case strings.HasPrefix(text, "== "):
			reason = text[3:]
			continue
		}
		parts := strings.SplitN(text, " / ", 3)
		if len(parts) != 3 || reason == "" {
			return nil, fmt.Errorf("line %d: want a reason, then file / case / request", line)
		}
		d.list = append(d.list, &difference{file: parts[0], name: parts[1], request: parts[2], reason: reason})
	}
	return d, scan.Err()
}

// Reason returns why the reply of a step may differ; ok is false if it may not.
func (d *Differences) Reason(c *Case, s *Step) (reason string, ok bool) {
	for _, x := range d.list {
		if x.file == c.File && x.name == c.Name && x.matches(s.Text) {
			x.used = true
			return x.reason, true
		}
	}
	return "", false
}

func (x *difference) matches(request string) bool {
	if start, any := strings.CutSuffix(x.request, "*"); any {
		return strings.HasPrefix(request, start)
	}
	return x.request == request
}

// Unused returns the lines that no call of Reason has matched.
func (d *Differences) Unused() []string {
	var lines []string
	for _, x := range d.list {
		if !x.used {
			lines = append(lines, x.file+" / "+x.name+" / "+x.request)
		}
	}
	return lines
}
