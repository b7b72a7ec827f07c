package command

import (
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
)

// commandDocs: COMMAND DOCS [command-name ...]
func commandDocs(c *Ctx) {
	specs := c.Engine.Table().Top()
	if len(c.Args) > 2 {
		specs = nil
		for _, name := range c.Args[2:] {
			if s := c.Engine.Table().FindFold(name); s != nil {
				specs = append(specs, s)
			}
		}
	}
	mark := c.W.Mark()
	c.W.Map(len(specs))
	for _, s := range specs {
		if !replyFits(c, mark) {
			return
		}
		c.W.BulkString(s.Name)
		writeDocs(c.W, s)
	}
}

// writeDocs writes a command's entry in COMMAND DOCS.
func writeDocs(w *resp.Writer, s *Spec) {
	args, _ := s.Arguments() // a test checks that no row has an error
	texts := [][2]string{
		{"summary", s.Summary}, {"since", s.Since}, {"group", s.Group}, {"complexity", s.Complexity},
	}
	later := [][2]string{{"deprecated_since", s.Deprecated}, {"replaced_by", s.Instead}}
	n := len(texts)
	if s.Deprecated != "" {
		n += 1 + len(later)
	}
	if args != nil {
		n++
	}
	if s.Subs != nil {
		n++
	}
	w.Map(n)
	writePairs(w, texts)
	if s.Deprecated != "" {
		w.BulkString("doc_flags")
		writeNames(w, []string{"deprecated"})
		writePairs(w, later)
	}
	if args != nil {
		w.BulkString("arguments")
		keys := 0
		writeArguments(w, s, args, &keys)
	}
	if s.Subs != nil {
		w.BulkString("subcommands")
		w.Map(len(s.Subs))
		for _, child := range s.Subs {
			w.BulkString(child.Name)
			writeDocs(w, child)
		}
	}
}

func writePairs(w *resp.Writer, pairs [][2]string) {
	for _, p := range pairs {
		w.BulkString(p[0])
		w.BulkString(p[1])
	}
}

// writeArguments writes arguments. keys counts those that are keys: the number is the
// index of their key specification.
func writeArguments(w *resp.Writer, s *Spec, args []engine.Argument, keys *int) {
	w.Array(len(args))
	for i := range args {
		writeArgument(w, s, &args[i], keys)
	}
}

func writeArgument(w *resp.Writer, s *Spec, a *engine.Argument, keys *int) {
	pairs := [][2]string{{"name", a.Name}, {"type", a.Kind}}
	if a.Parts == nil {
		pairs = append(pairs, [2]string{"display_text", a.Name})
	}
	late := [][2]string(nil)
	if a.Token != "" {
		late = append(late, [2]string{"token", a.Token})
	}
	if a.Since != "" {
		late = append(late, [2]string{"since", a.Since})
	}
	flags := argumentFlags(a)
	n := len(pairs) + len(late)
	for _, there := range []bool{a.Kind == "key", flags != nil, a.Parts != nil} {
		if there {
			n++
		}
	}
	w.Map(n)
	writePairs(w, pairs)
	if a.Kind == "key" {
		w.BulkString("key_spec_index")
		w.Int(int64(min(*keys, len(s.KeySpecs)-1)))
		*keys++
	}
	writePairs(w, late)
	if flags != nil {
		w.BulkString("flags")
		writeNames(w, flags)
	}
	if a.Parts != nil {
		w.BulkString("arguments")
		writeArguments(w, s, a.Parts, keys)
	}
}

// argumentFlags returns the flags of an argument in COMMAND DOCS.
func argumentFlags(a *engine.Argument) []string {
	var names []string
	if a.Optional {
		names = append(names, "optional")
	}
	if a.Multiple {
		names = append(names, "multiple")
	}
	if a.MultipleToken {
		names = append(names, "multiple_token")
	}
	return names
}
