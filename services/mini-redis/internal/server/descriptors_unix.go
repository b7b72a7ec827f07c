//go:build unix

package server

import "golang.org/x/sys/unix"

// reservedDescriptors is the number of file descriptors that are not for clients:
// listeners, event loops, the admin endpoint, the connections of telemetry and of the
// console.
const reservedDescriptors = 40

// fitDescriptors lowers a number of clients to what the limit of open files allows. The
// Go runtime has raised the soft limit to the hard one.
func fitDescriptors(clients int) int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return clients
	}
	most := uint64(limit.Cur) // its type differs between systems
	if most < reservedDescriptors+uint64(clients) {
		return max(1, int(most)-reservedDescriptors)
	}
	return clients
}
