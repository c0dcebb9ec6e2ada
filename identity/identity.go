// Package identity says who is asking: it verifies tokens strictly and mints delegation
// tokens. It knows JWS and JWKS; it knows no tool, no limit and no AWS service beyond
// the [Signer] port. Start with [Verifier.Verify]. The zero [Verifier] trusts no issuer
// and the zero [Claims] name nobody.
package identity

import (
	"context"
	"errors"
	"time"

	"remit/terms"
)

// ErrUntrusted means the token proves nothing. It carries no detail, because details of
// a refusal help an attacker; operators read them in the log.
var ErrUntrusted = errors.New("identity: token refused")

// Claims are what a verified token says, and nothing unverified.
type Claims struct {
	User      terms.User
	Lane      terms.Lane
	Execution terms.ExecutionID
	Purpose   string
	Expires   time.Time
}

// Verifier verifies tokens of the issuers it was made with.
type Verifier struct{}

// Verify checks everything about a token at the given time, for one audience, and fails
// with [ErrUntrusted].
func (v *Verifier) Verify(ctx context.Context, raw, audience string, now time.Time) (Claims, error) {
	return Claims{}, ErrUntrusted
}

// Signer signs a SHA-256 digest with a key it never shows; kid names the public half.
type Signer interface {
	Sign(ctx context.Context, digest [32]byte) (sig []byte, kid string, err error)
}
