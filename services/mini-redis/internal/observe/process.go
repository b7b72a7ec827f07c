package observe

import (
	"os"
	"runtime/metrics"
)

// heapMetric is the runtime's name for the bytes of all objects on the heap, live or not yet swept.
const heapMetric = "/memory/classes/heap/objects:bytes"

// ReadProcess reads what the operating system and the runtime know of this
// process, in some tens of microseconds; what they do not tell is zero.
func ReadProcess() Process {
	p := Process{PID: os.Getpid(), ResidentSize: residentSize(), SystemMemory: systemMemory(), OS: osName()}
	p.UserCPU, p.SystemCPU = cpuTime()
	heap := []metrics.Sample{{Name: heapMetric}}
	if metrics.Read(heap); heap[0].Value.Kind() == metrics.KindUint64 {
		p.HeapSize = int64(heap[0].Value.Uint64())
	}
	return p
}

// complete fills in what the server left out, and keeps the peak of memory.
func (o *Observer) complete(f *Facts) {
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
