// Package login is how the company's users prove who they are: tokens of the declared
// identity provider, and where a browser goes to get one. It knows one issuer, as the
// environment's entrance names it, and decides nothing about what a user may do. Start with
// [Verifier].
package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"remit/identity"
	"remit/policy"
)

// Oldest is the oldest token of the company's that is still looked at.
const Oldest = 12 * time.Hour

// client gives up on an issuer that is slow: a user waits.
var client = &http.Client{Timeout: 5 * time.Second}

// Verifier trusts the company's identity provider for access tokens of one audience. Some
// providers write typ JWT on access tokens too; what marks an ID token is refused by its claims.
func Verifier(login policy.Login, audience string) (*identity.Verifier, error) {
	return identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{
		URL: login.Issuer, Kind: identity.KindLogin, Audiences: []string{audience},
		Algorithms: []identity.Algorithm{identity.RS256, identity.ES256, identity.PS256}, Types: []string{"at+jwt", "JWT"}, MaxAge: Oldest,
		Keys:    identity.KeySource{Fetch: identity.OverHTTP(client)},
		Mapping: &identity.Mapping{User: login.User, Tenant: login.Tenant, Roles: login.Roles, Map: login.Map},
	}}})
}

// Endpoints is where a browser asks for a code, and where it exchanges one for a token
// (OpenID Connect Discovery 1.0 §3).
type Endpoints struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
}

// Provider reads the endpoints of the declared issuer. Issuer and Fetch are required.
type Provider struct {
	Issuer string
	Fetch  identity.Fetch

	mu    sync.Mutex
	found Endpoints
	until time.Time
}

// NewProvider asks over HTTP.
func NewProvider(issuer string) *Provider {
	return &Provider{Issuer: issuer, Fetch: identity.OverHTTP(client)}
}

// fresh is how long the endpoints of an issuer are believed.
const fresh = time.Hour

// Endpoints answers them. It fails for a document that is another issuer's, and for an
// endpoint without the transport that the issuer itself has: codes and tokens go there.
func (p *Provider) Endpoints(ctx context.Context) (Endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.until) {
		return p.found, nil
	}
	text, err := p.Fetch(ctx, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return Endpoints{}, fmt.Errorf("the issuer's discovery document: %w", err)
	}
	found, err := p.read(text)
	if err != nil {
		return Endpoints{}, err
	}
	p.found, p.until = found, time.Now().Add(fresh)
	return found, nil
}

func (p *Provider) read(text []byte) (Endpoints, error) {
	var document struct {
		Issuer string `json:"issuer"`
		Endpoints
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return Endpoints{}, fmt.Errorf("the issuer's discovery document: %w", err)
	}
	if document.Issuer != p.Issuer {
		return Endpoints{}, errors.New("the discovery document is of another issuer")
	}
	for _, endpoint := range []string{document.Authorization, document.Token} {
		if !p.safe(endpoint) {
			return Endpoints{}, fmt.Errorf("the issuer's endpoint %q is no address that a token may go to", endpoint)
		}
	}
	return document.Endpoints, nil
}

func (p *Provider) safe(endpoint string) bool {
	scheme, _, _ := strings.Cut(p.Issuer, ":")
	u, err := url.Parse(endpoint)
	return err == nil && u.Scheme == scheme && u.Host != "" && u.User == nil && u.Fragment == ""
}
