package observe

import (
	"os"
	"runtime/metrics"
)

// heapMetric is the runtime's metric of the bytes of all objects on the heap, live or not
// yet swept.
const heapMetric = "/memory/classes/heap/objects:bytes"

// ReadProcess returns the figures of this process that the operating system and the
// runtime have. It takes some tens of microseconds. Unknown figures are zero.
func ReadProcess() Process {
	p := Process{
		PID: os.Getpid(), ResidentSize: residentSize(), SystemMemory: systemMemory(), OS: osName(),
	}
	p.UserCPU, p.SystemCPU = cpuTime()
	heap := []metrics.Sample{{Name: heapMetric}}
	if metrics.Read(heap); heap[0].Value.Kind() == metrics.KindUint64 {
		p.HeapSize = int64(heap[0].Value.Uint64())
	}
	return p
}

// fillFacts sets the figures that the server has left out, and updates the peak of the
// memory.
func (o *Observer) fillFacts(f *Facts) {
	if f.Process.PID == 0 {
		f.Process = ReadProcess()
	}
	if f.UsedMemory == 0 {
		f.UsedMemory = f.Process.HeapSize
	}
	if f.MaxMemoryPolicy == "" {
		f.MaxMemoryPolicy = "noeviction"
	}
	for {
		peak := o.peak.Load()
		if f.UsedMemory <= peak || o.peak.CompareAndSwap(peak, f.UsedMemory) {
			return
		}
	}
}
