package observe

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// residentSize returns the resident memory of this process in bytes.
func residentSize() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

// systemMemory returns the memory of the machine in bytes.
func systemMemory() int64 {
	var s syscall.Sysinfo_t
	if syscall.Sysinfo(&s) != nil {
		return 0
	}
	return int64(uint64(s.Totalram) * uint64(s.Unit))
}

// osName returns the name, the release and the machine of the system, as redis-server
// prints them.
func osName() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "Linux"
	}
	return utsText(u.Sysname[:]) + " " + utsText(u.Release[:]) + " " + utsText(u.Machine[:])
}

// utsText converts a C string, whose characters are signed on some machines.
func utsText[T int8 | uint8](chars []T) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
