package command

import (
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/engine"
)

// tracedCommands returns the row of TRACED, for COMMAND and for the documentation. The
// engine removes TRACED from a request and executes the command inside; see
// resptrace/SPEC.md.
func tracedCommands() []*Spec {
	return []*Spec{
		{Name: "traced", Arity: -3, ACL: engine.CatConnection,
			Flags: engine.NoScript | engine.Loading | engine.Stale | engine.NoAuth | engine.MovableKeys,
			Group: "connection", Since: "1.0.0", Complexity: "That of the command inside",
			Summary: "Runs a command as a part of its caller's trace.",
			Syntax:  "numfields:integer [data={field:string value:string}...] command:string [arg:string...]",
			Handler: traced},
	}
}

// traced: TRACED numfields [field value ...] command [arg ...]
//
// It runs only for a TRACED inside TRACED, which is an error.
func traced(c *Ctx) { c.W.Error(wire.ErrNested.Error()) }
