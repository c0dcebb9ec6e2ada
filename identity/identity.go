// Package identity says who is asking: it verifies tokens strictly and mints delegation
// tokens. It knows JWS and JWKS; it knows no tool, no limit and no AWS service beyond
// the [Signer] port, and reaches the network only through [Fetch]. Start with
// [Verifier.Verify]. The zero [Verifier] trusts no issuer and the zero [Claims] name
// nobody.
package identity

import (
	"context"
	"time"

	"remit/terms"
)

// Claims are what a verified token says, and nothing unverified. Lane, Execution and
// Purpose are those of a delegation token; a user's own token names none.
type Claims struct {
	Issuer    string
	Audience  string // the one it was accepted for
	JTI       string
	Client    string // the application that asked for a user's own token: client_id (RFC 9068), or azp (OpenID Connect)
	User      terms.User
	Lane      terms.Lane
	Execution terms.ExecutionID
	Purpose   string
	IssuedAt  time.Time
	Expires   time.Time // as the token says, without leeway
	LoggedIn  time.Time // of a user's own token: when the user last proved who they are: auth_time (RFC 9068), or IssuedAt where the token does not say
}

// Algorithm is a JWS signature algorithm by its registered name (RFC 7518 §3.1).
type Algorithm string

// The algorithms a policy may allow: asymmetric, SHA-256, and nothing else.
const (
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
	PS256 Algorithm = "PS256"
)

// Signer signs a SHA-256 digest with a key it never shows; kid names the public half.
// Signatures come as AWS KMS gives them: ASN.1 DER for ES256, PKCS #1 v1.5 for RS256.
type Signer interface {
	// Key says how the next token will name its key, because the name is signed too.
	Key() (kid string, alg Algorithm)
	// Sign also says which key signed, so that a key replaced in between is noticed.
	Sign(ctx context.Context, digest [32]byte) (sig []byte, kid string, err error)
}
