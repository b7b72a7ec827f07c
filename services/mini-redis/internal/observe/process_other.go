//go:build !linux

package observe

import "runtime"

// residentSize and systemMemory return 0: they are not implemented for this system.
func residentSize() int64 { return 0 }

func systemMemory() int64 { return 0 }

// osName returns the name of the system and of the machine.
func osName() string { return runtime.GOOS + " " + runtime.GOARCH }
