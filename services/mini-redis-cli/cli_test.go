package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"mini-redis/internal/program"
	"mini-redis/internal/servertest"
)

// outcome is the result of one run of the program.
type outcome struct {
	stdout, stderr string
	code           int
}

func runCLI(ctx context.Context, env []string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	err := run(ctx, args, servertest.Env(env...), &stdout, &stderr)
	code := program.Exit(err, &stderr)
	return outcome{stdout.String(), stderr.String(), code}
}

// withAddr prepends the flags for addr to args.
func withAddr(addr string, args ...string) []string {
	host, port, _ := net.SplitHostPort(addr)
	return append([]string{"-h", host, "-p", port}, args...)
}

func TestCommandReplies(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		f := func(want string, code int, args ...string) {
			t.Helper()
			got := runCLI(t.Context(), nil, withAddr(addr, args...)...)
			if got.stdout != want || got.stderr != "" || got.code != code {
				t.Errorf("%q: %+v, want %q and exit code %d", args, got, want, code)
			}
		}
		f("PONG\n", 0, "ping")
		f("hello\n", 0, "ping", "hello")
		f("\"hello\"\n", 0, "--no-raw", "ping", "hello")
		f("\n", 0, "get", "nothing")
		f("(nil)\n", 0, "--no-raw", "get", "nothing")
		f("OK\n", 0, "set", "key", "value")
		f("value\n", 0, "get", "key")
		f("(integer) -1\n", 0, "--no-raw", "pttl", "key")
		f("OK\n", 0, "set", "key", "value", "3600000")
		f("(integer) 3600\n", 0, "--no-raw", "ttl", "key")
		f("value\n", 0, "set", "key", "other", "XX", "GET")
		f("OK\n", 0, "-n", "3", "set", "three", "3")
		f("3\n", 0, "-u", "redis://"+addr+"/3", "get", "three")
		f("\n", 0, "get", "three")
		f("(integer) 0\n", 0, "--no-raw", "publish", "channel", "message")
		f("(error) WRONGTYPE Operation against a key holding the wrong kind of value\n", 1, "--no-raw", "lpush", "key", "x")
		f("ERR wrong number of arguments for 'get' command\n\n", 1, "get")
	})
}

func TestAddressPrecedence(t *testing.T) {
	f := func(want string, env []string, args ...string) {
		t.Helper()
		o, err := parseOptions(append(args, "ping"), servertest.Env(env...), nil)
		got := strings.Join([]string{o.user, o.pass, o.address()}, " ")
		if err != nil || got != want {
			t.Errorf("%q with %q: %q, %v; want %q", args, env, got, err, want)
		}
	}
	stack := []string{"MINI_REDIS_ADDR=10.0.0.1:7000", "REDISCLI_AUTH=secret"}
	f("  127.0.0.1:6379", nil)
	f(" secret 10.0.0.1:7000", stack)
	f(" secret 10.0.0.1:1", stack, "-p", "1")
	f(" secret [::1]:7000", stack, "-h", "::1")
	f(" other 10.0.0.1:7000", stack, "-a", "other")
	f("me mine host:6379", nil, "--user", "me", "--pass", "mine", "-h", "host")
	f(" p@ss host:6380", nil, "-u", "redis://p%40ss@host:6380/2")
	f("me mine host:6379", nil, "-u", "redis://me:mine@host")
}

func TestInvalidUsagePrintsOneLine(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		got := runCLI(t.Context(), nil, args...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q: %+v, want a line with %q", args, got, want)
		}
	}
	f("-nope", "-nope", "ping")
	f("-p must be", "-p", "70000", "ping")
	f("-n must", "-n", "-1", "ping")
	f("rediss", "-u", "rediss://h", "ping")
	f("redis://", "-u", "http://h", "ping")
	if got := runCLI(t.Context(), nil, "-u", "redis://:pass%zz@h", "ping"); strings.Contains(got.stderr, "pass%zz@") {
		t.Errorf("the password is printed: %s", got.stderr)
	}
}

func TestHelp(t *testing.T) {
	if got := runCLI(t.Context(), nil, "--help"); got.stdout != about || got.code != 0 {
		t.Errorf("--help: %+v", got)
	}
	if got := runCLI(t.Context(), nil); got.stderr != about || got.code != exitUsage {
		t.Errorf("no command: %+v", got)
	}
}

func TestNumericSetOptionBecomesPX(t *testing.T) {
	f := func(typed, want string) {
		t.Helper()
		if got := strings.Join(normalizeArgs(strings.Fields(typed)), " "); got != want {
			t.Errorf("%q is sent as %q, want %q", typed, got, want)
		}
	}
	f("set k v", "set k v")
	f("set k v 100", "set k v PX 100")
	f("SET k v 100", "SET k v PX 100")
	f("set k v NX", "set k v NX")
	f("set k v PX 100", "set k v PX 100")
	f("set k v -1", "set k v -1")
	f("getset k v 100", "getset k v 100")
}

func TestPassword(t *testing.T) {
	addr := servertest.Redis(t, "--requirepass", "secret")
	f := func(stdout, stderr string, env []string, args ...string) {
		t.Helper()
		got := runCLI(t.Context(), env, withAddr(addr, args...)...)
		if got.stdout != stdout || got.stderr != stderr {
			t.Errorf("%q with %q: %+v", args, env, got)
		}
	}
	const warning = "Warning: other users can see a password on the command line; use REDISCLI_AUTH instead.\n"
	f("NOAUTH Authentication required.\n\n", "", nil, "get", "k")
	f("PONG\n", "", []string{"REDISCLI_AUTH=secret"}, "ping")
	f("PONG\n", warning, nil, "-a", "secret", "ping")
	f("PONG\n", "", nil, "-a", "secret", "--no-auth-warning", "ping")
	f("PONG\n", "", nil, "--user", "default", "--pass", "secret", "--no-auth-warning", "-3", "ping")
	f("NOAUTH Authentication required.\n\n", "AUTH failed: WRONGPASS invalid username-password pair or user is disabled.\n",
		[]string{"REDISCLI_AUTH=wrong"}, "ping")
}

func TestFailedSelectStopsBeforeTheCommand(t *testing.T) {
	addr := servertest.Redis(t)
	got := runCLI(t.Context(), nil, withAddr(addr, "-n", "99", "set", "k", "v")...)
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "SELECT 99 failed: ERR DB index is out of range") {
		t.Errorf("%+v", got)
	}
}

func TestServerNotReachable(t *testing.T) {
	addr, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	got := runCLI(t.Context(), nil, withAddr(addr, "ping")...)
	if got.code != exitFailed || !strings.HasSuffix(got.stderr, "cannot connect to Redis at "+addr+": connection refused\n") {
		t.Errorf("%+v", got)
	}
}

// The server of this test sends the given bytes and closes the connection.
func TestInvalidReplyIsAnError(t *testing.T) {
	f := func(answer, want string) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 1024))
			_, _ = conn.Write([]byte(answer))
		}()
		got := runCLI(t.Context(), nil, withAddr(l.Addr().String(), "get", "k")...)
		if got.code != exitFailed || !strings.HasSuffix(got.stderr, want+"\n") {
			t.Errorf("%q: %+v, want %q", answer, got, want)
		}
	}
	f("", "the server closed the connection")
	f("$10\r\nabc", "the server closed the connection in the middle of a reply")
	f("HTTP/1.1 400 Bad Request\r\n\r\n", `protocol error: got 'H' as the first byte of a reply`)
}
