package telemetry

import (
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// dialConfig holds the settings of a connection. It is comparable: exporters with equal values
// share one connection.
type dialConfig struct {
	address       string // a gRPC target, e.g. localhost:4317 or unix:///run/otel.sock
	plaintext     bool   // no TLS
	ca, cert, key string // PEM files
	gzip          bool
}

// exporterConfig holds the settings of the exporter of one signal.
type exporterConfig struct {
	dialConfig
	headers map[string]string
	timeout time.Duration // of one attempt; 0 means no timeout
}

// The default ports: 4317 for OTLP over gRPC, 443 for an https:// endpoint.
const (
	defaultPort      = "4317"
	defaultHTTPSPort = "443"
	defaultEndpoint  = "localhost:" + defaultPort
	defaultTimeout   = 10 * time.Second
)

// exporterConfig reads the settings of a signal (TRACES or METRICS).
// OTEL_EXPORTER_OTLP_<signal>_<setting> takes precedence over OTEL_EXPORTER_OTLP_<setting>.
func (e *env) exporterConfig(signal string) exporterConfig {
	names := func(setting string) []string {
		return []string{"OTEL_EXPORTER_OTLP_" + signal + "_" + setting, "OTEL_EXPORTER_OTLP_" + setting}
	}
	if name, v := e.first(names("PROTOCOL")...); v != "" && v != "grpc" {
		e.invalid(name, v, "grpc; no other protocol is built in (a collector receives gRPC on port 4317 and HTTP on port 4318)")
	}
	var x exporterConfig
	x.timeout = e.millis(defaultTimeout, 0, names("TIMEOUT")...)
	if name, v := e.first(names("COMPRESSION")...); v != "" {
		x.gzip = v == "gzip"
		if v != "gzip" && v != "none" {
			e.invalid(name, v, "gzip or none")
		}
	}
	_, x.ca = e.first(names("CERTIFICATE")...)
	certName, cert := e.first(names("CLIENT_CERTIFICATE")...)
	keyName, key := e.first(names("CLIENT_KEY")...)
	if (cert == "") != (key == "") {
		e.invalid(certName, cert, "set together with "+keyName)
	}
	x.cert, x.key = cert, key
	x.headers = e.headers(names("HEADERS")...)
	e.endpoint(&x.dialConfig, names)
	return x
}

// endpoint sets the address and whether to use TLS. The first of these that is present decides
// about TLS: the scheme, OTEL_EXPORTER_OTLP_INSECURE, a certificate (which means TLS). Without any
// of them a loopback address uses plaintext and every other address TLS. The loopback rule is
// specific to this project: the Go exporters use TLS for localhost:4317 too, so the traces of a
// default setup would not reach a local collector.
func (e *env) endpoint(d *dialConfig, names func(string) []string) {
	name, value := e.first(names("ENDPOINT")...)
	if value == "" {
		value = defaultEndpoint
	}
	insecure, insecureSet := e.boolean(names("INSECURE")...)

	if socket, isUnix := strings.CutPrefix(value, "unix:"); isUnix {
		socket = strings.TrimPrefix(socket, "//")
		if !path.IsAbs(socket) {
			e.invalid(name, value, "unix:// followed by an absolute path")
			return
		}
		d.address, d.plaintext = "unix://"+socket, true
		return
	}
	host, port, scheme := e.hostPort(name, value)
	if host == "" {
		return // hostPort has recorded the error
	}
	switch {
	case scheme == "http":
		d.plaintext = true
	case scheme == "https":
		d.plaintext = false
	case insecureSet:
		d.plaintext = insecure
	default:
		d.plaintext = d.ca == "" && d.cert == "" && isLoopback(host)
	}
	d.address = net.JoinHostPort(host, port)
}

// hostPort splits an endpoint: http://host:port, https://host:port, host:port or host. An invalid
// one yields an empty host.
func (e *env) hostPort(name, value string) (host, port, scheme string) {
	const want = "http://host:port (plaintext), https://host:port (TLS), host:port or unix:///path"
	authority := value
	port = defaultPort
	if before, _, found := strings.Cut(value, "://"); found {
		u, err := url.Parse(value)
		scheme = strings.ToLower(before)
		switch {
		case err != nil || scheme != "http" && scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			e.invalid(name, value, want)
			return "", "", ""
		case u.Path != "" && u.Path != "/":
			e.invalid(name, value, want+"; OTLP over gRPC has no path")
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
			e.invalid(name, value, want)
			return "", "", ""
		}
	}
	if host == "" || strings.ContainsAny(host, "/ ") || !isPort(port) {
		e.invalid(name, value, want)
		return "", "", ""
	}
	return host, port, scheme
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// isLoopback reports whether host is a loopback address or a localhost name (RFC 6761).
func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// headers returns the metadata sent with every export. gRPC requires names in lower case.
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
