// Package program holds what every program of the project shares: flags with
// environment fallbacks, the version, signal handling and exit codes. Each
// main.go under services/ and examples/ only calls [Main].
package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// EnvPrefix is the prefix of the environment variables that set flags:
// MINI_REDIS_ADMIN_ADDR sets -admin-addr.
const EnvPrefix = "MINI_REDIS_"

// [Parse] returns ErrHelp or ErrVersion after it has printed the help or the
// version. The program then exits with code 0.
var (
	ErrHelp    = flag.ErrHelp
	ErrVersion = errors.New("version printed")
)

// Flags returns an empty flag set. Its help is the text about, followed by the flags.
func Flags(name, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "%s\n\nUsage: %s [flags]\n\nFlags. The environment variable %s<NAME> sets a flag that is not on the command line:\n", about, name, EnvPrefix)
		fs.PrintDefaults()
	}
	return fs
}

// Parse parses args, then sets each flag that args do not set from its
// environment variable. An empty variable counts as unset. Variables with the
// prefix that match no flag are ignored, because Kubernetes sets some
// (MINI_REDIS_SERVICE_HOST). --version prints the version to stdout and returns
// [ErrVersion]; --help prints the help to stdout and returns [ErrHelp]; any
// other error is an [*Error] with [ExitUsage].
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

// parseQuietly parses without the output of package flag, which prints the
// whole help after each error.
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

// EnvName returns the environment variable that sets the flag.
func EnvName(flagName string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// version is set by release builds: -ldflags "-X mini-redis/internal/program.version=1.2.3".
var version = "0.1.0-dev"

// Version returns the program's version, with the revision in parentheses if it is known.
func Version() string {
	if r := Revision(); r != "" {
		return version + " (" + r + ")"
	}
	return version
}

// Number returns the version without the revision, for the resource attribute service.version.
func Number() string { return version }

// Revision returns the first 12 digits of the commit the program was built
// from, with the suffix "-dirty" if the working tree had changes. It returns ""
// if the build information has no commit.
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
