//go:build !linux

package supervise

// PeakMemory returns 0: the peak resident memory is not known on this system.
func (p *Process) PeakMemory() int64 { return 0 }
