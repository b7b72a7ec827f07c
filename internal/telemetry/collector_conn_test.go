package telemetry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/stats"
)

// selfSigned writes a certificate for 127.0.0.1 and its key, for both the server and the client.
func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err1 := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	err3 := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600)
	err4 := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile
}

// compressions stores the compression of the last request.
type compressions struct{ last atomic.Pointer[string] }

func (*compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*compressions) HandleConn(context.Context, stats.ConnStats)                       {}
func (c *compressions) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, ok := s.(*stats.InHeader); ok {
		c.last.Store(&header.Compression)
	}
}

func TestTLSHeadersAndCompression(t *testing.T) {
	certFile, keyFile := selfSigned(t)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	authority := x509.NewCertPool()
	pemBytes, _ := os.ReadFile(certFile)
	authority.AppendCertsFromPEM(pemBytes)
	seen := new(compressions)
	r := newReceiver(t, "", grpc.StatsHandler(seen), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority,
	})))
	tel := mustStart(t, Options{Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+r.addr, // loopback, but a certificate is set: TLS
		"OTEL_EXPORTER_OTLP_CERTIFICATE="+certFile,
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE="+certFile,
		"OTEL_EXPORTER_OTLP_CLIENT_KEY="+keyFile,
		"OTEL_EXPORTER_OTLP_HEADERS=Api-Key=a%20b,other=",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
	)})
	tel.Sink().Emit([]Record{serverRecord("secret", sampled(), 1)})
	mustShutdown(t, tel)
	if spans, _ := r.spans(t); spans["secret"] == nil {
		t.Error("the receiver did not get the span")
	}
	if got := r.header("api-key"); got != "a b" {
		t.Errorf("header api-key: %q", got)
	}
	if got := seen.last.Load(); got == nil || *got != "gzip" {
		t.Error("the requests were not compressed")
	}
	if agent := r.header("user-agent"); !strings.HasPrefix(agent, "OTel-OTLP-Exporter-Go/1.") {
		t.Errorf("user agent %q", agent)
	}
}

func TestSignalsWithEqualSettingsShareOneConnection(t *testing.T) {
	tel := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT=" + freeAddr(t))})
	if len(tel.conns) != 1 || tel.traceConn != tel.metricsConn {
		t.Errorf("%d connections, want 1 for both signals", len(tel.conns))
	}
	other := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT="+freeAddr(t), "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://"+freeAddr(t))})
	if len(other.conns) != 2 {
		t.Errorf("%d connections, want 2", len(other.conns))
	}
}

func TestUnreachableCollectorIsLoggedAtABoundedRate(t *testing.T) {
	var logs logBuffer
	now := time.Unix(0, 0)
	h := newExportHealth(logs.logger(), "collector:4317", func() time.Time { return now })
	wantLogged := func(step string, failed, recovered, rejected int) {
		t.Helper()
		f, w, r := logs.count("export failed"), logs.count("export recovered"), logs.count("rejected part")
		if f != failed || w != recovered || r != rejected {
			t.Errorf("%s: logged failed %d, recovered %d, rejected %d times; want %d, %d, %d", step, f, w, r, failed, recovered, rejected)
		}
	}
	h.succeeded(0, "")
	wantLogged("success", 0, 0, 0)
	for range 100 {
		h.failed(errors.New("down"))
		now = now.Add(time.Second)
	}
	wantLogged("100 seconds of failure", 2, 0, 0)
	h.succeeded(0, "")
	h.succeeded(0, "")
	wantLogged("recovery", 2, 1, 0)
	h.failed(errors.New("down"))
	wantLogged("second failure", 3, 1, 0)
	h.succeeded(1, "")
	h.succeeded(0, "a warning")
	wantLogged("rejection", 3, 2, 1)
	now = now.Add(2 * warnInterval)
	h.succeeded(0, "a warning")
	wantLogged("later rejection", 3, 2, 2)
}

func TestRepeatedErrorsAreRateLimited(t *testing.T) {
	var logs logBuffer
	now := time.Unix(0, 0)
	logError := rateLimitedWarn(logs.logger(), &rateLimiter{now: func() time.Time { return now }}, "oh")
	for range 10 {
		logError(errors.New("no"))
	}
	now = now.Add(warnInterval)
	logError(errors.New("no"))
	if logs.count(`"msg":"oh"`) != 2 || logs.count(`"held_back":9`) != 1 {
		t.Errorf("log:\n%s", logs.String())
	}
}
