package telemetry

import (
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// dialing is everything that decides how a connection is made. It is comparable: equal values can share one connection.
type dialing struct {
	address       string // a gRPC target, e.g. localhost:4317 or unix:///run/otel.sock
	plain         bool   // no TLS
	ca, cert, key string // PEM files
	gzip          bool
}

// exporting is how one signal is exported.
type exporting struct {
	dialing
	headers map[string]string
	timeout time.Duration // of one attempt; 0 means none
}

// The ports an endpoint without one means: OTLP's own for plain text, that of HTTPS for TLS by URL.
const (
	defaultPort      = "4317"
	defaultHTTPSPort = "443"
	defaultEndpoint  = "localhost:" + defaultPort
	defaultTimeout   = 10 * time.Second
)

// exporting reads how signal (TRACES or METRICS) is exported: OTEL_EXPORTER_OTLP_<signal>_<setting>, or without the signal.
func (e *env) exporting(signal string) exporting {
	names := func(setting string) []string {
		return []string{"OTEL_EXPORTER_OTLP_" + signal + "_" + setting, "OTEL_EXPORTER_OTLP_" + setting}
	}
	if name, v := e.first(names("PROTOCOL")...); v != "" && v != "grpc" {
		e.bad(name, v, "grpc: nothing else is built in (a collector takes gRPC on port 4317, HTTP on 4318)")
	}
	var x exporting
	x.timeout = e.millis(defaultTimeout, 0, names("TIMEOUT")...)
	if name, v := e.first(names("COMPRESSION")...); v != "" {
		x.gzip = v == "gzip"
		if v != "gzip" && v != "none" {
			e.bad(name, v, "gzip or none")
		}
	}
	_, x.ca = e.first(names("CERTIFICATE")...)
	certName, cert := e.first(names("CLIENT_CERTIFICATE")...)
	keyName, key := e.first(names("CLIENT_KEY")...)
	if (cert == "") != (key == "") {
		e.bad(certName, cert, "set together with "+keyName)
	}
	x.cert, x.key = cert, key
	x.headers = e.headers(names("HEADERS")...)
	e.endpoint(&x.dialing, names)
	return x
}

// endpoint decides where to, and whether with TLS. The scheme decides when there is one; then OTEL_EXPORTER_OTLP_INSECURE; then a
// certificate means TLS; and without any of them loopback is plain text and everything else TLS. That last rule is this project's:
// the Go exporters use TLS for localhost:4317 too, and lose a newcomer's first trace.
func (e *env) endpoint(d *dialing, names func(string) []string) {
	name, value := e.first(names("ENDPOINT")...)
	if value == "" {
		value = defaultEndpoint
	}
	insecure, insecureSet := e.boolean(names("INSECURE")...)

	if socket, isUnix := strings.CutPrefix(value, "unix:"); isUnix {
		socket = strings.TrimPrefix(socket, "//")
		if !path.IsAbs(socket) {
			e.bad(name, value, "unix:// and an absolute path")
			return
		}
		d.address, d.plain = "unix://"+socket, true
		return
	}
	host, port, scheme := e.hostPort(name, value)
	if host == "" {
		return // told already
	}
	switch {
	case scheme == "http":
		d.plain = true
	case scheme == "https":
		d.plain = false
	case insecureSet:
		d.plain = insecure
	default:
		d.plain = d.ca == "" && d.cert == "" && isLoopback(host)
	}
	d.address = net.JoinHostPort(host, port)
}

// hostPort takes an endpoint apart: http://host:port, https://host:port, host:port or host.
func (e *env) hostPort(name, value string) (host, port, scheme string) {
	const want = "http://host:port (plain text), https://host:port (TLS), host:port or unix:///path"
	authority := value
	port = defaultPort
	if before, _, found := strings.Cut(value, "://"); found {
		u, err := url.Parse(value)
		scheme = strings.ToLower(before)
		switch {
		case err != nil || scheme != "http" && scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			e.bad(name, value, want)
			return "", "", ""
		case u.Path != "" && u.Path != "/":
			e.bad(name, value, want+"; OTLP over gRPC has no path")
			return "", "", ""
		}
		authority = u.Host
		if scheme == "https" {
			port = defaultHTTPSPort
		}
	}
	host = strings.Trim(authority, "[]")
	if net.ParseIP(host) == nil && strings.Contains(authority, ":") {
		var err error
		if host, port, err = net.SplitHostPort(authority); err != nil {
			e.bad(name, value, want)
			return "", "", ""
		}
	}
	if host == "" || strings.ContainsAny(host, "/ ") || !isPort(port) {
		e.bad(name, value, want)
		return "", "", ""
	}
	return host, port, scheme
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// isLoopback reports whether a host can only be this machine.
func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// headers are the metadata sent with every export. gRPC wants their names in lower case.
func (e *env) headers(names ...string) map[string]string {
	name, value := e.first(names...)
	if value == "" {
		return nil
	}
	out := make(map[string]string)
	for _, kv := range e.pairs(name, value) {
		out[strings.ToLower(kv[0])] = kv[1]
	}
	return out
}
