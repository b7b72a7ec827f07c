package command

// pause is CLIENT PAUSE's state.
type pause struct {
	until int64 // monotonic; 0 when nothing is paused
}

func (e *Engine) postpone(s *Session, spec *Spec, args [][]byte, from *origin) bool { return false }
