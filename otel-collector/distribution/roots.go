package main

// The root certificates are compiled in, because the container image contains only this program.
// The system's certificates take precedence if there are any. The builder generates the other files
// of this directory except roots_test.go, and does not change this one.
import _ "golang.org/x/crypto/x509roots/fallback"
