package main

// The certificate authorities are compiled in, since the image holds this program and nothing else; the system's own are used
// where there are some. The builder writes the other files of this folder and leaves this one alone.
import _ "golang.org/x/crypto/x509roots/fallback"
