//go:build !linux

package server

// newTransport serves every listener with a goroutine for each connection where
// there is no epoll.
func newTransport(s *Server) (transport, error) { return newSolo(s), nil }
