package resp

import (
	"math"
	"testing"
)

func TestWriterSpeaksBothVersions(t *testing.T) {
	f := func(write func(w *Writer), want2, want3 string) {
		t.Helper()
		for proto, want := range map[int]string{2: want2, 3: want3} {
			w := Writer{Proto: proto}
			write(&w)
			if string(w.Buf) != want {
				t.Errorf("RESP%d: %q, want %q", proto, w.Buf, want)
			}
		}
	}
	f(func(w *Writer) { w.OK() }, "+OK\r\n", "+OK\r\n")
	f(func(w *Writer) { w.Simple("PONG") }, "+PONG\r\n", "+PONG\r\n")
	f(func(w *Writer) { w.Error("ERR a\r\n+OK") }, "-ERR a  +OK\r\n", "-ERR a  +OK\r\n")
	f(func(w *Writer) { w.Int(-12) }, ":-12\r\n", ":-12\r\n")
	f(func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n")
	f(func(w *Writer) { w.Bulk([]byte("a\r\n")) }, "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n")
	f(func(w *Writer) { w.BulkString("") }, "$0\r\n\r\n", "$0\r\n\r\n")
	f(func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n")
	f(func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n")
	f(func(w *Writer) { w.Array(10) }, "*10\r\n", "*10\r\n")
	f(func(w *Writer) { w.Map(2) }, "*4\r\n", "%2\r\n")
	f(func(w *Writer) { w.Set(2) }, "*2\r\n", "~2\r\n")
	f(func(w *Writer) { w.Push(3) }, "*3\r\n", ">3\r\n")
	f(func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n")
	f(func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n")
	f(func(w *Writer) { w.Double(1.5) }, "$3\r\n1.5\r\n", ",1.5\r\n")
	f(func(w *Writer) { w.Double(3) }, "$1\r\n3\r\n", ",3\r\n")
	f(func(w *Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n")
	f(func(w *Writer) { w.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n")
	f(func(w *Writer) { w.BigNumber("123") }, "$3\r\n123\r\n", "(123\r\n")
	f(func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n")
}
