// Package viewer contains a web page for Jaeger's query API: a trace search and the waterfall of a
// trace, with the phases of the server's spans. Jaeger serves the page from
// jaeger_query.ui.assets_path instead of its own UI, which is not part of its Go module.
//
// The page consists of plain HTML, CSS and JavaScript modules below assets/. It sends requests only
// to the Jaeger that serves it.
package viewer

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed assets
var embedded embed.FS

// Assets returns the files of the page: index.html, which Jaeger serves for every path without
// another handler, and static/.
func Assets() fs.FS {
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // cannot happen: the path is valid
	}
	return assets
}

// Write writes the files of the page to the directory dir, for use as Jaeger's assets_path. dir
// must not exist.
func Write(dir string) error {
	if err := os.CopyFS(dir, Assets()); err != nil {
		return fmt.Errorf("cannot write the viewer: %w", err)
	}
	return nil
}
