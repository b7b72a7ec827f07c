// Package program is what every program of the project does in the same way at
// its edge: flags with environment fallbacks, a version, exit codes.
package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// Exit codes that mean the same everywhere. A program may add its own above 2.
const (
	ExitOK    = 0
	ExitError = 1 // it could not do what was asked
	ExitUsage = 2 // it was asked wrongly
)

// EnvPrefix begins the names of the environment variables that stand in for
// flags: -admin-addr is MINI_REDIS_ADMIN_ADDR.
const EnvPrefix = "MINI_REDIS_"

// ErrHelp and ErrVersion say that the text the user asked for has been printed,
// and nothing else is to be done.
var (
	ErrHelp    = flag.ErrHelp
	ErrVersion = errors.New("version printed")
)

// Flags returns an empty flag set that prints about and the flags as its help.
func Flags(name, about string, stderr io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "%s\n\nUsage: %s [flags]\n\nFlags, each with an environment variable %s<NAME> that stands in for it:\n", about, name, EnvPrefix)
		fs.PrintDefaults()
	}
	return fs
}

// Parse reads args, then the environment for flags that args do not set.
// Variables with the prefix that belong to no flag are ignored: Kubernetes puts
// some there. --version prints the version to stdout and returns [ErrVersion];
// --help prints to stdout and returns [ErrHelp]; any other error has been
// printed with how to get help.
func Parse(fs *flag.FlagSet, args []string, getenv func(string) string, stdout io.Writer) error {
	version := fs.Bool("version", false, "print the version and exit")
	stderr := fs.Output()
	if asksForHelp(args) {
		fs.SetOutput(stdout)
	}
	if err := parseQuietly(fs, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fs.Usage()
			return ErrHelp
		}
		fmt.Fprintf(stderr, "%s: %v (--help lists the flags)\n", fs.Name(), err)
		return err
	}
	if *version {
		fmt.Fprintf(stdout, "%s %s\n", fs.Name(), Version())
		return ErrVersion
	}
	if err := fromEnvironment(fs, getenv); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", fs.Name(), err)
		return err
	}
	return nil
}

// ExitCode is what a program exits with after Parse has returned err.
func ExitCode(err error) int {
	if err == nil || errors.Is(err, ErrHelp) || errors.Is(err, ErrVersion) {
		return ExitOK
	}
	return ExitUsage
}

// parseQuietly parses without the flag package's own printing, which repeats
// the whole help after each error.
func parseQuietly(fs *flag.FlagSet, args []string) error {
	out, usage := fs.Output(), fs.Usage
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	defer func() { fs.SetOutput(out); fs.Usage = usage }()
	return fs.Parse(args)
}

func asksForHelp(args []string) bool {
	for _, a := range args {
		if a == "-help" || a == "--help" || a == "-h" {
			return true
		}
	}
	return false
}

func fromEnvironment(fs *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{"version": true}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		name := EnvName(f.Name)
		value := getenv(name)
		if given[f.Name] || value == "" {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", name, value, err))
		}
	})
	return errors.Join(errs...)
}

// EnvName is the environment variable of a flag.
func EnvName(flagName string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// version is set by release builds: -ldflags "-X mini-redis/internal/program.version=1.2.3".
var version = "0.1.0-dev"

// Version is the program's version with the revision it was built from.
func Version() string {
	if r := Revision(); r != "" {
		return version + " (" + r + ")"
	}
	return version
}

// Number is the version without the revision, as telemetry carries it.
func Number() string { return version }

// Revision is the commit the program was built from, with "-dirty" behind it
// when the tree had changes, or "" when it is not known.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}

// Main runs a program and ends the process with its exit code. run gets the
// arguments without the program's name.
func Main(run func(args []string, getenv func(string) string, stdout, stderr io.Writer) int) {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
