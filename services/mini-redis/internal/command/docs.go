package command

import "mini-redis/internal/resp"

// commandDocs: COMMAND DOCS [command-name ...]
func commandDocs(c *Ctx) {
	specs := c.Engine.table.top
	if len(c.Args) > 2 {
		specs = nil
		for _, name := range c.Args[2:] {
			if s := c.Engine.table.named(name); s != nil {
				specs = append(specs, s)
			}
		}
	}
	c.W.Map(len(specs))
	for _, s := range specs {
		c.W.BulkString(s.Name)
		s.writeDocs(c.W)
	}
}

// writeDocs writes a command's entry in COMMAND DOCS.
func (s *Spec) writeDocs(w *resp.Writer) {
	args, _ := s.arguments() // a test holds that there is no error
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
		s.writeArguments(w, args, &keys)
	}
	if s.Subs != nil {
		w.BulkString("subcommands")
		w.Map(len(s.Subs))
		for _, child := range s.Subs {
			w.BulkString(child.Name)
			child.writeDocs(w)
		}
	}
}

func writePairs(w *resp.Writer, pairs [][2]string) {
	for _, p := range pairs {
		w.BulkString(p[0])
		w.BulkString(p[1])
	}
}

// writeArguments writes arguments; keys counts those that are keys, to tell
// which key specification is theirs.
func (s *Spec) writeArguments(w *resp.Writer, args []argument, keys *int) {
	w.Array(len(args))
	for i := range args {
		s.writeArgument(w, &args[i], keys)
	}
}

func (s *Spec) writeArgument(w *resp.Writer, a *argument, keys *int) {
	pairs := [][2]string{{"name", a.name}, {"type", a.kind}}
	if a.parts == nil {
		pairs = append(pairs, [2]string{"display_text", a.name})
	}
	late := [][2]string(nil)
	if a.token != "" {
		late = append(late, [2]string{"token", a.token})
	}
	if a.since != "" {
		late = append(late, [2]string{"since", a.since})
	}
	flags := a.flags()
	n := len(pairs) + len(late)
	for _, there := range []bool{a.kind == "key", flags != nil, a.parts != nil} {
		if there {
			n++
		}
	}
	w.Map(n)
	writePairs(w, pairs)
	if a.kind == "key" {
		w.BulkString("key_spec_index")
		w.Int(int64(min(*keys, len(s.KeySpecs)-1)))
		*keys++
	}
	writePairs(w, late)
	if flags != nil {
		w.BulkString("flags")
		writeNames(w, flags)
	}
	if a.parts != nil {
		w.BulkString("arguments")
		s.writeArguments(w, a.parts, keys)
	}
}

// flags are the words by which COMMAND DOCS says how often an argument is given.
func (a *argument) flags() []string {
	var names []string
	if a.optional {
		names = append(names, "optional")
	}
	if a.multiple {
		names = append(names, "multiple")
	}
	if a.multipleWithWord {
		names = append(names, "multiple_token")
	}
	return names
}
