package resptrace_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// connection answers commands about the connection, which s.ran does not record.
func (s *server) connection(c *client, name string, args []string) (string, bool) {
	switch name {
	case "HELLO":
		if s.noHello {
			return unknown(args), true
		}
		c.resp3 = len(args) > 1 && args[1] == "3"
		return s.hello(c), true
	case "CLIENT":
		if strings.EqualFold(args[1], "SETINFO") || strings.EqualFold(args[1], "SETNAME") || strings.EqualFold(args[1], "TRACKING") {
			return "+OK\r\n", true
		}
		return "-ERR unknown subcommand '" + args[1] + "'. Try CLIENT HELP.\r\n", true
	case "SELECT", "READONLY", "ASKING", "AUTH":
		return "+OK\r\n", true
	case "COMMAND":
		return "*0\r\n", true
	case "MULTI":
		c.multi, c.dirty, c.queue = true, false, nil
		return "+OK\r\n", true
	case "DISCARD":
		c.multi = false
		return "+OK\r\n", true
	case "WATCH":
		for _, key := range args[1:] {
			c.watch[key] = s.version[key]
		}
		return "+OK\r\n", true
	case "UNWATCH":
		clear(c.watch)
		return "+OK\r\n", true
	case "EXEC":
		return s.exec(c), true
	case "SUBSCRIBE":
		kind := "*"
		if c.resp3 {
			kind = ">"
		}
		return kind + "3\r\n" + bulk("subscribe") + bulk(args[1]) + ":1\r\n", true
	}
	return "", false
}

func (s *server) hello(c *client) string {
	entries := []string{bulk("server") + bulk("redis"), bulk("version") + bulk("7.2.0"), bulk("id") + fmt.Sprintf(":%d\r\n", c.id)}
	if !s.stock || s.claims {
		entries = append(entries, bulk("tracecontext")+":1\r\n")
	}
	if c.resp3 {
		return fmt.Sprintf("%%%d\r\n%s", len(entries), strings.Join(entries, ""))
	}
	return fmt.Sprintf("*%d\r\n%s", 2*len(entries), strings.Join(entries, ""))
}

func (s *server) exec(c *client) string {
	c.multi = false
	watched := c.watch
	c.watch = map[string]int{}
	if c.dirty {
		return "-EXECABORT Transaction discarded because of previous errors.\r\n"
	}
	for key, version := range watched {
		if s.version[key] != version {
			if c.resp3 {
				return "_\r\n"
			}
			return "*-1\r\n"
		}
	}
	reply := fmt.Sprintf("*%d\r\n", len(c.queue))
	for _, args := range c.queue {
		reply += s.run(c, strings.ToUpper(args[0]), args)
	}
	return reply
}

// keys answers commands on the keyspace.
func (s *server) keys(name string, args []string) string {
	switch name {
	case "PING":
		return "+PONG\r\n"
	case "ECHO":
		return bulk(args[1])
	case "GET":
		return s.get(args[1])
	case "MGET":
		reply := fmt.Sprintf("*%d\r\n", len(args)-1)
		for _, key := range args[1:] {
			reply += s.get(key)
		}
		return reply
	case "SET", "MSET":
		for i := 1; i+1 < len(args); i += 2 {
			s.put(args[i], args[i+1])
		}
		return "+OK\r\n"
	case "DEL":
		n := 0
		for _, key := range args[1:] {
			if _, ok := s.data[key]; ok {
				n++
			}
			delete(s.data, key)
			s.version[key]++
		}
		return fmt.Sprintf(":%d\r\n", n)
	case "INCR":
		n, err := strconv.Atoi(s.data[args[1]] + "")
		if s.data[args[1]] != "" && err != nil {
			return "-ERR value is not an integer or out of range\r\n"
		}
		s.put(args[1], strconv.Itoa(n+1))
		return fmt.Sprintf(":%d\r\n", n+1)
	case "LPUSH":
		return "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
	case "PUBLISH":
		return ":0\r\n"
	}
	return unknown(args)
}

func (s *server) get(key string) string {
	if v, ok := s.data[key]; ok {
		return bulk(v)
	}
	return "$-1\r\n"
}

func (s *server) put(key, value string) {
	s.data[key] = value
	s.version[key]++
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// sent returns the requests since the last call, one line each, without the setup
// commands of go-redis. It replaces a traceparent by "<context>".
func (s *server) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.requests {
		if isSetupCommand(r.args) {
			continue
		}
		words := slices.Clone(r.args)
		if len(words) > 3 && words[0] == "TRACED" && words[2] == "traceparent" {
			words[3] = "<context>"
		}
		lines = append(lines, strings.Join(words, " "))
	}
	s.requests = nil
	return lines
}

// all returns the requests since the last call of sent.
func (s *server) all() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// executed returns the commands executed since the last call.
func (s *server) executed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ran := s.ran
	s.ran = nil
	return ran
}

func isSetupCommand(args []string) bool {
	return slices.Contains([]string{"hello", "client", "command", "cluster", "select", "readonly"}, args[0])
}

func mustLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
