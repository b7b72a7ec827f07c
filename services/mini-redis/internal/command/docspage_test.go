package command_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"mini-redis/internal/docpage"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// TestDocsOfCommands: docs/commands.md lists the rows of the table.
func TestDocsOfCommands(t *testing.T) {
	var b strings.Builder
	groups := map[string][]*engine.Spec{}
	for _, s := range engine.NewTable(command.All()).All() {
		if s.Handler != nil {
			groups[s.Group] = append(groups[s.Group], s)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&b, "\n## %s\n\n| command | what it does | time | like Redis since |\n|---|---|---|---|\n", strings.ToUpper(group[:1])+group[1:])
		for _, s := range groups[group] {
			summary := s.Summary
			if s.Deprecated != "" {
				summary += " Deprecated since " + s.Deprecated + ": " + s.Instead + "."
			}
			since := s.Since
			if s.Name == "traced" {
				since = "(ours)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Operation, strings.ReplaceAll(summary, "|", "\\|"), s.Complexity, since)
		}
	}
	docpage.Check(t, "commands.md", "commands", b.String()+"\n", *update)
}
