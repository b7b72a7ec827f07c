//go:build unix && !darwin

package program

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// TestRootsAreCompiledIn runs itself as a subprocess without root certificates of the system, as in
// an image FROM scratch.
func TestRootsAreCompiledIn(t *testing.T) {
	const nowhere = "/nonexistent"
	if os.Getenv("SSL_CERT_FILE") != nowhere {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRootsAreCompiledIn$", "-test.v")
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+nowhere, "SSL_CERT_DIR="+nowhere)
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
	//lint:ignore SA1019 Subjects omits the platform's roots, which this test does not count
	roots := len(pool.Subjects())
	if roots < 100 {
		t.Errorf("%d root certificates, want at least 100", roots)
	}
}
