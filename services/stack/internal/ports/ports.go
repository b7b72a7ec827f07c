// Package ports finds loopback ports for the stack's children: the usual one where it is free, another where it is not.
package ports

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Port is a loopback TCP port set aside for one child.
type Port struct {
	Purpose string // what people call it: "RESP"
	Wanted  int    // the usual number; 0: none
	Number  int    // what it is

	holder net.Listener
}

// Moved says that the usual port was busy.
func (p *Port) Moved() bool { return p.Wanted != 0 && p.Number != p.Wanted }

// Addr is host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// URL is the port's address as an http URL with path, which may be empty.
func (p *Port) URL(path string) string { return "http://" + p.Addr() + path }

// Reserve takes the wanted port of 127.0.0.1, or a free one when somebody else has it or wanted is 0. It stays taken until
// Release, so that neither another of the stack's ports nor a connection of its own becomes the same.
func Reserve(purpose string, wanted int) (*Port, error) {
	if wanted != 0 && !answers(wanted) {
		if l, err := listen(wanted); err == nil {
			return &Port{Purpose: purpose, Wanted: wanted, Number: wanted, holder: l}, nil
		}
	}
	l, err := listen(0)
	if err != nil {
		return nil, fmt.Errorf("no free port for %s: %w", purpose, err)
	}
	return &Port{Purpose: purpose, Wanted: wanted, Number: l.Addr().(*net.TCPAddr).Port, holder: l}, nil
}

// Release gives the port to the child that is about to listen on it.
func (p *Port) Release() {
	if p.holder != nil {
		_ = p.holder.Close() // nothing was ever accepted
		p.holder = nil
	}
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// answers notices a server on all addresses (0.0.0.0), beside which some systems let 127.0.0.1 be taken: it would lose its
// local clients to the stack without a word.
func answers(port int) bool {
	conn, err := net.DialTimeout("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), 200*time.Millisecond)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
