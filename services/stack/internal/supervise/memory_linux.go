package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// PeakMemory is the most memory that the running process has had in RAM, in bytes; 0 when it is not known.
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
