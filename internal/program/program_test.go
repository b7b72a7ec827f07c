package program

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

type settings struct {
	addr string
	wait time.Duration
}

func parse(args []string, env map[string]string) (s settings, fs *flag.FlagSet, stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	fs = Flags("prog", "prog does a thing.")
	fs.StringVar(&s.addr, "admin-addr", "default", "where")
	fs.DurationVar(&s.wait, "wait", time.Second, "how long")
	err = Parse(fs, args, func(k string) string { return env[k] }, &out)
	Exit(err, &errs)
	return s, fs, out.String(), errs.String(), err
}

func TestFlagOverridesEnvironmentOverridesDefault(t *testing.T) {
	f := func(args []string, env map[string]string, want string) {
		t.Helper()
		s, _, _, stderr, err := parse(args, env)
		if err != nil || s.addr != want {
			t.Errorf("%v %v: %q, %v %s; want %q", args, env, s.addr, err, stderr, want)
		}
	}
	env := map[string]string{"MINI_REDIS_ADMIN_ADDR": "env", "MINI_REDIS_SERVICE_PORT": "6379"}
	f(nil, nil, "default")
	f(nil, env, "env")
	f([]string{"-admin-addr", "flag"}, env, "flag")
}

func TestInvalidInputPrintsOneLine(t *testing.T) {
	f := func(args []string, env map[string]string, want string) {
		t.Helper()
		_, _, stdout, stderr, err := parse(args, env)
		if Exit(err, io.Discard) != ExitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v %v: error %v, stdout %q, stderr %q, want one line on stderr with %q", args, env, err, stdout, stderr, want)
		}
	}
	f([]string{"-nope"}, nil, "flag provided but not defined: -nope")
	f([]string{"-wait", "x"}, nil, `invalid value "x"`)
	f(nil, map[string]string{"MINI_REDIS_WAIT": "soon"}, `MINI_REDIS_WAIT="soon"`)
}

func TestHelpAndVersionGoToStdout(t *testing.T) {
	_, _, stdout, stderr, err := parse([]string{"--help"}, nil)
	if !errors.Is(err, ErrHelp) || Exit(err, io.Discard) != ExitOK || stderr != "" || !strings.Contains(stdout, "-admin-addr") {
		t.Errorf("help: %v, stdout %q, stderr %q", err, stdout, stderr)
	}
	_, _, stdout, stderr, err = parse([]string{"--version"}, nil)
	if !errors.Is(err, ErrVersion) || Exit(err, io.Discard) != ExitOK || stderr != "" || !strings.HasPrefix(stdout, "prog ") {
		t.Errorf("version: %v, stdout %q, stderr %q", err, stdout, stderr)
	}
}
