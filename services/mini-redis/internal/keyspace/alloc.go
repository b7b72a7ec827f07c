package keyspace

// The memory estimates count what the allocator reserves, not what was asked for:
// it rounds a small request up to one of its size classes and a larger one up to
// whole pages.

const (
	largestClass = 32 << 10
	pageSize     = 8 << 10
	pointerBits  = 512 // size from which an object with pointers has a header
	headerSize   = 8
)

// classes has the size class for each number of 8-byte words.
var classes = sizeClasses()

var classProbe []byte // makes the compiler allocate the probes on the heap

// sizeClasses reads the allocator's size classes from the capacities that append
// chooses.
func sizeClasses() *[largestClass/8 + 1]uint16 {
	var table [largestClass/8 + 1]uint16
	for words := 1; words < len(table); {
		classProbe = append([]byte(nil), make([]byte, 8*words)...)
		size := cap(classProbe)
		for ; words < len(table) && 8*words <= size; words++ {
			table[words] = uint16(size)
		}
	}
	classProbe = nil
	return &table
}

// allocSize returns the memory of an allocation of n bytes without pointers.
func allocSize(n int) int {
	if n <= largestClass-headerSize {
		return int(classes[(n+7)/8])
	}
	return (n + pageSize - 1) &^ (pageSize - 1)
}

// pointersSize returns the memory of an array of n pointers.
func pointersSize(n int) int {
	size := 8 * n
	if size > pointerBits && size <= largestClass-headerSize {
		size += headerSize
	}
	return allocSize(size)
}
