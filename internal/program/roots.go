package program

// The root certificates are compiled in, for container images without any.
// Go uses the system's root certificates if there are some.
import _ "golang.org/x/crypto/x509roots/fallback"
