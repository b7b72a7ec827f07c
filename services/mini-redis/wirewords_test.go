package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// fuzzVocabulary are the arguments of random requests: keys, numbers, options. It has no
// name of a subcommand, and no setting that would lock the test out.
var fuzzVocabulary = []string{
	"a", "b", "c", "q", "0", "1", "-1", "2", "10", "100", "x", "", "*", "[a-", "3.5", "1e300", "9223372036854775807",
	"-9223372036854775808", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "NX", "XX", "GT", "LT", "GET",
	"MATCH", "COUNT", "TYPE", "string", "list", "BEFORE", "AFTER", "LEFT", "RIGHT", "ON", "OFF", "YES", "NO", "ALL", "WRITE",
	"ADDR", "USER", "default", "TIMEOUT", "ERROR", "AUTH", "SETNAME", "LIB-NAME", "FILTERBY", "PATTERN", "ACLCAT",
	"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "maxmemory-policy", "ASYNC", "SYNC",
	"clients", "server", "everything", "\x00\xff\r\n", strings.Repeat("long", 400),
}

// fuzzWords makes random requests.
type fuzzWords struct {
	rnd   *rand.Rand
	fuzz  *fuzz
	specs []*engine.Spec
}

func newFuzzWords(rnd *rand.Rand, f *fuzz) *fuzzWords {
	w := &fuzzWords{rnd: rnd, fuzz: f}
	for _, s := range engine.NewTable(command.All()).All() {
		switch s.Name {
		case "shutdown", "client|kill": // KILL is special: it must not hit a strict connection
		default:
			w.specs = append(w.specs, s)
		}
	}
	return w
}

// notStrict are the commands after which a request may have no reply.
var notStrict = []string{"quit", "client|reply"}

// request returns a random request. A strict one has exactly one reply.
func (w *fuzzWords) request(strict bool) []string {
	var request []string
	switch n := w.rnd.IntN(20); {
	case n == 0:
		request = []string{"MULTI"}
	case n == 1:
		request = []string{"EXEC"}
	case n == 2 && w.rnd.IntN(4) == 0:
		id := w.fuzz.wild[w.rnd.IntN(len(w.fuzz.wild))].Load()
		if id > 0 && !strict {
			request = []string{"CLIENT", "KILL", "ID", strconv.FormatInt(id, 10), "SKIPME", "NO"}
			break
		}
		fallthrough
	default:
		request = w.fromTable(strict)
	}
	if w.rnd.IntN(4) == 0 {
		request = append([]string{"TRACED", "1", "traceparent", w.traceparent()}, request...)
	}
	return request
}

func (w *fuzzWords) traceparent() string {
	return fmt.Sprintf("00-%016x%016x-%016x-0%d", w.rnd.Uint64()|1, w.rnd.Uint64(), w.rnd.Uint64()|1, w.rnd.IntN(2))
}

func (w *fuzzWords) fromTable(strict bool) []string {
	spec := w.specs[w.rnd.IntN(len(w.specs))]
	for strict && slices.Contains(notStrict, spec.Name) || isSlow(spec) && w.rnd.IntN(8) > 0 {
		spec = w.specs[w.rnd.IntN(len(w.specs))]
	}
	name := strings.Split(spec.Name, "|")
	n := max(spec.Arity, -spec.Arity) - len(name)
	if spec.Arity < 0 || w.rnd.IntN(8) == 0 {
		n += w.rnd.IntN(4)
	}
	if w.rnd.IntN(16) == 0 {
		n--
	}
	args := make([]string, max(n, 0))
	for i := range args {
		args[i] = fuzzVocabulary[w.rnd.IntN(len(fuzzVocabulary))]
	}
	if w.rnd.IntN(2) == 0 {
		for i := range name {
			name[i] = strings.ToUpper(name[i])
		}
	}
	return append(name, w.tame(spec, args, strict)...)
}

// isSlow reports whether a command would take up too much of the test's time: the replies
// of COMMAND are large, and everything waits for a pause.
func isSlow(s *engine.Spec) bool {
	return strings.HasPrefix(s.Name, "command") || s.Name == "client|pause"
}

// tame bounds the time that a request may wait, and the number of its replies.
func (w *fuzzWords) tame(spec *engine.Spec, args []string, strict bool) []string {
	switch {
	case spec.Has(engine.Blocking) && len(args) > 0:
		at := len(args) - 1
		if spec.Name == "blmpop" {
			at = 0
		}
		args[at] = fmt.Sprintf("0.00%d", 1+w.rnd.IntN(9))
	case spec.Name == "client|pause":
		modes := [][]string{{}, {"WRITE"}, {"ALL"}, {"x"}}
		return append([]string{strconv.Itoa(w.rnd.IntN(10))}, modes[w.rnd.IntN(len(modes))]...)
	case spec.Name == "client|unblock" && len(args) > 0:
		args[0] = strconv.FormatInt(w.fuzz.wild[w.rnd.IntN(len(w.fuzz.wild))].Load()+int64(w.rnd.IntN(20)-10), 10)
	case spec.Pushes && strict: // SUBSCRIBE and its like confirm each channel
		return []string{fuzzVocabulary[w.rnd.IntN(4)]}
	}
	return args
}

// append appends a request in one of its forms on the wire.
func (w *fuzzWords) append(out []byte, request []string) []byte {
	switch w.rnd.IntN(16) {
	case 0:
		out = append(out, "\r\n"...) // no request
	case 1:
		out = append(out, "*0\r\n"...)
	case 2:
		plain := !slices.ContainsFunc(request, func(s string) bool {
			return s == "" || strings.ContainsAny(s, "\x00\r\n\"' ") || strings.HasPrefix(s, "*")
		})
		if plain {
			return append(append(out, strings.Join(request, " ")...), "\r\n"...)
		}
	}
	return fuzzRequest(out, request)
}

func fuzzRequest(out []byte, words []string) []byte {
	out = fmt.Appendf(out, "*%d\r\n", len(words))
	for _, s := range words {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(s), s)
	}
	return out
}
