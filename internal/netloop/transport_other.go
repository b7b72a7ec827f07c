//go:build !linux

package netloop

import "net"

// newTransport returns the goroutine transport: there is no epoll.
func newTransport(s *Server) (transport, error) { return newGoroutines(s), nil }

// pendingInput returns 0: the number of bytes that the kernel has received is not known.
func pendingInput(net.Conn) int { return 0 }
