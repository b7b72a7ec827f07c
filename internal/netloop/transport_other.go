//go:build !linux

package netloop

// newTransport returns the goroutine transport: there is no epoll.
func newTransport(s *Server) (transport, error) { return newGoroutines(s), nil }
