package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// PeakMemory returns the peak resident memory of the running process in bytes, or 0 if it is not
// known.
func (p *Process) PeakMemory() int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if _, err := fmt.Sscanf(string(line), "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}
