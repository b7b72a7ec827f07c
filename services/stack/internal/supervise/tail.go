package supervise

import (
	"io"
	"os"
	"strings"
)

const (
	tailBytes     = 16 << 10
	tailLineBytes = 400 // so that a long line, such as JSON with a stack trace, does not hide the others
)

// Tail returns the last n non-empty lines of a file. Each line is indented and cut to
// tailLineBytes. Tail reads only the last tailBytes of the file. It returns "" if there are no
// lines.
func Tail(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = f.Seek(-tailBytes, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, tailBytes))
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n\t ")
		if line == "" {
			continue
		}
		if len(line) > tailLineBytes {
			line = line[:tailLineBytes] + " ..."
		}
		lines = append(lines, "    "+line)
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
