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

// about is the help text. The flags are those of redis-cli, so the layout is too.
const about = `mini-redis-cli sends one command to a Redis server and prints the reply.

Usage: mini-redis-cli [flags] command [argument ...]

  mini-redis-cli ping [message]
  mini-redis-cli get key
  mini-redis-cli set key value [expiration-in-ms | any option of the SET command]
  mini-redis-cli publish channel message
  mini-redis-cli subscribe channel [channel ...]     prints messages until Ctrl-C
  mini-redis-cli ANY OTHER COMMAND, in Redis syntax

Flags of redis-cli:
  -h HOST            server host (default 127.0.0.1)
  -p PORT            server port (default 6379)
  -a PASSWORD        password; prefer REDISCLI_AUTH, which other users cannot see
  --user NAME        user name for the password
  --pass PASSWORD    same as -a
  -n DB              database number (default 0)
  -u URL             server URL: redis://[[user:]password@]host[:port][/db]
  -3                 use RESP3 (maps, sets, doubles) instead of RESP2
  --raw              print replies without formatting (default if the standard
                     output is not a terminal)
  --no-raw           print replies with types and element numbers (default if the
                     standard output is a terminal)
  --no-auth-warning  do not warn about a password on the command line

Other flags:
  -trace             trace the call and print the trace ID
  -jaeger URL        URL of Jaeger, for a link to the trace (default
                     http://127.0.0.1:16686); if empty, no link is printed
  --help, --version

There is no interactive mode. MINI_REDIS_ADDR (host:port) sets the defaults of -h
and -p, and MINI_REDIS_JAEGER that of -jaeger. OTEL_EXPORTER_OTLP_ENDPOINT sets
the collector for traces (default http://localhost:4317).

Exit codes: 0 a reply; 1 an error reply, which is printed, or no reply; 2 invalid
usage.
`

// options holds the settings from the command line and the environment.
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
	passOnCommand bool // warn that the password is on the command line
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
		return o, program.Errorf(exitUsage, "-n must not be negative: %d", o.db)
	}
	o.command = normalizeArgs(fs.Args())
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
		return fmt.Errorf("port %q is not a number", port)
	}
	if host != "" {
		o.host = host
	}
	return nil
}

// setURL parses a server URL like redis-cli: user information without a colon is
// the password.
func (o *options) setURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the URL, which may contain a password
		}
		return err
	}
	switch {
	case u.Scheme == "rediss":
		return errors.New("TLS (rediss://) is not supported")
	case u.Scheme != "redis":
		return fmt.Errorf("the URL scheme must be redis, not %q: redis://host:port", u.Scheme)
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
		o.port, _ = strconv.Atoi(p) // url.Parse accepts only digits
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		if o.db, err = strconv.Atoi(db); err != nil {
			return fmt.Errorf("database %q is not a number", db)
		}
	}
	return nil
}

func (o *options) address() string { return net.JoinHostPort(o.host, strconv.Itoa(o.port)) }

// forTerminal reports whether replies are printed with types and element numbers.
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
