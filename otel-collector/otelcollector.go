// Package otelcollector embeds the collector's configuration for the local stack. The Helm chart
// contains copies of the same files.
//
// The directory also contains the manifest of the collector (builder-config.yaml) and the module
// that is generated from it (distribution/).
package otelcollector

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed base.yaml overlays/*.yaml
var files embed.FS

// Base returns base.yaml, the base configuration of every collector.
func Base() []byte {
	content, err := files.ReadFile("base.yaml")
	if err != nil {
		panic(err) // cannot happen: the files are embedded
	}
	return content
}

// Overlays returns the names of the overlays. Names that end in ".contrib" require the contrib
// distribution.
func Overlays() []string {
	entries, err := files.ReadDir("overlays")
	if err != nil {
		panic(err) // cannot happen: the files are embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Overlay returns an overlay: a further --config file after Base. It returns an error if there is
// no overlay with that name.
func Overlay(name string) ([]byte, error) {
	content, err := files.ReadFile(path.Join("overlays", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no overlay %q; the overlays are %s", name, strings.Join(Overlays(), ", "))
	}
	return content, nil
}

// NeedsContrib reports whether an overlay uses components that only the contrib distribution has.
func NeedsContrib(overlay string) bool { return strings.HasSuffix(overlay, ".contrib") }
