package keyspace

// Kind is a value's type as TYPE names it.
type Kind uint8

// The types of values.
const (
	KindString Kind = iota
	KindList
)

// String returns TYPE's word for the kind.
func (k Kind) String() string {
	switch k {
	case KindString:
		return "string"
	case KindList:
		return "list"
	}
	return "unknown"
}

// Value is a value that is not a string: a *List.
type Value interface {
	// Size returns the memory that the value takes in bytes, in constant time.
	Size() int
	// Encoding returns the name that OBJECT ENCODING has for the representation.
	Encoding() string
}

// As returns the value of e if its type is T. If e is nil, it returns the zero
// value of T and true: an absent key counts as an empty value of any type.
func As[T Value](e *Entry) (v T, ok bool) {
	if e == nil {
		return v, true
	}
	v, ok = e.Value().(T)
	return v, ok
}
