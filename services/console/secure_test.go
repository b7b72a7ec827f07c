package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mini-redis/console"
)

// certify returns a certificate for 127.0.0.1 and a file with the CA certificate.
func certify(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTokenOverTLS(t *testing.T) {
	cert, ca := certify(t)
	c := console.New(console.Options{PublishInterval: 20 * ms})
	c.NewTask(console.TaskOptions{Name: "secret"})
	s, err := c.Listen(console.ServeOptions{Addr: "0.0.0.0:0", Token: "open sesame", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		_ = s.Close(ctx)
	}()
	_, port, _ := net.SplitHostPort(s.Addr().String())
	target := "https://127.0.0.1:" + port
	if got := exported(t, "-ca", ca, "-token", "open sesame", target); len(got.Tasks) != 1 || got.Tasks[0].Name != "secret" {
		t.Errorf("unexpected tasks: %+v", got.Tasks)
	}
	if got := exported(t, "-insecure", "-token", "open sesame", target); len(got.Tasks) != 1 {
		t.Errorf("unexpected tasks: %+v", got.Tasks)
	}
	f := func(want string, args ...string) {
		t.Helper()
		if _, err := call(t.Context(), append([]string{"export", "-duration", "500ms"}, args...)...); exitCode(err) != exitFailed || !strings.Contains(err.Error(), want) {
			t.Errorf("arguments %q: unexpected error %v", args, err)
		}
	}
	f("asks for a token", "-ca", ca, target)
	f("asks for a token", "-ca", ca, "-token", "open", target)
	f("certificate", "-token", "open sesame", target)
	f("not reachable", "-token", "open sesame", "127.0.0.1:"+port)
}
