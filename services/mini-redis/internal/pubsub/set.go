package pubsub

// set holds elements in the order in which they were added, except that a removal
// moves the last element into the gap. It has a map only if it is large. The zero
// value is an empty set.
type set[T comparable] struct {
	list []T
	at   map[T]int // index in list; nil while the set is small
}

// indexed is the size above which a set has a map.
const indexed = 16

func (s *set[T]) find(x T) int {
	if s.at != nil {
		if i, ok := s.at[x]; ok {
			return i
		}
		return -1
	}
	for i, y := range s.list {
		if x == y {
			return i
		}
	}
	return -1
}

// add adds x and reports whether it was absent.
func (s *set[T]) add(x T) bool {
	if s.find(x) >= 0 {
		return false
	}
	s.list = append(s.list, x)
	switch {
	case s.at != nil:
		s.at[x] = len(s.list) - 1
	case len(s.list) > indexed:
		s.at = make(map[T]int, 2*indexed)
		for i, y := range s.list {
			s.at[y] = i
		}
	}
	return true
}

// remove removes x and reports whether it was present.
func (s *set[T]) remove(x T) bool {
	i := s.find(x)
	if i < 0 {
		return false
	}
	last := len(s.list) - 1
	if s.at != nil {
		s.at[s.list[last]] = i
		delete(s.at, x)
	}
	s.list[i] = s.list[last]
	var zero T
	s.list[last] = zero
	s.list = s.list[:last]
	if last == 0 {
		*s = set[T]{}
	}
	return true
}
