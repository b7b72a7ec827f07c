//go:build unix && !darwin

package program

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// TestTheRootsAreCompiledIn runs itself where the system has no certificate authorities, as in an image FROM scratch.
func TestTheRootsAreCompiledIn(t *testing.T) {
	const nowhere = "/nonexistent"
	if os.Getenv("SSL_CERT_FILE") != nowhere {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTheRootsAreCompiledIn$", "-test.v")
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
	//lint:ignore SA1019 what it leaves out, the roots of the platform, is not to be counted here
	roots := len(pool.Subjects())
	t.Logf("%d certificate authorities are trusted", roots)
	if roots < 100 {
		t.Error("too few")
	}
}
