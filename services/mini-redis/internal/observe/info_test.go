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

// parseInfo parses INFO: its titles in order, and its fields.
func parseInfo(t testing.TB, text string) (titles []string, fields map[string]string) {
	t.Helper()
	if n := strings.Count(text, "\n"); n != strings.Count(text, "\r\n") {
		t.Errorf("%d of %d line ends are CRLF", strings.Count(text, "\r\n"), n)
	}
	fields = map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if title, ok := strings.CutPrefix(line, "# "); ok {
			titles = append(titles, title)
			continue
		}
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if _, twice := fields[name]; !ok || twice {
			t.Errorf("line %q", line)
		}
		fields[name] = value
	}
	return titles, fields
}

func (r *rig) info(t testing.TB, sections ...string) map[string]string {
	t.Helper()
	_, fields := parseInfo(t, r.Info(someFacts(r.clock), sections))
	return fields
}

func TestInfoSections(t *testing.T) {
	const defaults = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace"
	const all = "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats " +
		"Latencystats Cluster Keyspace Tracing"
	f := func(want string, sections ...string) {
		t.Helper()
		titles, _ := parseInfo(t, newRig(t).Info(someFacts(newClock()), sections))
		if got := strings.Join(titles, " "); got != want {
			t.Errorf("INFO %v has the sections %s, want %s", sections, got, want)
		}
	}
	f(defaults)
	f(defaults, "default")
	f(all, "all")
	f(all, "everything")
	f("Keyspace", "keyspace")
	f("Server CPU", "cpu", "server", "cpu")
	f("Commandstats", "commandstats")
	f("Tracing", "tracing")
	f("", "nonsense")
	f("Stats", "nonsense", "stats")
}

// manySections returns n names for INFO: unknown ones, duplicates, and every known one.
func manySections(n int) []string {
	names := make([]string, 0, n)
	for i := range n {
		switch i % 3 {
		case 0:
			names = append(names, fmt.Sprintf("unknown%d", i))
		case 1:
			names = append(names, "unknown")
		default:
			names = append(names, sections[i%len(sections)].name)
		}
	}
	return names
}

// The time of INFO is linear in the number of requested sections: eight times as many names
// take about eight times as long. Quadratic work would take 64 times as long.
func TestInfoIsLinearInTheNumberOfSections(t *testing.T) {
	r := newRig(t)
	facts := someFacts(r.clock)
	fastest := func(n int) time.Duration {
		names, best := manySections(n), time.Hour
		for range 5 {
			began := time.Now()
			r.Info(facts, names)
			best = min(best, time.Since(began))
		}
		return best
	}
	few, many := fastest(1<<15), fastest(1<<18)
	if ratio := float64(many) / float64(few); ratio > 32 {
		t.Errorf("eight times as many sections take %.0f times as long: %v and %v", ratio, few, many)
	}
}

func BenchmarkInfo(b *testing.B) {
	r := newRig(b)
	facts := someFacts(r.clock)
	for _, n := range []int{1, 1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("sections=%d", n), func(b *testing.B) {
			names := manySections(n)
			b.ReportAllocs()
			for b.Loop() {
				r.Info(facts, names)
			}
		})
	}
}

func TestHumanSizes(t *testing.T) {
	f := func(bytes int64, want string) {
		t.Helper()
		if got := human(bytes); got != want {
			t.Errorf("human(%d) = %s, want %s", bytes, got, want)
		}
	}
	f(0, "0B")
	f(1023, "1023B")
	f(1015336, "991.54K")
	f(25276502016, "23.54G")
	f(1<<50, "1.00P")
	f(1<<62, "4096.00P")
}

// INFO has the fields that other programs read.
func TestInfoFieldsForOtherPrograms(t *testing.T) {
	readers := map[string][]string{
		"redis-cli --stat": {
			"used_memory", "connected_clients", "blocked_clients", "total_commands_processed",
			"total_connections_received", "rdb_bgsave_in_progress", "aof_rewrite_in_progress", "loading", "db0",
		},
		"redis_exporter": {
			"uptime_in_seconds", "process_id", "maxclients", "used_memory_rss", "used_memory_peak", "maxmemory",
			"mem_fragmentation_ratio", "rdb_last_save_time", "rdb_last_bgsave_status", "aof_enabled",
			"aof_last_write_status", "instantaneous_ops_per_sec", "rejected_connections", "total_net_input_bytes",
			"total_net_output_bytes", "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses",
			"pubsub_channels", "pubsub_patterns", "latest_fork_usec", "connected_slaves", "master_repl_offset",
			"repl_backlog_size", "used_cpu_sys", "used_cpu_user", "role", "redis_version", "redis_build_id",
			"redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id", "master_replid",
		},
		"RedisInsight": {
			"redis_version", "redis_mode", "uptime_in_days", "connected_clients", "used_memory", "used_memory_human",
			"instantaneous_ops_per_sec", "instantaneous_input_kbps", "instantaneous_output_kbps", "keyspace_hits",
			"keyspace_misses", "used_cpu_sys", "used_cpu_user", "cluster_enabled", "role",
		},
	}
	got := newRig(t).info(t, "all")
	for reader, names := range readers {
		for _, name := range names {
			if got[name] == "" {
				t.Errorf("%s reads %s, which is missing", reader, name)
			}
		}
	}
}

// redisServerInfo returns the INFO of a redis-server.
func redisServerInfo(t *testing.T) (titles []string, fields map[string]string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
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

// Every field has a name and a form of redis-server, except our own ones and those of a later
// version of Redis.
func TestInfoBesideRedisServer(t *testing.T) {
	wantTitles, wantFields := redisServerInfo(t)
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
		t.Error("section Tracing is missing")
	}
	titles, fields := parseInfo(t, text)
	if !slices.Equal(titles, wantTitles) {
		t.Errorf("sections are %v, those of redis-server %v", titles, wantTitles)
	}
	for name, value := range fields {
		want, ok := wantFields[name]
		if !ok && !slices.Contains(ours, name) && !strings.HasPrefix(name, "db9") {
			t.Errorf("redis-server has no field %s", name)
		}
		free := strings.HasSuffix(name, "_human") || name == "redis_build_id" || name == "redis_git_sha1"
		if ok && !free && shape(value) != shape(want) {
			t.Errorf("%s:%s does not have the form of redis-server's %s", name, value, want)
		}
	}
}

// shape returns the form of a value: an integer, a number with decimals, or text.
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
