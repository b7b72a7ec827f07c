//go:build !unix

package server

// fitDescriptors implements the limit of open files where there is one.
func fitDescriptors(clients int) int { return clients }
