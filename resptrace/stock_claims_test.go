package resptrace_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"mini-redis/resptrace/internal/redistest"
)

// TestWhatAStockServerSaysToTraced holds the specification to what it says of
// servers that do not know TRACED: they refuse it as a whole, in every state of a
// connection, in words by which a sender can tell.
func TestWhatAStockServerSaysToTraced(t *testing.T) {
	addr := redistest.Start(t, "--requirepass", "pw", "--user", "guest", "on", "nopass", "-@all", "+ping")
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	rd := bufio.NewReader(conn)
	say := func(request, want string) {
		t.Helper()
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		reply, err := rd.ReadString('\n')
		if err != nil || !strings.HasPrefix(reply, want) {
			t.Errorf("%q: %q, %v, want %q", request, reply, err, want)
		}
	}
	const traced, refused = "TRACED 1 traceparent x SET k secret\r\n", "-ERR unknown command 'TRACED', with args beginning with: '1' 'traceparent' 'x' 'SET' 'k' 'secret'"
	say(traced, refused) // before AUTH
	say("GET k\r\n", "-NOAUTH")
	say("AUTH guest x\r\n", "+OK")
	say(traced, refused) // without any permission
	say("SET k v\r\n", "-NOPERM")
	say("AUTH pw\r\n", "+OK")
	say(traced, refused)
	say("EXISTS k\r\n", ":0") // nothing ran
	say("MULTI\r\n", "+OK")
	say(traced, refused)
	say("EXEC\r\n", "-EXECABORT")
	say("MULTI\r\n", "+OK")
	say("TRACED 1 traceparent x EXEC\r\n", "-ERR unknown command 'TRACED'")
	say("SET k v\r\n", "+QUEUED") // a wrapped EXEC leaves the connection inside
	say("DISCARD\r\n", "+OK")
	// An attribute before a request is taken for inline commands.
	say("|1\r\n", "-ERR unknown command '|1'")
	say("ECHO traceparent\r\n", "$11")
}
