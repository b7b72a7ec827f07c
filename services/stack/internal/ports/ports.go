// Package ports reserves loopback ports for the stack's children: the default port if it is free,
// otherwise any free port.
package ports

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Port is a loopback TCP port that is reserved for one child.
type Port struct {
	Purpose string // shown in messages, for example "RESP"
	Wanted  int    // default number; 0 if there is none
	Number  int    // actual number

	listener net.Listener // holds the port until Release
}

// Moved reports whether the port differs from its default because the default was in use.
func (p *Port) Moved() bool { return p.Wanted != 0 && p.Number != p.Wanted }

// Addr returns host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// URL returns the http URL of the port with path, which may be empty.
func (p *Port) URL(path string) string { return "http://" + p.Addr() + path }

// Reserve reserves the wanted port of 127.0.0.1, or any free port if wanted is in use or 0. The
// port is held by a listener until Release, so that neither another reservation nor an outgoing
// connection of the stack gets the same port.
func Reserve(purpose string, wanted int) (*Port, error) {
	if wanted != 0 && !inUse(wanted) {
		if l, err := listen(wanted); err == nil {
			return &Port{Purpose: purpose, Wanted: wanted, Number: wanted, listener: l}, nil
		}
	}
	l, err := listen(0)
	if err != nil {
		return nil, fmt.Errorf("no free port for %s: %w", purpose, err)
	}
	return &Port{Purpose: purpose, Wanted: wanted, Number: l.Addr().(*net.TCPAddr).Port, listener: l}, nil
}

// Release closes the listener, so that the child can listen on the port.
func (p *Port) Release() {
	if p.listener != nil {
		_ = p.listener.Close() // no connection was accepted
		p.listener = nil
	}
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// inUse reports whether a server accepts connections on the port. A listener alone does not detect
// this on some systems: beside a server on 0.0.0.0 they allow a second one on 127.0.0.1, which
// would then receive the local clients of the first one.
func inUse(port int) bool {
	conn, err := net.DialTimeout("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), 200*time.Millisecond)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
