//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/services/stack/internal/backends"
	"mini-redis/services/stack/internal/supervise"
)

// The test binary is also a fake of each backend, because building the backends takes minutes. A
// symbolic link to it with a backend's name is a program that only serves the backend's health
// endpoint. The server and the load are real. The file NAME.mode beside the link changes the
// behavior: "exit" makes the fake exit at start, "exit-later" after 300 ms, and "ignore-term" makes
// it ignore SIGTERM.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case backends.Jaeger:
		runFake(os.Getenv("JAEGER_HEALTH"))
	case backends.Collector:
		runFake(os.Getenv("COLLECTOR_HEALTH"))
	case backends.Prometheus:
		for _, arg := range os.Args {
			if addr, ok := strings.CutPrefix(arg, "--web.listen-address="); ok {
				runFake(addr)
			}
		}
	}
	if len(os.Args) == 2 && os.Args[1] == watchdogArgument {
		supervise.RunWatchdog(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func runFake(addr string) {
	mode, _ := os.ReadFile(os.Args[0] + ".mode")
	switch string(mode) {
	case "exit":
		fmt.Println("starting")
		fmt.Println("panic: no space left on device")
		os.Exit(3)
	case "exit-later":
		time.AfterFunc(300*time.Millisecond, func() {
			fmt.Println("fatal: corrupted state")
			os.Exit(9)
		})
	case "ignore-term":
		ignoreTERM()
	}
	err := http.ListenAndServe(addr, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(err)
	os.Exit(1)
}

// fakeBackends creates fakes of all backends and returns the flags with their paths. modes has the
// modes of backends by name.
func fakeBackends(t *testing.T, modes map[string]string) (flags []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{backends.Prometheus, backends.Jaeger, backends.Collector} {
		path := filepath.Join(dir, name)
		if err := os.Symlink(self, path); err != nil {
			t.Fatal(err)
		}
		if modes[name] != "" {
			if err := os.WriteFile(path+".mode", []byte(modes[name]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		flags = append(flags, "-"+name, path)
	}
	return flags
}
