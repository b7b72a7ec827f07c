//go:build !linux

package supervise

// PeakMemory is the most memory that the running process has had in RAM, in bytes; 0 when it is not known, as here.
func (p *Process) PeakMemory() int64 { return 0 }
