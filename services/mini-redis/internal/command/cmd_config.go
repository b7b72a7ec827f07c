package command

import "strings"

// configGet: CONFIG GET parameter [parameter ...]
func configGet(c *Ctx) {
	var found [][2]string
	seen := map[string]bool{}
	for _, arg := range c.Args[2:] {
		pattern := string(arg)
		lower := strings.ToLower(pattern)
		if seen["="+lower] {
			continue
		}
		seen["="+lower] = true
		exact := !strings.ContainsAny(pattern, "*?[")
		for _, pair := range c.Engine.Host().ConfigGet(lower) {
			if seen[pair[0]] {
				continue
			}
			seen[pair[0]] = true
			if exact {
				pair[0] = pattern // an exact name is returned as it was sent
			}
			found = append(found, pair)
		}
	}
	c.W.Map(len(found))
	for _, pair := range found {
		c.W.BulkString(pair[0])
		c.W.BulkString(pair[1])
	}
}

// configSet: CONFIG SET parameter value [parameter value ...]
//
// All parameters are set or none: if one fails, those before it are restored.
func configSet(c *Ctx) {
	pairs := c.Args[2:]
	if len(pairs)%2 != 0 {
		c.W.Error(errSyntax)
		return
	}
	names := map[string]bool{}
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(string(pairs[i]))
		if names[name] {
			c.W.Error("ERR CONFIG SET failed (possibly related to argument '" + string(pairs[i]) + "') - duplicate parameter")
			return
		}
		names[name] = true
	}
	host := c.Engine.Host()
	var before [][2]string
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(string(pairs[i]))
		old := host.ConfigGet(name)
		if err := host.ConfigSet(name, string(pairs[i+1])); err != nil {
			for _, pair := range before {
				_ = host.ConfigSet(pair[0], pair[1]) // it had this value before
			}
			c.W.Error(err.Error())
			return
		}
		before = append(before, old...)
	}
	c.W.OK()
}

// configResetstat: CONFIG RESETSTAT
func configResetstat(c *Ctx) {
	c.Engine.Host().ConfigResetStat()
	c.W.OK()
}

// configRewrite: CONFIG REWRITE
func configRewrite(c *Ctx) { c.W.Error("ERR The server is running without a config file") }
