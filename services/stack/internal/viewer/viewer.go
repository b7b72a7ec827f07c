// Package viewer is the project's own page over Jaeger's query API: a search list and a trace's waterfall, with the phases of
// the server's span. Jaeger serves it through jaeger_query.ui.assets_path in place of its own UI, which is not part of its
// Go module.
//
// The page is plain HTML, CSS and JavaScript modules below assets/, and asks nobody but the Jaeger it came from.
package viewer

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed assets
var embedded embed.FS

// Assets is the page's files: index.html, which Jaeger answers with for every path it does not know, and static/.
func Assets() fs.FS {
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // the path is valid, so this does not happen
	}
	return assets
}

// Write puts the page's files into the directory dir, which Jaeger is then given as its assets_path. dir must not exist.
func Write(dir string) error {
	if err := os.CopyFS(dir, Assets()); err != nil {
		return fmt.Errorf("cannot write the viewer: %w", err)
	}
	return nil
}
