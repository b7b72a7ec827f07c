//go:build !linux

package observe

import "runtime"

// residentSize and systemMemory are not told by this system in a simple way.
func residentSize() int64 { return 0 }

func systemMemory() int64 { return 0 }

// osName is the system's name and the machine's.
func osName() string { return runtime.GOOS + " " + runtime.GOARCH }
