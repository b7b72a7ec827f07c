package engine

import (
	"errors"
	"fmt"
	"strings"
)

// The notation of Spec.Syntax, by example:
//
//	key:key                      an argument "key" of type key
//	EX seconds:integer           one that follows the word EX
//	GET                          a word without an argument
//	condition=(NX | XX)          one of several, under a common name
//	data={key:key value:string}  a group
//	[...]                        optional
//	...                          after any of them: may be repeated
//	...+                         repeated with its word
//	@6.2.0                       after any of them: since that version of Redis

// Argument is an argument of a command as COMMAND DOCS describes it.
type Argument struct {
	Name, Kind, Token, Since          string
	Optional, Multiple, MultipleToken bool
	Parts                             []Argument // of a "oneof" or a "block"
}

// Arguments parses the row's Syntax.
func (s *Spec) Arguments() ([]Argument, error) {
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
func (p *syntaxParser) list(end string) ([]Argument, error) {
	var list []Argument
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

// one parses one argument and its suffixes.
func (p *syntaxParser) one() (a Argument, err error) {
	if p.take("[") {
		list, err := p.list("]")
		if err != nil || len(list) != 1 || !p.take("]") {
			return a, errors.Join(errNotation, err)
		}
		a = list[0]
		a.Optional = true
		return a, nil
	}
	word := p.word()
	if isToken(word) {
		rest := p.rest
		p.take(" ")
		if next := p.word(); next != "" && !isToken(next) { // a token in front of an argument
			a.Token, word = word, next
		} else {
			p.rest = rest
			a = Argument{Name: strings.ToLower(word), Kind: "pure-token", Token: word}
			p.suffixes(&a)
			return a, nil
		}
	}
	a.Name = word
	switch {
	case p.take(":"):
		a.Kind = p.word()
	case p.take("=("):
		a.Kind = "oneof"
		a.Parts, err = p.alternatives()
	case p.take("={"):
		a.Kind = "block"
		a.Parts, err = p.list("}")
		if !p.take("}") {
			err = errors.Join(errNotation, err)
		}
	default:
		err = errNotation
	}
	p.suffixes(&a)
	return a, err
}

// alternatives parses what is between the parentheses of a "oneof".
func (p *syntaxParser) alternatives() ([]Argument, error) {
	var parts []Argument
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

// suffixes parses the marks that follow an argument.
func (p *syntaxParser) suffixes(a *Argument) {
	if p.take("@") {
		end := strings.IndexFunc(p.rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(p.rest)
		}
		a.Since = strings.TrimRight(p.rest[:end], ".") // the dots of "..." do not belong to the version
		p.rest = p.rest[len(a.Since):]
	}
	a.Multiple = p.take("...")
	a.MultipleToken = a.Multiple && p.take("+")
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

// Usage returns the row's arguments in the notation of Redis's documentation.
func (s *Spec) Usage() string {
	list, err := s.Arguments()
	if err != nil {
		return ""
	}
	return usageOf(list, " ")
}

func usageOf(list []Argument, between string) string {
	words := make([]string, len(list))
	for i := range list {
		words[i] = list[i].usage()
	}
	return strings.Join(words, between)
}

func (a *Argument) usage() string {
	text := a.Name
	switch a.Kind {
	case "pure-token":
		text = a.Token
	case "oneof":
		text = "<" + usageOf(a.Parts, " | ") + ">"
	case "block":
		text = usageOf(a.Parts, " ")
	}
	if a.Token != "" && a.Kind != "pure-token" {
		text = a.Token + " " + text
	}
	if a.Multiple {
		text += " [" + text + " ...]"
	}
	if a.Optional {
		text = "[" + text + "]"
	}
	return text
}
