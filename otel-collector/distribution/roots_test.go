//go:build unix && !darwin

package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// TestRootsAreCompiledIn runs itself without the system's root certificates, as in an image FROM
// scratch.
func TestRootsAreCompiledIn(t *testing.T) {
	const missing = "/nonexistent"
	if os.Getenv("SSL_CERT_FILE") != missing {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRootsAreCompiledIn$", "-test.v")
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+missing, "SSL_CERT_DIR="+missing)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 Subjects omits the platform's roots, which must not be counted here
	roots := len(pool.Subjects())
	t.Logf("%d root certificates", roots)
	if roots < 100 {
		t.Error("fewer than 100 root certificates")
	}
}
