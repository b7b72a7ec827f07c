package server

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"mini-redis/internal/glob"
	"mini-redis/internal/resp"
)

// settings are the parameters of CONFIG GET and CONFIG SET: those that clients and tools
// read, with the values that apply here. The execution lock guards them.
type settings struct {
	rows       []setting // sorted by name
	byName     map[string]*setting
	maxClients atomic.Int64 // also read without the lock
	password   string
}

type setting struct {
	name string
	get  func() string
	set  func(string) error // nil: cannot be changed while the server runs
}

func newSettings(s *Server) *settings {
	t := &settings{password: s.cfg.Engine.Password, byName: map[string]*setting{}}
	t.maxClients.Store(int64(s.cfg.MaxClients))
	fixed := func(name, value string) setting {
		return setting{name: name, get: func() string { return value }}
	}
	t.rows = []setting{
		fixed("appendonly", "no"),
		fixed("bind", hostOf(s.cfg.Listener.Addr())),
		fixed("client-query-buffer-limit", strconv.Itoa(s.cfg.Limits.Input)),
		fixed("databases", strconv.Itoa(s.cfg.Engine.Databases)),
		fixed("io-threads", "1"),
		{name: "maxclients", get: func() string { return strconv.FormatInt(t.maxClients.Load(), 10) }, set: t.setMaxClients},
		{
			name: "maxmemory",
			get:  func() string { return strconv.FormatInt(s.engine.MaxMemory(), 10) },
			set: func(v string) error {
				n, err := parseBytes(v)
				if err == nil {
					s.engine.SetMaxMemory(n)
				}
				return err
			},
		},
		fixed("maxmemory-policy", "noeviction"),
		fixed("port", portOf(s.cfg.Listener.Addr())),
		fixed("proto-max-bulk-len", strconv.Itoa(resp.DefaultLimits.Bulk)),
		{name: "requirepass", get: func() string { return t.password }, set: func(v string) error {
			t.password = v
			s.engine.SetPassword(v)
			return nil
		}},
		fixed("save", ""),
		fixed("tcp-keepalive", "300"),
		fixed("timeout", "0"),
	}
	for i := range t.rows {
		t.byName[t.rows[i].name] = &t.rows[i]
	}
	return t
}

func (t *settings) setMaxClients(v string) error {
	n, err := integer(v, 1, 1<<31-1)
	if err != nil {
		return err
	}
	if most := fitDescriptors(int(n)); most < int(n) {
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", most) //lint:ignore ST1005 the text of redis-server
	}
	t.maxClients.Store(n)
	return nil
}

// parseBytes parses a size in bytes as redis.conf has it: a number with an optional unit.
// k, m and g are powers of 1000, kb, mb and gb powers of 1024.
func parseBytes(v string) (int64, error) {
	digits := strings.TrimRight(strings.ToLower(v), "bkmg")
	factor, ok := map[string]int64{
		"": 1, "b": 1, "k": 1e3, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30,
	}[strings.ToLower(v)[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("argument must be a memory value")
	}
	return n * factor, nil
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return ""
	}
	return host
}

func portOf(a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "0"
	}
	return port
}

// get returns the names and values of the settings whose names match a pattern in lower
// case, in order.
func (t *settings) get(pattern string) [][2]string {
	if row := t.byName[pattern]; row != nil {
		return [][2]string{{row.name, row.get()}}
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return nil
	}
	var found [][2]string
	for _, row := range t.rows {
		if glob.Match([]byte(pattern), []byte(row.name)) {
			found = append(found, [2]string{row.name, row.get()})
		}
	}
	return found
}

func (t *settings) set(name, value string) error {
	row := t.byName[strings.ToLower(name)]
	switch {
	case row == nil:
		return fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", name)
	case row.set == nil:
		return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - can't set immutable config", name)
	}
	if err := row.set(value); err != nil {
		return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %w", name, err)
	}
	return nil
}

func integer(value string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("argument couldn't be parsed into an integer")
	}
	if n < least || n > most {
		return 0, fmt.Errorf("argument must be between %d and %d inclusive", least, most)
	}
	return n, nil
}
