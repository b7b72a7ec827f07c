package command

import (
	"mini-redis/resptrace/wire"
)

// tracedCommands is the row of TRACED, so that clients can ask for it. It has no
// work of its own: dispatch takes it off and goes on with the command inside.
func tracedCommands() []*Spec {
	return []*Spec{
		{Name: "traced", Arity: -3, Flags: NoScript | Loading | Stale | NoAuth | MovableKeys, ACL: CatConnection,
			Group: "connection", Since: "1.0.0", Complexity: "That of the command inside",
			Summary: "Runs a command as a part of its caller's trace.",
			Syntax:  "numfields:integer [data={field:string value:string}...] command:string [arg:string...]", Handler: traced},
	}
}

// traced: TRACED numfields [field value ...] command [arg ...]
//
// It is never called; see Engine.dispatch.
func traced(c *Ctx) { c.W.Error(wire.ErrNested.Error()) }

// tracedKeys finds the keys of the command inside a TRACED request.
func (t *Table) tracedKeys(args [][]byte) [][]byte {
	_, inner, err := wire.Parse(args)
	if err != nil {
		return nil
	}
	spec := t.find(inner)
	if spec == nil || !spec.arityOK(len(inner)) {
		return nil
	}
	var keys [][]byte
	for _, k := range spec.keysOf(inner) {
		keys = append(keys, k.key)
	}
	return keys
}
