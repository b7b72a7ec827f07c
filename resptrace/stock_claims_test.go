package resptrace_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"mini-redis/resptrace/internal/redistest"
)

// TestStockServerRejectsTraced checks the statements of SPEC.md about stock
// servers: they reject TRACED as a whole in every state of a connection, with an
// error that a sender can recognize.
func TestStockServerRejectsTraced(t *testing.T) {
	addr := redistest.Start(t, "--requirepass", "pw", "--user", "limited", "on", "nopass", "-@all", "+ping")
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	rd := bufio.NewReader(conn)
	send := func(request, want string) {
		t.Helper()
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		reply, err := rd.ReadString('\n')
		if err != nil || !strings.HasPrefix(reply, want) {
			t.Errorf("%q: %q, %v, want %q", request, reply, err, want)
		}
	}
	const traced, rejected = "TRACED 1 traceparent x SET k secret\r\n", "-ERR unknown command 'TRACED', with args beginning with: '1' 'traceparent' 'x' 'SET' 'k' 'secret'"
	send(traced, rejected) // before AUTH
	send("GET k\r\n", "-NOAUTH")
	send("AUTH limited x\r\n", "+OK")
	send(traced, rejected) // without any permission
	send("SET k v\r\n", "-NOPERM")
	send("AUTH pw\r\n", "+OK")
	send(traced, rejected)
	send("EXISTS k\r\n", ":0") // the SET was not executed
	send("MULTI\r\n", "+OK")
	send(traced, rejected)
	send("EXEC\r\n", "-EXECABORT")
	send("MULTI\r\n", "+OK")
	send("TRACED 1 traceparent x EXEC\r\n", "-ERR unknown command 'TRACED'")
	send("SET k v\r\n", "+QUEUED") // a wrapped EXEC leaves the connection inside MULTI
	send("DISCARD\r\n", "+OK")
	// An attribute before a request is parsed as inline commands.
	send("|1\r\n", "-ERR unknown command '|1'")
	send("ECHO traceparent\r\n", "$11")
}
