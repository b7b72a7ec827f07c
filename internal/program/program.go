// Package program is what every program of the project does in the same way at
// its edge: flags with environment fallbacks, a version, exit codes.
package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
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
func Flags(name, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "%s\n\nUsage: %s [flags]\n\nFlags, each with an environment variable %s<NAME> that stands in for it:\n", about, name, EnvPrefix)
		fs.PrintDefaults()
	}
	return fs
}

// Parse reads args, then the environment for flags that args do not set.
// Variables with the prefix that belong to no flag are ignored: Kubernetes puts
// some there. --version prints the version to stdout and returns [ErrVersion];
// --help prints the help to stdout and returns [ErrHelp]; any other error is an
// [*Error] with [ExitUsage], one sentence that says what is wrong.
func Parse(fs *flag.FlagSet, args []string, getenv func(string) string, stdout io.Writer) error {
	version := fs.Bool("version", false, "print the version and exit")
	err := parseQuietly(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(stdout)
		fs.Usage()
		return ErrHelp
	}
	if err != nil {
		return Errorf(ExitUsage, "%w (--help lists the flags)", err)
	}
	if *version {
		fmt.Fprintf(stdout, "%s %s\n", fs.Name(), Version())
		return ErrVersion
	}
	return fromEnvironment(fs, getenv)
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
	if err := errors.Join(errs...); err != nil {
		return Errorf(ExitUsage, "%w", err)
	}
	return nil
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
