package console

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"mini-redis/console/wire/commonpb"
)

// Site is a place in the program's source. What many tasks or resources share
// their place takes it once, with [Here], instead of looking it up each time.
type Site struct {
	file     string
	line     uint32
	function string
	pkg      string
}

// Here is the caller's place; skip leaves out so many callers more.
func Here(skip int) Site {
	var pcs [1]uintptr
	if runtime.Callers(2+skip, pcs[:]) == 0 {
		return Site{}
	}
	frame, _ := runtime.CallersFrames(pcs[:]).Next()
	return Site{file: shortFile(frame.File), line: uint32(frame.Line), function: frame.Function, pkg: packageOf(frame.Function)}
}

// shortFile keeps the name and its directory: the rest says where it was built.
func shortFile(path string) string {
	dir, name := filepath.Split(filepath.ToSlash(path))
	return filepath.Base(dir) + "/" + name
}

// packageOf is the import path in a function's full name.
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

// mainPackage is the import path of the program, which functions call main.
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
	// Without the module path: viewers show that in place of the file.
	return &commonpb.Location{File: &s.file, Line: &s.line}
}

// metaTable numbers what items that were made alike share. The number of a kind
// of item in a package never changes, so a viewer is sent each once.
type metaTable struct {
	mu   sync.Mutex
	ids  map[metaKey]uint64
	list []metaKey // number n at n-1
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

// since returns what was registered after the first n, as messages.
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
