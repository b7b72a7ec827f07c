package engine_test

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
)

// generator makes random requests from the syntax of the command table.
type generator struct {
	rnd *rand.Rand
	now func() int64 // unix milliseconds
}

// request returns a request for a command. Nearly all are valid.
func (g *generator) request(s *engine.Spec) [][]byte {
	words := toBytes(strings.ReplaceAll(s.Name, "|", " "))
	list, _ := s.Arguments() // a test of the table checks the syntax
	words = g.appendList(words, s, list)
	if g.rnd.IntN(50) == 0 { // of the wrong length, or with an unknown option
		words = append(words, []byte("x"))
	}
	return words
}

func (g *generator) appendList(words [][]byte, s *engine.Spec, list []engine.Argument) [][]byte {
	for i := range list {
		words = g.appendArgument(words, s, &list[i])
	}
	return words
}

func (g *generator) appendArgument(words [][]byte, s *engine.Spec, a *engine.Argument) [][]byte {
	if a.Optional && g.rnd.IntN(2) == 0 {
		return words
	}
	times := 1
	if a.Multiple {
		times += g.rnd.IntN(3)
	}
	for i := range times {
		if a.Token != "" && (i == 0 || a.MultipleToken) {
			words = append(words, []byte(a.Token))
		}
		switch a.Kind {
		case "pure-token":
		case "oneof":
			words = g.appendArgument(words, s, &a.Parts[g.rnd.IntN(len(a.Parts))])
		case "block":
			words = g.appendList(words, s, a.Parts)
		default:
			words = append(words, []byte(g.value(s, a)))
		}
	}
	return words
}

// value returns a value for an argument, by its name and type.
func (g *generator) value(s *engine.Spec, a *engine.Argument) string {
	number := func(low, high int) string { return strconv.Itoa(low + g.rnd.IntN(high-low)) }
	switch {
	case a.Kind == "key":
		return g.key(s)
	case a.Name == "timeout":
		return g.oneOf("0", "0.05", "0.5")
	case a.Name == "seconds":
		return number(-1, 4)
	case a.Name == "milliseconds":
		return number(-50, 1500)
	case a.Name == "unix-time-seconds":
		return strconv.FormatInt(g.now()/1000+int64(g.rnd.IntN(6))-2, 10)
	case a.Name == "unix-time-milliseconds":
		return strconv.FormatInt(g.now()+int64(g.rnd.IntN(2000))-300, 10)
	case a.Kind == "integer":
		return number(-3, 6)
	case a.Kind == "double":
		return g.oneOf("1.5", "-0.25", "3", "1e3", "0.1")
	case a.Kind == "pattern":
		return "*"
	}
	return g.oneOf("a", "b", "7", "-12", "3.25", "", "long "+strings.Repeat("x", g.rnd.IntN(200)), "\x00\xff\r\n")
}

// key returns a key: nearly always one that holds the type of the command's group.
func (g *generator) key(s *engine.Spec) string {
	kind := s.Group[:1]
	if s.Group != "list" && s.Group != "string" || g.rnd.IntN(20) == 0 {
		kind = g.oneOf("l", "s")
	}
	return kind + strconv.Itoa(g.rnd.IntN(4))
}

func (g *generator) oneOf(words ...string) string { return words[g.rnd.IntN(len(words))] }
