package program

// The certificate authorities are compiled in, for images that hold a program
// and nothing else; the system's own are used where there are some.
import _ "golang.org/x/crypto/x509roots/fallback"
