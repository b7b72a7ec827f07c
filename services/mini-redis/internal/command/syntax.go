package command

import (
	"errors"
	"fmt"
	"strings"
)

// The notation of Spec.Syntax, by example:
//
//	key:key                      an argument "key" of type key
//	EX seconds:integer           one that follows the word EX
//	GET                          a word alone
//	condition=(NX | XX)          one of several, under a common name
//	data={key:key value:string}  several together
//	[...]                        may be left out
//	...                          behind any of them: may be given several times
//	...+                         with its word each time
//	@6.2.0                       behind any of them: known since that version of Redis

// argument is an argument of a command as COMMAND DOCS describes it.
type argument struct {
	name, kind, token, since             string
	optional, multiple, multipleWithWord bool
	parts                                []argument // of a "oneof" or a "block"
}

// arguments parses the row's Syntax.
func (s *Spec) arguments() ([]argument, error) {
	p := syntaxParser{rest: s.Syntax}
	list, err := p.list("")
	if err != nil {
		return nil, fmt.Errorf("syntax of %s: %w", s.Name, err)
	}
	return list, nil
}

type syntaxParser struct{ rest string }

var errNotation = errors.New("not in the notation")

// list parses arguments up to one of the bytes in end, or to the end of the text.
func (p *syntaxParser) list(end string) ([]argument, error) {
	var list []argument
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.rest == "" || strings.IndexByte(end, p.rest[0]) >= 0 {
			return list, nil
		}
		a, err := p.one()
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
}

// one parses one argument with what is behind it.
func (p *syntaxParser) one() (a argument, err error) {
	if p.take("[") {
		list, err := p.list("]")
		if err != nil || len(list) != 1 || !p.take("]") {
			return a, errors.Join(errNotation, err)
		}
		a = list[0]
		a.optional = true
		return a, nil
	}
	word := p.word()
	if isToken(word) {
		rest := p.rest
		p.take(" ")
		if next := p.word(); next != "" && !isToken(next) { // the word of an argument
			a.token, word = word, next
		} else {
			p.rest = rest
			a = argument{name: strings.ToLower(word), kind: "pure-token", token: word}
			p.behind(&a)
			return a, nil
		}
	}
	a.name = word
	switch {
	case p.take(":"):
		a.kind = p.word()
	case p.take("=("):
		a.kind = "oneof"
		a.parts, err = p.alternatives()
	case p.take("={"):
		a.kind = "block"
		a.parts, err = p.list("}")
		if !p.take("}") {
			err = errors.Join(errNotation, err)
		}
	default:
		err = errNotation
	}
	p.behind(&a)
	return a, err
}

// alternatives parses what is between the parentheses of a "oneof".
func (p *syntaxParser) alternatives() ([]argument, error) {
	var parts []argument
	for {
		list, err := p.list("|)")
		if err != nil || len(list) != 1 {
			return nil, errors.Join(errNotation, err)
		}
		parts = append(parts, list[0])
		if p.take(")") {
			return parts, nil
		}
		if !p.take("|") {
			return nil, errNotation
		}
	}
}

// behind parses the marks that follow an argument.
func (p *syntaxParser) behind(a *argument) {
	if p.take("@") {
		end := strings.IndexFunc(p.rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(p.rest)
		}
		a.since = strings.TrimRight(p.rest[:end], ".") // what is left of "..." is not of the version
		p.rest = p.rest[len(a.since):]
	}
	a.multiple = p.take("...")
	a.multipleWithWord = a.multiple && p.take("+")
}

func (p *syntaxParser) take(s string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, s)
	return ok
}

// word takes letters, digits and dashes.
func (p *syntaxParser) word() string {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func isToken(word string) bool { return word != "" && word == strings.ToUpper(word) }

// usage is the row's arguments as people read them.
func (s *Spec) usage() string {
	list, err := s.arguments()
	if err != nil {
		return ""
	}
	return usageOf(list, " ")
}

func usageOf(list []argument, between string) string {
	words := make([]string, len(list))
	for i := range list {
		words[i] = list[i].usage()
	}
	return strings.Join(words, between)
}

func (a *argument) usage() string {
	text := a.name
	switch a.kind {
	case "pure-token":
		text = a.token
	case "oneof":
		text = "<" + usageOf(a.parts, " | ") + ">"
	case "block":
		text = usageOf(a.parts, " ")
	}
	if a.token != "" && a.kind != "pure-token" {
		text = a.token + " " + text
	}
	if a.multiple {
		text += " [" + text + " ...]"
	}
	if a.optional {
		text = "[" + text + "]"
	}
	return text
}
