package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	_ "mini-redis/console/wire/eventspb"
	_ "mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	_ "mini-redis/console/wire/tracepb"
)

// TestMessagesMatchConsoleAPI compares the generated code with the names, numbers and types that
// console-api 0.9 publishes, in both directions.
func TestMessagesMatchConsoleAPI(t *testing.T) {
	want := published(t)
	got := map[string]bool{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package()), "rs.tokio.console.") {
			for line := range describe(f) {
				got[line] = true
			}
		}
		return true
	})
	for line := range want {
		if !got[line] {
			t.Errorf("missing in the generated code: %s", line)
		}
	}
	for line := range got {
		if !want[line] {
			t.Errorf("not in console-api 0.9: %s", line)
		}
	}
	if len(want) < 130 {
		t.Errorf("testdata lists %d messages, fields and methods, want at least 130", len(want))
	}
}

// published reads the list in testdata. It puts the name of the message in front of each field.
func published(t *testing.T) map[string]bool {
	t.Helper()
	f, err := os.Open("testdata/console-api-0.9.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, message := map[string]bool{}, ""
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "message "):
			message = line[len("message "):]
			lines[line] = true
		case strings.HasPrefix(line, "  "):
			lines[message+" "+strings.TrimSpace(line)] = true
		default:
			lines[line] = true
		}
	}
	return lines
}

// describe yields the declarations of a file in the format of the list in testdata.
func describe(f protoreflect.FileDescriptor) func(func(string) bool) {
	return func(yield func(string) bool) {
		var messages func(protoreflect.MessageDescriptors)
		enums := func(list protoreflect.EnumDescriptors) {
			for i := range list.Len() {
				line := "enum " + string(list.Get(i).FullName())
				for j := range list.Get(i).Values().Len() {
					v := list.Get(i).Values().Get(j)
					line += fmt.Sprintf(" %s=%d", v.Name(), v.Number())
				}
				yield(line)
			}
		}
		messages = func(list protoreflect.MessageDescriptors) {
			for i := range list.Len() {
				m := list.Get(i)
				if m.IsMapEntry() {
					continue
				}
				yield("message " + string(m.FullName()))
				for j := range m.Fields().Len() {
					yield(string(m.FullName()) + " " + describeField(m.Fields().Get(j)))
				}
				messages(m.Messages())
				enums(m.Enums())
			}
		}
		messages(f.Messages())
		enums(f.Enums())
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				line := fmt.Sprintf("rpc /%s/%s %s %s", s.FullName(), m.Name(), m.Input().FullName(), m.Output().FullName())
				if m.IsStreamingServer() {
					line += " stream"
				}
				yield(line)
			}
		}
	}
}

func describeField(f protoreflect.FieldDescriptor) string {
	line := fmt.Sprintf("%d %s ", f.Number(), f.Name())
	switch {
	case f.IsMap():
		return line + "map"
	case f.Kind() == protoreflect.MessageKind:
		line += string(f.Message().FullName())
	case f.Kind() == protoreflect.EnumKind:
		line += string(f.Enum().FullName())
	default:
		line += f.Kind().String()
	}
	switch {
	case f.IsList():
		line += " repeated"
	case f.HasOptionalKeyword():
		line += " optional"
	}
	return line
}

// TestUpdateEncoding decodes an update with the published field numbers only, without the
// generated code.
func TestUpdateEncoding(t *testing.T) {
	b, err := proto.Marshal(&instrumentpb.Update{
		Now: &timestamppb.Timestamp{Seconds: 7},
		TaskUpdate: &taskspb.TaskUpdate{
			StatsUpdate: map[uint64]*taskspb.Stats{300: {
				CreatedAt: &timestamppb.Timestamp{Seconds: 5},
				PollStats: &commonpb.PollStats{Polls: 9, BusyTime: &durationpb.Duration{Nanos: 4}},
			}},
			DroppedEvents: 2,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want uint64, path ...protowire.Number) {
		t.Helper()
		if got := varintAt(t, b, path...); got != want {
			t.Errorf("%v is %d, want %d", path, got, want)
		}
	}
	f(7, 1, 1)             // now.seconds
	f(2, 2, 4)             // task_update.dropped_events
	f(300, 2, 3, 1)        // task_update.stats_update's key
	f(5, 2, 3, 2, 1, 1)    // its created_at.seconds
	f(9, 2, 3, 2, 7, 1)    // its poll_stats.polls
	f(4, 2, 3, 2, 7, 6, 2) // its poll_stats.busy_time.nanos
}

// varintAt returns the varint at the end of a path of field numbers.
func varintAt(t *testing.T, b []byte, path ...protowire.Number) uint64 {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		value := b[n : n+size]
		b = b[n+size:]
		if num != path[0] {
			continue
		}
		if len(path) == 1 {
			v, _ := protowire.ConsumeVarint(value)
			return v
		}
		inner, _ := protowire.ConsumeBytes(value)
		return varintAt(t, inner, path[1:]...)
	}
	t.Fatalf("no field %v", path)
	return 0
}

// generatedBy matches the comment lines that name the versions of protoc and of its plugins, which
// may differ between machines.
var generatedBy = regexp.MustCompile(`(?m)^// [-\s]*protoc.*$`)

func TestGeneratedCodeIsUpToDate(t *testing.T) {
	if _, err := exec.LookPath("protoc"); err != nil {
		t.Skip("protoc is not installed (Debian: protobuf-compiler)")
	}
	if testing.Short() {
		t.Skip("-short: the test builds protoc's plugins")
	}
	dir := t.TempDir()
	if out, err := exec.Command("./generate", dir).CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("dial tcp")) || bytes.Contains(out, []byte("GOPROXY=off")) {
			t.Skipf("protoc's plugins cannot be built: a module is not in the module cache "+
				"and cannot be downloaded (go mod download -modfile=console/wire/tools.mod): %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	count := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		count++
		name, _ := filepath.Rel(filepath.Join(dir, "console/wire"), path)
		fresh, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kept, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !bytes.Equal(generatedBy.ReplaceAll(fresh, nil), generatedBy.ReplaceAll(kept, nil)) {
			t.Errorf("%s differs from the output of ./generate; run it", name)
		}
		return nil
	})
	if err != nil || count != 12 {
		t.Errorf("./generate wrote %d files, want 12; error %v", count, err)
	}
}
