package console

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"mini-redis/console/wire/commonpb"
)

// Site is a location in the program's source code. Tasks or resources that are created in one place
// can share a Site obtained once with [CallSite], which avoids a stack walk per item.
type Site struct {
	file     string
	line     uint32
	function string
	pkg      string
}

// CallSite returns the location of its caller. skip is the number of further callers to skip: 0 is
// the caller of CallSite, 1 the caller of that function. CallSite returns the zero Site if skip
// exceeds the depth of the stack.
func CallSite(skip int) Site {
	var pcs [1]uintptr
	if runtime.Callers(2+skip, pcs[:]) == 0 {
		return Site{}
	}
	frame, _ := runtime.CallersFrames(pcs[:]).Next()
	return Site{file: shortFile(frame.File), line: uint32(frame.Line), function: frame.Function, pkg: packageOf(frame.Function)}
}

// Here returns the location of its caller.
//
// Deprecated: Use [CallSite], which has the same parameter and result.
func Here(skip int) Site { return CallSite(skip + 1) }

// shortFile returns the file name with its directory. The rest of the path depends on where the
// program was built.
func shortFile(path string) string {
	dir, name := filepath.Split(filepath.ToSlash(path))
	return filepath.Base(dir) + "/" + name
}

// packageOf returns the import path in a function's full name.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	pkg := function
	if dot := strings.IndexByte(function[slash+1:], '.'); dot >= 0 {
		pkg = function[:slash+1+dot]
	}
	if pkg == "main" && mainPackage() != "" {
		return mainPackage()
	}
	return pkg
}

// mainPackage returns the import path of the program's main package. The full names of its
// functions start with "main" instead of that path.
var mainPackage = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "command-line-arguments" {
		return ""
	}
	return info.Path
})

func (s Site) message() *commonpb.Location {
	if s.file == "" {
		return nil
	}
	// Without the module path: viewers show it in place of the file.
	return &commonpb.Location{File: &s.file, Line: &s.line}
}

// metaTable assigns a number to each pair of item kind and package. A number never changes, so each
// viewer is sent each pair once.
type metaTable struct {
	mu   sync.Mutex
	ids  map[metaKey]uint64
	list []metaKey // the key with number n is at n-1
}

type metaKey struct{ name, pkg string }

// The names under which items are registered.
const (
	metaTask     = "task"
	metaResource = "resource"
	metaAsyncOp  = "async_op"
	metaSpan     = "span"
)

func (m *metaTable) id(name, pkg string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := metaKey{name, pkg}
	if id, ok := m.ids[key]; ok {
		return id
	}
	if m.ids == nil {
		m.ids = map[metaKey]uint64{}
	}
	m.list = append(m.list, key)
	id := uint64(len(m.list))
	m.ids[key] = id
	return id
}

// since returns the keys registered after the first n, as messages.
func (m *metaTable) since(n int) []*commonpb.RegisterMetadata_NewMetadata {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*commonpb.RegisterMetadata_NewMetadata
	for i, key := range m.list[n:] {
		list = append(list, &commonpb.RegisterMetadata_NewMetadata{
			Id: &commonpb.MetaId{Id: uint64(n + i + 1)},
			Metadata: &commonpb.Metadata{
				Name: key.name, Target: key.pkg, ModulePath: key.pkg,
				Kind: commonpb.Metadata_SPAN, Level: commonpb.Metadata_TRACE,
			},
		})
	}
	return list
}
