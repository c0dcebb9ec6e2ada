package identity

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"remit/terms"
)

func TestTheZeroVerifierTrustsNoToken(t *testing.T) {
	claims, err := (&Verifier{}).Verify(context.Background(), "eyJhbGciOiJub25lIn0.e30.", "a", time.Unix(0, 0))
	if !errors.Is(err, ErrUntrusted) || claims.User.ID != "" || !claims.Lane.IsZero() {
		t.Errorf("got %v, %v", claims, err)
	}
	// Nor one that is well made.
	raw, audience := newDelegated(t).minted(t)
	if _, err := (&Verifier{}).Verify(context.Background(), raw, audience, noon); !errors.Is(err, ErrUntrusted) {
		t.Errorf("got %v", err)
	}
	if _, err := (&Verifier{}).VerifyCall(context.Background(), raw, audience, [32]byte{}, noon); !errors.Is(err, ErrUntrusted) {
		t.Errorf("got %v", err)
	}
}

var (
	ctx    = context.Background()
	noon   = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	loans  = terms.Lane{Platform: "meridian", Environment: "prod", Agent: "loan", Name: "stable"}
	canary = terms.Lane{Platform: "meridian", Environment: "prod", Agent: "loan", Name: "canary"}
	alice  = terms.User{ID: "auth0|alice", Tenant: "acme", Roles: []string{"underwriter", "senior_underwriter"}}
)

const (
	issuerURL = "https://issuer.prod.meridian.example"
	loginURL  = "https://login.meridian.example/"
)

func newSigner(t testing.TB, alg Algorithm) *LocalSigner {
	t.Helper()
	s, err := NewLocalSigner(alg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jwksOf(t testing.TB, signers ...*LocalSigner) []byte {
	t.Helper()
	var keys []PublicKey
	for _, s := range signers {
		keys = append(keys, s.Public())
	}
	set, err := JWKS(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newVerifier(t testing.TB, issuers ...Issuer) *Verifier {
	t.Helper()
	v, err := NewVerifier(Policy{Issuers: issuers})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// delegated is a lane's gateway and the issuer it trusts.
type delegated struct {
	signer   *LocalSigner
	verifier *Verifier
}

func newDelegated(t testing.TB) delegated {
	s := newSigner(t, ES256)
	return delegated{s, newVerifier(t, delegationIssuer(jwksOf(t, s)))}
}

func delegationIssuer(keys []byte) Issuer {
	return Issuer{
		URL: issuerURL, Kind: KindDelegation, Audiences: []string{loans.String()}, Algorithms: []Algorithm{ES256, RS256},
		Types: []string{"at+jwt"}, MaxAge: 8 * time.Hour, Keys: KeySource{Fixed: keys},
	}
}

func loginIssuer(keys []byte) Issuer {
	return Issuer{
		URL: loginURL, Kind: KindLogin, Audiences: []string{"agents"}, Algorithms: []Algorithm{ES256, RS256, PS256},
		Types: []string{"at+jwt", "JWT"}, MaxAge: time.Hour, Keys: KeySource{Fixed: keys},
		Mapping: &Mapping{User: "sub", Tenant: "org_id", Roles: "groups", Map: map[string]string{"LN-UW": "underwriter", "LN-SUW": "senior_underwriter"}},
	}
}

func loanRun() Delegation {
	return Delegation{
		Issuer: issuerURL, User: alice, Lane: loans, Execution: "exec-0123456789012345678901234567890",
		Purpose: "loan-application", Deadline: noon.Add(10 * time.Minute),
	}
}

func (d delegated) minted(t testing.TB) (raw, audience string) {
	t.Helper()
	raw, err := Mint(ctx, d.signer, loanRun(), noon)
	if err != nil {
		t.Fatal(err)
	}
	return raw, loans.String()
}

func loginClaims() object {
	return object{
		"iss": loginURL, "sub": "auth0|alice", "aud": "agents", "exp": noon.Add(30 * time.Minute).Unix(), "iat": noon.Unix(), "nbf": noon.Unix(),
		"jti": "j1", "org_id": "acme", "groups": []any{"LN-UW", "everyone", "LN-SUW"},
	}
}

func delegationClaimsNow() object {
	return object{
		"iss": issuerURL, "sub": "auth0|alice", "aud": loans.String(), "exp": noon.Add(12 * time.Minute).Unix(), "iat": noon.Unix(), "nbf": noon.Unix(),
		"jti": "j2", "act": object{"sub": loans.String()}, "tenant": "acme", "roles": []any{"underwriter"}, "roles_s": ".underwriter.",
		"execution": "exec-1", "purpose": "loan-application",
	}
}

func with(o object, name string, value any) object {
	o = maps.Clone(o)
	o[name] = value
	return o
}

func without(o object, name string) object {
	o = maps.Clone(o)
	delete(o, name)
	return o
}

// headerOf is the header a signer's token ought to have.
func headerOf(s *LocalSigner, typ string) object {
	kid, alg := s.Key()
	return object{"alg": string(alg), "kid": kid, "typ": typ}
}

// craft signs whatever it is given, as an issuer gone wrong might.
func craft(t testing.TB, s Signer, header, payload any) string {
	t.Helper()
	signed := part(t, header) + "." + part(t, payload)
	sig, _, err := s.Sign(ctx, sha256.Sum256([]byte(signed)))
	if err != nil {
		t.Fatal(err)
	}
	if _, alg := s.Key(); alg == ES256 {
		if sig, err = fromASN1(sig); err != nil {
			t.Fatal(err)
		}
	}
	return signed + "." + base64url.EncodeToString(sig)
}

func part(t testing.TB, value any) string {
	if text, ok := value.(string); ok {
		return base64url.EncodeToString([]byte(text))
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return base64url.EncodeToString(b)
}

func reason(t testing.TB, err error) Reason {
	t.Helper()
	if err == nil {
		return "accepted"
	}
	var refusal *Refusal
	if !errors.Is(err, ErrUntrusted) || !errors.As(err, &refusal) {
		t.Fatalf("a caller cannot tell that this is a refusal: %v", err)
	}
	if err.Error() != ErrUntrusted.Error() {
		t.Fatalf("a caller learns more than that it was refused: %v", err)
	}
	return refusal.Reason
}

func mustMarshal(t testing.TB, value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
