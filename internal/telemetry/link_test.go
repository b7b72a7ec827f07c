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

// selfSigned writes a certificate for 127.0.0.1 and its key, good for both ends.
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

// compressions remembers how the newest request was compressed.
type compressions struct{ last atomic.Pointer[string] }

func (*compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*compressions) HandleConn(context.Context, stats.ConnStats)                       {}
func (c *compressions) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, ok := s.(*stats.InHeader); ok {
		c.last.Store(&header.Compression)
	}
}

func TestCertificatesHeadersAndCompression(t *testing.T) {
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
		t.Error("the span did not arrive")
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

func TestOneConnectionServesBothSignals(t *testing.T) {
	tel := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT=" + freeAddr(t))})
	if len(tel.links) != 1 || tel.traceLink != tel.metricsLink {
		t.Errorf("%d connections", len(tel.links))
	}
	other := mustStart(t, Options{Getenv: environment("OTEL_EXPORTER_OTLP_ENDPOINT="+freeAddr(t), "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://"+freeAddr(t))})
	if len(other.links) != 2 {
		t.Errorf("%d connections, want 2", len(other.links))
	}
}

func TestADeadCollectorIsToldAtABoundedRate(t *testing.T) {
	var book logBook
	now := time.Unix(0, 0)
	h := newHealth(book.logger(), "collector:4317", func() time.Time { return now })
	told := func(step string, failed, works, refused int) {
		t.Helper()
		if f, w, r := book.count("export failed"), book.count("works again"), book.count("refused a part"); f != failed || w != works || r != refused {
			t.Errorf("%s: told failed %d, works %d, refused %d; want %d, %d, %d", step, f, w, r, failed, works, refused)
		}
	}
	h.succeeded(0, "")
	told("well", 0, 0, 0)
	for range 100 {
		h.failed(errors.New("down"))
		now = now.Add(time.Second)
	}
	told("100 seconds of failure", 2, 0, 0)
	h.succeeded(0, "")
	h.succeeded(0, "")
	told("back", 2, 1, 0)
	h.failed(errors.New("down"))
	told("down again", 3, 1, 0)
	h.succeeded(1, "")
	h.succeeded(0, "a word of warning")
	told("refused", 3, 2, 1)
	now = now.Add(2 * complainEvery)
	h.succeeded(0, "a word of warning")
	told("refused later", 3, 2, 2)
}

func TestComplaintsAreHeldBack(t *testing.T) {
	var book logBook
	now := time.Unix(0, 0)
	complain := complainer(book.logger(), &seldom{now: func() time.Time { return now }}, "oh")
	for range 10 {
		complain(errors.New("no"))
	}
	now = now.Add(complainEvery)
	complain(errors.New("no"))
	if book.count(`"msg":"oh"`) != 2 || book.count(`"held_back":9`) != 1 {
		t.Errorf("log:\n%s", book.String())
	}
}
