package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"

	"mini-redis/resptrace/vectors"
	"mini-redis/resptrace/wire"
)

// words splits the request of a vector, a RESP array of bulk strings.
func words(t testing.TB, request []byte) [][]byte {
	t.Helper()
	number := func(kind byte) int {
		end := bytes.Index(request, []byte("\r\n"))
		if end < 1 || request[0] != kind {
			t.Fatalf("not a RESP request: %q", request)
		}
		n, err := strconv.Atoi(string(request[1:end]))
		if err != nil {
			t.Fatalf("not a RESP request: %q", request)
		}
		request = request[end+2:]
		return n
	}
	args := make([][]byte, number('*'))
	for i := range args {
		n := number('$')
		if len(request) < n+2 || string(request[n:n+2]) != "\r\n" {
			t.Fatalf("not a RESP request: %q", request)
		}
		args[i], request = request[:n], request[n+2:]
	}
	if len(request) > 0 {
		t.Fatalf("more than one request: %q", request)
	}
	return args
}

func TestParseVectors(t *testing.T) {
	for _, v := range vectors.Load(t).Requests {
		t.Run(v.Name, func(t *testing.T) {
			fields, inner, err := wire.Parse(words(t, v.Request))
			if v.Error != "" {
				mustSyntaxError(t, err, v.Error)
				if fields != nil || inner != nil {
					t.Errorf("fields %q and command %q with an error, want nil", fields, inner)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mustFields(t, fields, v.Fields)
			mustInner(t, inner, v.Inner)
			mustContext(t, fields, v.Context)
		})
	}
}

func mustSyntaxError(t *testing.T, err error, line string) {
	t.Helper()
	var syntax *wire.SyntaxError
	if !errors.As(err, &syntax) || syntax.Error() != line {
		t.Errorf("error %v, want a SyntaxError %q", err, line)
	}
}

func mustFields(t *testing.T, got wire.Fields, want [][2]vectors.Bytes) {
	t.Helper()
	if len(got) != 2*len(want) {
		t.Fatalf("%d words of fields, want %d pairs", len(got), len(want))
	}
	for i, pair := range want {
		if !bytes.Equal(got[2*i], pair[0]) || !bytes.Equal(got[2*i+1], pair[1]) {
			t.Errorf("pair %d is %q %q, want %q %q", i, got[2*i], got[2*i+1], pair[0], pair[1])
		}
	}
}

func mustInner(t *testing.T, got [][]byte, want []vectors.Bytes) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("command %q, want %q", got, want)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("command %q, want %q", got, want)
		}
	}
}

func mustContext(t *testing.T, f wire.Fields, want *vectors.Context) {
	t.Helper()
	sc, found := f.SpanContext()
	if want == nil {
		if sc.IsValid() {
			t.Errorf("context %v, want none", sc)
		}
		return
	}
	got := vectors.Context{
		TraceID: sc.TraceID().String(), SpanID: sc.SpanID().String(),
		Flags: sc.TraceFlags().String(), Tracestate: sc.TraceState().String(),
	}
	if !found || !sc.IsRemote() || got != *want {
		t.Errorf("context %+v (found %v, remote %v), want %+v", got, found, sc.IsRemote(), *want)
	}
}

func TestAppendToFieldsDoesNotChangeTheCommand(t *testing.T) {
	args := [][]byte{[]byte("TRACED"), []byte("1"), []byte("f"), []byte("v"), []byte("GET"), []byte("k")}
	fields, inner, err := wire.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(fields, []byte("x"))
	if string(inner[0]) != "GET" {
		t.Errorf("appending to the fields changed the command to %q", inner)
	}
}

// FuzzParse splits its input at zero bytes and checks Parse against the grammar:
// an accepted request is exactly n pairs and a command that is not TRACED.
func FuzzParse(f *testing.F) {
	for _, v := range vectors.Load(f).Requests {
		f.Add(bytes.Join(words(f, v.Request), []byte{0}))
	}
	f.Fuzz(func(t *testing.T, joined []byte) {
		args := bytes.Split(joined, []byte{0})
		fields, inner, err := wire.Parse(args)
		if err != nil {
			var syntax *wire.SyntaxError
			if !errors.As(err, &syntax) || fields != nil || inner != nil {
				t.Fatalf("%q: %v with %q and %q", args, err, fields, inner)
			}
			return
		}
		if len(inner) == 0 || bytes.EqualFold(inner[0], []byte("traced")) {
			t.Fatalf("%q: command %q", args, inner)
		}
		if 2+len(fields)+len(inner) != len(args) || string(args[1]) != strconv.Itoa(len(fields)/2) || len(fields)%2 != 0 {
			t.Fatalf("%q: fields %q and command %q are not the request", args, fields, inner)
		}
		for _, key := range fields.Keys() {
			_ = fields.Get(key)
		}
		fields.SpanContext()
	})
}

func TestTraceparentVectors(t *testing.T) {
	for _, v := range vectors.Load(t).Traceparents {
		t.Run(v.Name, func(t *testing.T) {
			sc, ok := wire.Traceparent(v.Value)
			if ok != v.Valid || sc.IsValid() != v.Valid {
				t.Fatalf("%q: valid %v, want %v", v.Value, ok, v.Valid)
			}
			if !ok {
				return
			}
			flags := hex.EncodeToString([]byte{byte(sc.TraceFlags())})
			if sc.TraceID().String() != v.TraceID || sc.SpanID().String() != v.SpanID || flags != v.Flags || !sc.IsRemote() {
				t.Errorf("%q: %v", v.Value, sc)
			}
		})
	}
}
