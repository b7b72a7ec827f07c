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

// The test binary stands in for the backends, which take minutes to build: a link to it with a backend's name is a program
// that answers its health endpoint and does nothing else. The server and the load are the real ones. What a stand-in does
// beyond that is said by a file beside it, NAME.mode: "dies" ends it when it starts, "dies later" when it has been ready
// for a moment, "deaf" lets it ignore SIGTERM.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case backends.Jaeger:
		standIn(os.Getenv("JAEGER_HEALTH"))
	case backends.Collector:
		standIn(os.Getenv("COLLECTOR_HEALTH"))
	case backends.Prometheus:
		for _, arg := range os.Args {
			if addr, ok := strings.CutPrefix(arg, "--web.listen-address="); ok {
				standIn(addr)
			}
		}
	}
	if len(os.Args) == 2 && os.Args[1] == guardArgument {
		supervise.RunGuard(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func standIn(addr string) {
	mode, _ := os.ReadFile(os.Args[0] + ".mode")
	switch string(mode) {
	case "dies":
		fmt.Println("starting")
		fmt.Println("panic: no space left on device")
		os.Exit(3)
	case "dies later":
		time.AfterFunc(300*time.Millisecond, func() {
			fmt.Println("fatal: lost its mind")
			os.Exit(9)
		})
	case "deaf":
		ignoreTERM()
	}
	err := http.ListenAndServe(addr, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(err)
	os.Exit(1)
}

// standIns makes the flags that name stand-ins for all backends; modes says what some of them do.
func standIns(t *testing.T, modes map[string]string) (flags []string) {
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
