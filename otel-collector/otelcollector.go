// Package otelcollector carries the collector's configuration: the local stack runs it, and the chart is given copies of it.
//
// The same folder holds the manifest that the collector is built from (builder-config.yaml) and the module that was generated
// from it (distribution/).
package otelcollector

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed base.yaml overlays/*.yaml
var files embed.FS

// Base is base.yaml, the configuration that every collector starts with.
func Base() []byte {
	content, err := files.ReadFile("base.yaml")
	if err != nil {
		panic(err) // embedded above, so this does not happen
	}
	return content
}

// Overlays lists the names that Overlay takes. Those that end in ".contrib" need the contrib distribution.
func Overlays() []string {
	entries, err := files.ReadDir("overlays")
	if err != nil {
		panic(err) // embedded above, so this does not happen
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Overlay returns a further --config file for a collector that has Base as its first.
func Overlay(name string) ([]byte, error) {
	content, err := files.ReadFile(path.Join("overlays", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no overlay %q: there are %s", name, strings.Join(Overlays(), ", "))
	}
	return content, nil
}

// NeedsContrib says whether an overlay uses components that the project's own distribution does not have.
func NeedsContrib(overlay string) bool { return strings.HasSuffix(overlay, ".contrib") }
