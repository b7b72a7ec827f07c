package command

func stringCommands() []*Spec {
	return []*Spec{
		{Name: "get", Arity: 2, Flags: ReadOnly | Fast, ACL: CatString, KeySpecs: oneKey(KeyRO | KeyAccess),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the string at a key.", Syntax: "key:key", Handler: get},
		{Name: "set", Arity: -3, Flags: Write | DenyOOM, ACL: CatString, KeySpecs: oneKey(KeyRW | KeyAccess | KeyUpdate | KeyVariable),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Stores a string at a key, whatever was there.", Handler: set},
	}
}

// get: GET key
func get(c *Ctx) {
	if e := c.DB.Read(c.Args[1]); c.isText(e) {
		c.text(e)
	}
}

// set: SET key value
func set(c *Ctx) {
	c.setText(c.DB.Edit(c.Args[1]), c.Args[1], c.Args[2])
	c.W.OK()
}
