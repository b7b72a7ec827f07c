package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"mini-redis/internal/program"
)

// about is the help; the flags are redis-cli's, so it is laid out as redis-cli's.
const about = `mini-redis-cli sends one command to a Redis and prints the reply.

Usage: mini-redis-cli [flags] command [argument ...]

  mini-redis-cli ping [message]
  mini-redis-cli get key
  mini-redis-cli set key value [expires-in-ms | any option of Redis's SET]
  mini-redis-cli publish channel message
  mini-redis-cli subscribe channel [channel ...]     prints messages until Ctrl-C
  mini-redis-cli ANY OTHER COMMAND, as Redis knows it

Flags, as redis-cli has them:
  -h HOST          server (default 127.0.0.1)
  -p PORT          port (default 6379)
  -a PASSWORD      password; REDISCLI_AUTH does the same out of other users' sight
  --user NAME      user of the password
  -n DB            database number
  -u URL           all of it: redis://[[user:]password@]host[:port][/db]
  -3               speak RESP3 (maps, sets, doubles); default RESP2
  --raw, --no-raw  print replies as they are, or with types and numbers; the
                   default is raw unless a terminal shows them
  --no-auth-warning

Flags of its own:
  -trace           make the call a trace and print its id
  -jaeger URL      where the trace can be seen (default http://127.0.0.1:16686);
                   empty is unknown
  --help, --version

There is no interactive mode. MINI_REDIS_ADDR (host:port) and MINI_REDIS_JAEGER
stand in for -h, -p and -jaeger. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says
(default: the collector at 127.0.0.1:4317).

Exit codes: 0 a reply; 1 an error reply, which is printed, or no reply; 2 usage.
`

// options are what the command line and the environment say.
type options struct {
	host       string
	port       int
	user, pass string
	db         int
	resp3      bool
	raw, noRaw bool
	trace      bool
	jaeger     string
	command    []string

	url           string
	passOnCommand bool // the password is where others can see it, and it is not said that this is fine
}

func parseOptions(args []string, getenv func(string) string, stdout io.Writer) (options, error) {
	o := options{host: "127.0.0.1", port: 6379}
	if err := o.setAddress(getenv("MINI_REDIS_ADDR")); err != nil {
		return o, program.Errorf(exitUsage, "MINI_REDIS_ADDR: %w", err)
	}
	fs := program.Flags(serviceName, about)
	fs.Usage = func() { fmt.Fprint(fs.Output(), about) }
	noWarning := o.register(fs)
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return o, err
	}
	o.passOnCommand = o.pass != "" && !*noWarning
	if o.url != "" {
		if err := o.setURL(o.url); err != nil {
			return o, program.Errorf(exitUsage, "-u: %w", err)
		}
	}
	if o.pass == "" {
		o.pass = getenv("REDISCLI_AUTH")
	}
	switch {
	case o.port < 1 || o.port > 65535:
		return o, program.Errorf(exitUsage, "-p must be from 1 to 65535, not %d", o.port)
	case o.db < 0:
		return o, program.Errorf(exitUsage, "-n must not be negative, not %d", o.db)
	}
	o.command = shape(fs.Args())
	return o, nil
}

func (o *options) register(fs *flag.FlagSet) (noAuthWarning *bool) {
	fs.StringVar(&o.host, "h", o.host, "")
	fs.IntVar(&o.port, "p", o.port, "")
	fs.StringVar(&o.pass, "a", "", "")
	fs.StringVar(&o.pass, "pass", "", "")
	fs.StringVar(&o.user, "user", "", "")
	fs.IntVar(&o.db, "n", 0, "")
	fs.StringVar(&o.url, "u", "", "")
	fs.BoolVar(&o.resp3, "3", false, "")
	fs.BoolVar(&o.raw, "raw", false, "")
	fs.BoolVar(&o.noRaw, "no-raw", false, "")
	fs.BoolVar(&o.trace, "trace", false, "")
	fs.StringVar(&o.jaeger, "jaeger", "http://127.0.0.1:16686", "")
	return fs.Bool("no-auth-warning", false, "")
}

func (o *options) setAddress(addr string) error {
	if addr == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if o.port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("port %q is no number", port)
	}
	if host != "" {
		o.host = host
	}
	return nil
}

// setURL takes an address apart as redis-cli does: user information without a
// colon is the password.
func (o *options) setURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the text, which may have a password in it
		}
		return err
	}
	switch {
	case u.Scheme == "rediss":
		return errors.New("TLS (rediss://) is not supported")
	case u.Scheme != "redis":
		return fmt.Errorf("an address begins with redis://, not with %q", u.Scheme)
	}
	if pass, ok := u.User.Password(); ok {
		o.user, o.pass = u.User.Username(), pass
	} else if u.User != nil {
		o.pass = u.User.Username()
	}
	if h := u.Hostname(); h != "" {
		o.host = h
	}
	if p := u.Port(); p != "" {
		o.port, _ = strconv.Atoi(p) // url.Parse has seen to it that these are digits
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		if o.db, err = strconv.Atoi(db); err != nil {
			return fmt.Errorf("database %q is no number", db)
		}
	}
	return nil
}

func (o *options) address() string { return net.JoinHostPort(o.host, strconv.Itoa(o.port)) }

// forTerminal says whether replies are printed for a person.
func (o *options) forTerminal(stdout io.Writer) bool {
	if o.raw || o.noRaw {
		return o.noRaw
	}
	f, ok := stdout.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
