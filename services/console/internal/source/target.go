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

// Spec describes how to connect to a target.
type Spec struct {
	Name    string
	Console string      // gRPC address of its console, "" if only its profiles are read
	Pprof   string      // URL of its net/http/pprof server, "" for none
	TLS     *tls.Config // nil: no TLS
	Token   string      // bearer token, "" for none
}

// ParseSpec parses a target of the command line:
//
//	[NAME=]ADDRESS[,pprof=ADDRESS]
//
// An ADDRESS is host:port, a host (the port is then that of [console.DefaultAddr]), or an http://
// or https:// URL. The address of a console may also be file:///path/to/a/socket. With pprof= alone
// only the profiles are read. tlsConfig is used for https:// addresses; nil is the default
// configuration.
func ParseSpec(text string, tlsConfig *tls.Config, token string) (Spec, error) {
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
			s.Console, s.TLS, err = consoleAddress(part, tlsConfig)
		} else {
			err = fmt.Errorf("more than one console address")
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

func consoleAddress(text string, tlsConfig *tls.Config) (string, *tls.Config, error) {
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
		return "", nil, fmt.Errorf("unknown scheme %q", u.Scheme)
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
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	return addr, tlsConfig, nil
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
		return "", fmt.Errorf("%q is not an http:// or https:// address of pprof", text)
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
		// A program may send all of its items in the first update.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20)),
	)
}
