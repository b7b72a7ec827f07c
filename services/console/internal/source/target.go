package source

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console"
)

// Spec says how to reach a target.
type Spec struct {
	Name    string
	Console string // address of its console for gRPC, "" where only its profiles are watched
	Pprof   string // URL of its profiles, ""
	TLS     *tls.Config
	Token   string
}

// ParseSpec reads a target as it is given on the command line:
//
//	[NAME=]ADDRESS[,pprof=ADDRESS]
//
// where ADDRESS is host:port, host (the console's own port is meant), an
// http:// or https:// URL, or for a console file:///path/to/a/socket. With
// pprof= alone only the profiles are watched. security is for https.
func ParseSpec(text string, security *tls.Config, token string) (Spec, error) {
	s := Spec{Token: token}
	rest := text
	if name, after, ok := strings.Cut(rest, "="); ok && name != "pprof" && !strings.ContainsAny(name, ":/,") {
		s.Name, rest = name, after
	}
	for _, part := range strings.Split(rest, ",") {
		var err error
		if addr, ok := strings.CutPrefix(part, "pprof="); ok {
			s.Pprof, err = pprofURL(addr)
		} else if s.Console == "" {
			s.Console, s.TLS, err = consoleAddress(part, security)
		} else {
			err = fmt.Errorf("two addresses")
		}
		if err != nil {
			return Spec{}, fmt.Errorf("target %q: %w", text, err)
		}
	}
	if s.Name == "" {
		s.Name = strings.TrimPrefix(strings.TrimPrefix(rest, "http://"), "https://")
	}
	return s, nil
}

func consoleAddress(text string, security *tls.Config) (string, *tls.Config, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", nil, err
	}
	switch u.Scheme {
	case "file", "unix":
		if u.Path == "" {
			return "", nil, fmt.Errorf("no path")
		}
		return "unix://" + u.Path, nil, nil
	case "http", "https":
	default:
		return "", nil, fmt.Errorf("a scheme that is not known: %s", u.Scheme)
	}
	if u.Hostname() == "" {
		return "", nil, fmt.Errorf("no host")
	}
	port := u.Port()
	if port == "" {
		_, port, _ = net.SplitHostPort(console.DefaultAddr)
	}
	addr := "dns:///" + net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "http" {
		return addr, nil, nil
	}
	if security == nil {
		security = &tls.Config{}
	}
	return addr, security, nil
}

func pprofURL(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no address of profiles", text)
	}
	return u.String(), nil
}

func (s Spec) dial() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if s.TLS != nil {
		creds = credentials.NewTLS(s.TLS)
	}
	return grpc.NewClient(s.Console,
		grpc.WithTransportCredentials(creds),
		// A program may put everything into its first update.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20)),
	)
}
