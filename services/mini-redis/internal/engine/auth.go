package engine

import (
	"crypto/sha256"
	"crypto/subtle"
)

// DefaultUser is the only user.
const DefaultUser = "default"

// password is what AUTH requires. Only its digest is compared: the time of a
// comparison depends neither on the length nor on the content of the password.
type password struct {
	required bool
	digest   [sha256.Size]byte
}

func (p *password) set(text string) {
	p.required, p.digest = text != "", sha256.Sum256([]byte(text))
}

// SetPassword changes the password that AUTH requires; "" requires none. Sessions
// that are authenticated stay so.
func (e *Engine) SetPassword(text string) {
	e.cfg.Password = text
	e.password.set(text)
}

// PasswordRequired reports whether clients have to authenticate.
func (e *Engine) PasswordRequired() bool { return e.password.required }

// Admits reports whether a user may authenticate with a password. If none is
// required, the default user may with any.
func (e *Engine) Admits(user, text []byte) bool {
	digest := sha256.Sum256(text)
	equal := subtle.ConstantTimeCompare(digest[:], e.password.digest[:]) == 1
	return string(user) == DefaultUser && (equal || !e.password.required)
}
