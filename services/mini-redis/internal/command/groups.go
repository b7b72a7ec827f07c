package command

func clientCommands() []*Spec     { return nil }
func introspectCommands() []*Spec { return nil }
func expireCommands() []*Spec     { return nil }
func scanCommands() []*Spec       { return nil }
func objectCommands() []*Spec     { return nil }
func counterCommands() []*Spec    { return nil }
func listCommands() []*Spec       { return nil }
func blockingCommands() []*Spec   { return nil }
func pubsubCommands() []*Spec     { return nil }
func tracedCommands() []*Spec {
	return []*Spec{{Name: "traced", Arity: -3, Flags: Fast, Handler: func(c *Ctx) {}}}
}
func keyCommands() []*Spec    { return nil }
func serverCommands() []*Spec { return nil }

func (s *Spec) whileSubscribed() bool {
	return s.pushes || s.Name == "ping" || s.Name == "quit" || s.Name == "reset"
}
