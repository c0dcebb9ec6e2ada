// Package calls is the small agreement between whoever asserts a call and whoever checks
// it: under which issuer, with which key and type. It knows no AWS service. Start with
// [Asserter] and [Verifier].
package calls

import (
	"context"
	"time"

	"remit/identity"
)

// Path is where, below the front door's URL, assertions have an issuer of their own: whoever
// may verify a call must not take it for a delegation.
const Path = "/calls"

// Asserter signs calls for the front door's issuer.
func Asserter(signer identity.Signer, door string, life time.Duration) func(context.Context, identity.Call, time.Time) (string, error) {
	return func(ctx context.Context, c identity.Call, now time.Time) (string, error) {
		c.Issuer = door + Path
		return identity.Assert(ctx, signer, c, life, now)
	}
}

// Verifier checks assertions for one tool, with keys fetched from the front door.
func Verifier(door, tool string, fetch identity.Fetch) (*identity.Verifier, error) {
	return identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{
		URL: door + Path, Kind: identity.KindCall, Audiences: []string{tool}, Algorithms: []identity.Algorithm{identity.ES256},
		Types: []string{"remit-call+jwt"}, MaxAge: identity.MaxCall, Keys: identity.KeySource{Fetch: fetch},
	}}})
}
