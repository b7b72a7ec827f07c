package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// /healthz answers 503 while the execution lock is stuck, and 200 when it is free again.
// Neither needs the lock.
func TestHealthWhileTheExecutionLockIsHeld(t *testing.T) {
	held, free := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	stuck := &engine.Spec{Name: "stuck", Arity: 1, Handler: func(c *engine.Ctx) {
		close(held)
		<-free
		c.W.Simple("OK")
	}}
	r := startRunWith(t, append(command.All(), stuck), quiet(), "-watchdog-limit", "50ms")
	t.Cleanup(release)
	mustAnswer := func(path string, status int, body string) {
		t.Helper()
		waitUntil(t, func() bool {
			got, text := get(t, "http://"+r.admin+path)
			return got == status && strings.Contains(text, body)
		})
	}
	mustAnswer("/healthz", http.StatusOK, "ok")
	client := request(t, r.addr, "STUCK")
	<-held
	mustAnswer("/healthz", http.StatusServiceUnavailable, "the execution lock is held for ")
	mustAnswer("/readyz", http.StatusOK, "")
	release()
	mustRead(t, client, "+OK\r\n")
	mustAnswer("/healthz", http.StatusOK, "ok")
}
