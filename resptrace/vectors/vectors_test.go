package vectors_test

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"testing"

	"mini-redis/resptrace/internal/redistest"
	"mini-redis/resptrace/vectors"
	"mini-redis/resptrace/wire"
)

// TestRepliesMatchRedisServer runs each conversation without TRACED against a
// redis-server and expects the same replies: the reply of a TRACED command is the
// reply of its inner command, byte for byte.
func TestRepliesMatchRedisServer(t *testing.T) {
	addr := redistest.Start(t)
	for _, c := range vectors.Load(t).Conversations {
		t.Run(c.Name, func(t *testing.T) {
			stock := c
			stock.Steps = nil
			for _, s := range c.Steps {
				if len(s.ExpectTail) > 0 {
					s.ExpectTail = stockTail(t, s.ExpectTail)
				}
				s.Send, s.Expect = untraced(t, s.Send, s.Expect)
				stock.Steps = append(stock.Steps, s)
			}
			stock.Run(t, func() (net.Conn, error) { return net.Dial("tcp", addr) })
		})
	}
}

// stockTail returns the end of redis-server's reply to HELLO: its last entry is the list of
// modules.
func stockTail(t *testing.T, tail vectors.Bytes) vectors.Bytes {
	t.Helper()
	if string(tail) != "$12\r\ntracecontext\r\n:1\r\n" {
		t.Fatalf("the expected tail is %q, want the entry tracecontext", tail)
	}
	return vectors.Bytes("$7\r\nmodules\r\n*0\r\n")
}

// untraced replaces each TRACED request by its inner command. It replaces a
// malformed request by a malformed ECHO and the expected error by the error of
// that ECHO, so that the state of the connection is the same afterwards.
func untraced(t *testing.T, send, expect []byte) (plain, reply vectors.Bytes) {
	t.Helper()
	for len(send) > 0 {
		var args [][]byte
		args, send = next(t, send)
		if !bytes.EqualFold(args[0], []byte(wire.Command)) {
			plain = append(plain, encode(args)...)
			continue
		}
		_, inner, err := wire.Parse(args)
		if err != nil {
			plain = append(plain, encode([][]byte{[]byte("ECHO")})...)
			expect = bytes.Replace(expect, []byte("-"+err.Error()+"\r\n"),
				[]byte("-ERR wrong number of arguments for 'echo' command\r\n"), 1)
			continue
		}
		plain = append(plain, encode(inner)...)
	}
	return plain, expect
}

// next splits the first request, an array or an inline command, off b.
func next(t *testing.T, b []byte) (args [][]byte, rest []byte) {
	t.Helper()
	if b[0] != '*' {
		line, rest, _ := bytes.Cut(b, []byte("\r\n"))
		return bytes.Fields(line), rest
	}
	number := func() int {
		line, rest, _ := bytes.Cut(b[1:], []byte("\r\n"))
		n, err := strconv.Atoi(string(line))
		if err != nil || n < 0 || n > len(b) {
			t.Fatalf("not a request: %q", b)
		}
		b = rest
		return n
	}
	args = make([][]byte, number())
	for i := range args {
		n := number()
		args[i], b = b[:n], bytes.TrimPrefix(b[n:], []byte("\r\n"))
	}
	return args, b
}

func encode(args [][]byte) []byte {
	var b strings.Builder
	b.WriteString("*" + strconv.Itoa(len(args)) + "\r\n")
	for _, a := range args {
		b.WriteString("$" + strconv.Itoa(len(a)) + "\r\n" + string(a) + "\r\n")
	}
	return []byte(b.String())
}

// TestExpectedSpansHaveSentParents checks the vectors themselves: the parent of
// each expected span is a context that the conversation sends.
func TestExpectedSpansHaveSentParents(t *testing.T) {
	names := map[string]bool{}
	for _, c := range vectors.Load(t).Conversations {
		if names[c.Name] {
			t.Errorf("two conversations have the name %q", c.Name)
		}
		names[c.Name] = true
		var sent []byte
		for _, s := range c.Steps {
			sent = append(sent, s.Send...)
		}
		for _, span := range c.Spans {
			if !bytes.Contains(sent, []byte("00-"+span.TraceID+"-"+span.ParentID+"-01")) {
				t.Errorf("%s: the conversation does not send the parent of %+v", c.Name, span)
			}
		}
	}
}
