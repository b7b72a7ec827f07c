package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// buildTree links the spans of a trace and returns those without a parent in it.
func buildTree(t jaegerTrace) []*Span {
	spans := map[string]*Span{}
	for _, s := range t.Spans {
		spans[s.SpanID] = newSpan(s, t.Processes[s.ProcessID].ServiceName)
	}
	var roots []*Span
	for _, s := range t.Spans {
		span := spans[s.SpanID]
		if parent := parentOf(s, spans); parent != nil {
			parent.Children = append(parent.Children, span)
		} else {
			roots = append(roots, span)
		}
	}
	for _, span := range spans {
		slices.SortFunc(span.Children, byStart)
	}
	slices.SortFunc(roots, byStart)
	return roots
}

func newSpan(s jaegerSpan, service string) *Span {
	span := &Span{
		ID: s.SpanID, Service: service, Name: s.Name, Tags: map[string]any{},
		Start: time.UnixMicro(s.StartTime), Duration: time.Duration(s.Duration) * time.Microsecond,
	}
	for _, tag := range s.Tags {
		span.Tags[tag.Key] = tag.Value
	}
	span.Kind, _ = span.Tags["span.kind"].(string)
	return span
}

func parentOf(s jaegerSpan, spans map[string]*Span) *Span {
	for _, r := range s.References {
		if r.Type == "CHILD_OF" && r.SpanID != s.SpanID {
			return spans[r.SpanID]
		}
	}
	return nil
}

func byStart(a, b *Span) int {
	if c := a.Start.Compare(b.Start); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// Outline formats trees with one line per span, "kind name (service)", indented by 2 spaces per
// level: "client GET (hello)". Traces with the same structure have the same outline.
func Outline(roots []*Span) string {
	var b strings.Builder
	var walk func(*Span, int)
	walk = func(s *Span, depth int) {
		kind := s.Kind
		if kind == "" {
			kind = "internal"
		}
		fmt.Fprintf(&b, "%s%s %s (%s)\n", strings.Repeat("  ", depth), kind, s.Name, s.Service)
		for _, c := range s.Children {
			walk(c, depth+1)
		}
	}
	for _, r := range roots {
		walk(r, 0)
	}
	return b.String()
}
