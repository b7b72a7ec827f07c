package replytest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, text string) []Case {
	t.Helper()
	cases, err := Parse("x.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestParse(t *testing.T) {
	cases := parse(t, `# a comment
== one
> SET k "a b\x00"
< +OK
2> GET k
2< $4
2| "a b\x00"
3<*
~ 20ms
== two
> TIME
<~ \*2
|~ \$\d+
`)
	if len(cases) != 2 || len(cases[0].Steps) != 3 || len(cases[1].Steps) != 1 {
		t.Fatalf("%+v", cases)
	}
	get := cases[0].Steps[1]
	if get.Conn != 2 || get.Line != 5 || string(cases[0].Steps[0].Words[2]) != "a b\x00" {
		t.Errorf("%+v", get)
	}
	if len(get.Replies) != 2 || get.Replies[0].Lines[1].Text != "a b\x00" || !get.Replies[1].Any || get.Replies[1].Conn != 3 {
		t.Errorf("%+v", get.Replies)
	}
	if cases[0].Steps[2].Sleep != 20*time.Millisecond || cases[0].connections() != 3 {
		t.Errorf("%+v", cases[0].Steps[2])
	}
	if p := cases[1].Steps[0].Replies[0].Lines[1].Pattern; p == nil || !p.MatchString("$10") || p.MatchString("x$10") {
		t.Errorf("pattern %v", p)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"> GET k", "== x\n< +OK", "== x\nGET k", "== x\n> GET \"k", "== x\n>", "== x\n> GET k\n| x",
		"== x\n~ soon", "== x\n> GET k\n<~ (", "== x\n> GET k\n< \"x",
	} {
		if cases, err := Parse("x.txt", strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as %+v", text, cases)
		}
	}
}

func TestLinesAndBack(t *testing.T) {
	for _, reply := range []string{
		"+OK\r\n", ":1\r\n", "$-1\r\n", "$0\r\n\r\n", "$5\r\na\r\nbc\r\n", "*2\r\n$1\r\na\r\n*1\r\n:5\r\n", "_\r\n",
		"=7\r\ntxt:abc\r\n", "$3\r\n\xff\"\\\r\n", "$2\r\n a\r\n", "%1\r\n+a\r\n#t\r\n",
	} {
		var b strings.Builder
		for _, line := range Lines([]byte(reply)) {
			back, err := parseLine(Show(line), false)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(back.Text + "\r\n")
		}
		if b.String() != reply {
			t.Errorf("%q came back as %q", reply, b.String())
		}
	}
}

func TestFrame(t *testing.T) {
	for _, reply := range []string{
		"+OK\r\n", "$3\r\na\r\n\r\n", "*0\r\n", "*-1\r\n", "*2\r\n$1\r\na\r\n*1\r\n:5\r\n", "%2\r\n+a\r\n+b\r\n+c\r\n~1\r\n:1\r\n",
		">2\r\n+a\r\n_\r\n", "|1\r\n+k\r\n+v\r\n+OK\r\n", "=7\r\ntxt:abc\r\n", "$0\r\n\r\n",
	} {
		if n := Frame([]byte(reply + "+next\r\n")); n != len(reply) {
			t.Errorf("%q is %d bytes long, not %d", reply, len(reply), n)
		}
		for i := range reply {
			if n := Frame([]byte(reply[:i])); n != 0 {
				t.Errorf("%q is whole at %d", reply[:i], n)
			}
		}
	}
}

// parrot is a target that says what it is told to.
type parrot struct {
	answers map[string]string
	open    int
	passed  time.Duration
}

func (p *parrot) Open() (Client, error) { p.open++; return &bird{parrot: p, id: int64(p.open)}, nil }
func (p *parrot) Pass(d time.Duration)  { p.passed += d }
func (p *parrot) Now() time.Time        { return time.Unix(1000, 0) }

type bird struct {
	parrot *parrot
	id     int64
	out    string
}

func (b *bird) ID() int64    { return b.id }
func (b *bird) Addr() string { return "nest" }
func (b *bird) Send(words [][]byte) error {
	answer, ok := b.parrot.answers[string(words[0])]
	if !ok {
		return errors.New("the parrot is silent")
	}
	b.out += strings.NewReplacer("ARG", string(words[len(words)-1])).Replace(answer)
	return nil
}

func (b *bird) Reply(time.Duration) ([]byte, error) {
	n := Frame([]byte(b.out))
	reply := b.out[:n]
	b.out = b.out[n:]
	if n == 0 {
		return nil, nil
	}
	return []byte(reply), nil
}

func TestRun(t *testing.T) {
	answers := map[string]string{"OK": "+OK\r\n", "ECHO": "+ARG\r\n", "TWO": ":1\r\n:2\r\n", "NONE": ""}
	f := func(text string, differences int) {
		t.Helper()
		c := parse(t, "== x\n"+text)[0]
		turns, err := Run(&c, &parrot{answers: answers})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, turn := range turns {
			found = append(found, turn.Differences()...)
		}
		if len(found) != differences {
			t.Errorf("%q: %d differences, want %d: %q", text, len(found), differences, found)
		}
	}
	f("> OK\n< +OK", 0)
	f("> OK\n< +NO", 1)
	f("> OK\n<*", 0)
	f("> OK\n<~ .OK", 0)
	f("> OK\n<~ .O", 1)
	f("> OK\n< +OK\n| more", 1)
	f("> OK", 1)
	f("> NONE", 0)
	f("> NONE\n< +OK", 1)
	f("> TWO\n< :1\n< :2", 0)
	f("> TWO\n< :1", 1)
	f("2> ECHO {id:2}\n2< +2", 0)
	f("2> ECHO {addr:1}\n2< +nest", 0)
	f("> ECHO {now+5s}\n< +1005", 0)
	f("> ECHO {now-5ms}\n< +999995", 0)
	f("> ECHO {id:9}\n< +{id:9}", 0)
	c := parse(t, "== x\n> UNKNOWN")[0]
	if _, err := Run(&c, &parrot{answers: answers}); err == nil {
		t.Error("a request that cannot be sent is no error")
	}
}

func TestDifferences(t *testing.T) {
	d, err := ParseDifferences(strings.NewReader("# list\n== because\nx.txt / one / GET k\nx.txt / one / SET *\nx.txt / two / *\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name, request string, want bool) {
		t.Helper()
		reason, ok := d.Reason(&Case{File: "x.txt", Name: name}, &Step{Text: request})
		if ok != want || ok && reason != "because" {
			t.Errorf("%s, %s: %v %q", name, request, ok, reason)
		}
	}
	f("one", "GET k", true)
	f("one", "GET kk", false)
	f("one", "SET anything", true)
	f("three", "GET k", false)
	if got := d.Unused(); len(got) != 1 || got[0] != "x.txt / two / *" {
		t.Errorf("unused: %q", got)
	}
	for _, wrong := range []string{"x.txt / a / b", "== why\nx.txt"} {
		if _, err := ParseDifferences(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q is no list", wrong)
		}
	}
}
