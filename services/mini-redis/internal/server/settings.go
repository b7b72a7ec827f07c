package server

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// settings are what CONFIG GET and CONFIG SET see: the names that clients and
// tools ask for, with the values that are true here.
type settings struct {
	rows       []setting
	maxClients atomic.Int64
	password   string // guarded by the execution lock
}

type setting struct {
	name string
	get  func() string
	set  func(string) error // nil: cannot be changed while running
}

func newSettings(s *Server) *settings {
	t := &settings{password: s.cfg.Engine.Password}
	t.maxClients.Store(int64(s.cfg.MaxClients))
	fixed := func(name, value string) {
		t.rows = append(t.rows, setting{name: name, get: func() string { return value }})
	}
	fixed("appendonly", "no")
	fixed("bind", hostOf(s.cfg.Listener.Addr()))
	fixed("client-query-buffer-limit", strconv.Itoa(s.cfg.Limits.Input))
	fixed("databases", strconv.Itoa(s.cfg.Engine.Databases))
	fixed("io-threads", "1")
	t.rows = append(t.rows, setting{
		name: "maxclients",
		get:  func() string { return strconv.FormatInt(t.maxClients.Load(), 10) },
		set: func(v string) error {
			n, err := integer(v, 1, 1<<31-1)
			if err == nil {
				t.maxClients.Store(n)
			}
			return err
		},
	})
	fixed("maxmemory", "0")
	fixed("maxmemory-policy", "noeviction")
	fixed("port", portOf(s.cfg.Listener.Addr()))
	fixed("proto-max-bulk-len", strconv.Itoa(resp.DefaultLimits.Bulk))
	t.rows = append(t.rows, setting{
		name: "requirepass",
		get:  func() string { return t.password },
		set: func(v string) error {
			t.password = v
			s.engine.SetPassword(v)
			return nil
		},
	})
	fixed("save", "")
	fixed("tcp-keepalive", "300")
	fixed("timeout", "0")
	return t
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

// get returns the settings whose names match the pattern, in order of name.
func (t *settings) get(pattern string) [][2]string {
	var found [][2]string
	for _, row := range t.rows {
		if pubsub.Match([]byte(strings.ToLower(pattern)), []byte(row.name)) {
			found = append(found, [2]string{row.name, row.get()})
		}
	}
	return found
}

func (t *settings) find(name string) *setting {
	for i := range t.rows {
		if strings.EqualFold(t.rows[i].name, name) {
			return &t.rows[i]
		}
	}
	return nil
}

func (t *settings) set(name, value string) error {
	row := t.find(name)
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
