package observe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stockInfo is what a redis-server's INFO says.
func stockInfo(t *testing.T) (titles []string, fields map[string]string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server is installed to compare with")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().(*net.TCPAddr)
	free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, path, "--port", strconv.Itoa(addr.Port), "--bind", "127.0.0.1",
		"--save", "", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = server.Wait() })
	var conn net.Conn
	for range 200 {
		if conn, err = net.Dial("tcp", addr.String()); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func(request string) string {
		t.Helper()
		fmt.Fprint(conn, request)
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "$")))
		if err != nil {
			return line
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			t.Fatal(err)
		}
		return string(text[:size])
	}
	ask("SET k v\r\n")
	ask("INCR k\r\n") // an error, for errorstats
	return parseInfo(t, ask("INFO everything\r\n"))
}

// Every field has redis-server's name, but for those that are ours and those
// that a later version brought.
func TestInfoFieldsAreRedisServers(t *testing.T) {
	stockTitles, stock := stockInfo(t)
	ours := []string{
		"mini_redis_version", "mini_redis_loops",
		"pubsub_clients", "client_output_buffer_limit_disconnections", // since 7.4
	}
	r := newRig(t)
	turn := turnAt(1000)
	call := callIn(turn, specSet)
	call.Error = "ERR"
	r.run(turn, call)
	text := r.Info(someFacts(r.clock), []string{"all"})
	text, tracing, _ := strings.Cut(text, "# Tracing")
	if tracing == "" {
		t.Error("no section Tracing")
	}
	titles, fields := parseInfo(t, text)
	if !slices.Equal(titles, stockTitles) {
		t.Errorf("sections are %v, redis-server's %v", titles, stockTitles)
	}
	for name, value := range fields {
		want, ok := stock[name]
		if !ok && !slices.Contains(ours, name) && !strings.HasPrefix(name, "db9") {
			t.Errorf("%s is no field of redis-server", name)
		}
		free := strings.HasSuffix(name, "_human") || name == "redis_build_id" || name == "redis_git_sha1"
		if ok && !free && shape(value) != shape(want) {
			t.Errorf("%s:%s does not look like redis-server's %s", name, value, want)
		}
	}
}

// shape tells numbers, numbers with decimals and units, and words apart.
func shape(value string) string {
	if strings.Contains(value, "=") {
		var parts []string
		for part := range strings.SplitSeq(value, ",") {
			name, v, _ := strings.Cut(part, "=")
			parts = append(parts, name+"="+shape(v))
		}
		return strings.Join(parts, ",")
	}
	if _, err := strconv.ParseInt(value, 10, 64); err == nil {
		return "integer"
	}
	if _, decimals, ok := strings.Cut(value, "."); ok {
		if _, err := strconv.ParseFloat(strings.TrimRight(value, "KMGT%"), 64); err == nil {
			return fmt.Sprintf("number with %d decimals", len(strings.TrimRight(decimals, "KMGT%")))
		}
	}
	return "text"
}
