package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An independent library, led only by the discovery document, reads what we mint as what
// RFC 8693 says.
func TestAnyOIDCClientCanReadWhatIsMinted(t *testing.T) {
	for _, alg := range []Algorithm{ES256, RS256} {
		t.Run(string(alg), func(t *testing.T) {
			s := newSigner(t, alg)
			var server *httptest.Server
			mux := http.NewServeMux()
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				document, err := Discovery(server.URL, server.URL+"/jwks.json", alg)
				if err != nil {
					t.Error(err)
				}
				answer(w, document)
			})
			mux.HandleFunc("/jwks.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, jwksOf(t, s)) })
			server = httptest.NewServer(mux)
			defer server.Close()

			run := loanRun()
			run.Issuer = server.URL
			raw, err := Mint(ctx, s, run, noon)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jwt.Parse(raw, discovered(t, server.URL), jwt.WithValidMethods([]string{string(alg)}), jwt.WithAudience(loans.String()),
				jwt.WithIssuer(server.URL), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return noon }))
			if err != nil {
				t.Fatal(err)
			}
			claims := parsed.Claims.(jwt.MapClaims)
			delete(claims, "jti")
			got, want := mustMarshal(t, claims), mustMarshal(t, map[string]any{
				"iss": server.URL, "sub": "auth0|alice", "aud": "meridian.prod.loan.stable", "act": map[string]any{"sub": "meridian.prod.loan.stable"},
				"iat": noon.Unix(), "nbf": noon.Unix(), "exp": noon.Add(12 * time.Minute).Unix(), "tenant": "acme",
				"roles": []string{"underwriter", "senior_underwriter"}, "roles_s": ".underwriter.senior_underwriter.",
				"execution": "exec-0123456789012345678901234567890", "purpose": "loan-application",
			})
			if got != want || parsed.Header["typ"] != "at+jwt" {
				t.Errorf("got  %s\nwant %s\nheader %v", got, want, parsed.Header)
			}

			// Our own reader finds the keys the same way.
			i := delegationIssuer(nil)
			i.URL, i.Keys = server.URL, KeySource{Fetch: OverHTTP(server.Client())}
			if c, err := newVerifier(t, i).Verify(ctx, raw, loans.String(), noon); err != nil || c.User.ID != alice.ID {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

// discovered builds keys without any of our own reading code.
func discovered(t *testing.T, issuer string) jwt.Keyfunc {
	get := func(url string, into any) {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if err := json.NewDecoder(response.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var provider struct {
		Issuer     string   `json:"issuer"`
		JWKS       string   `json:"jwks_uri"`
		Responses  []string `json:"response_types_supported"`
		Subjects   []string `json:"subject_types_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	get(issuer+"/.well-known/openid-configuration", &provider)
	if provider.Issuer != issuer || len(provider.Responses) == 0 || len(provider.Subjects) == 0 || len(provider.Algorithms) != 1 {
		t.Fatalf("the discovery document lacks what the standard requires: %+v", provider)
	}
	var set struct {
		Keys []struct{ Kty, Kid, Alg, Use, N, E, X, Y string }
	}
	get(provider.JWKS, &set)
	return func(token *jwt.Token) (any, error) {
		raw := func(s string) []byte { b, _ := base64.RawURLEncoding.DecodeString(s); return b }
		for _, k := range set.Keys {
			switch {
			case k.Kid != token.Header["kid"] || k.Use != "sig" || k.Alg != token.Method.Alg():
			case k.Kty == "RSA":
				return &rsa.PublicKey{N: new(big.Int).SetBytes(raw(k.N)), E: int(new(big.Int).SetBytes(raw(k.E)).Int64())}, nil
			default:
				return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, raw(k.X), raw(k.Y)))
			}
		}
		return nil, errors.New("no such key")
	}
}

func TestADelegationNamesEverythingOrIsNotMinted(t *testing.T) {
	s := newSigner(t, ES256)
	for name, spoil := range map[string]func(*Delegation){
		"issuer":                   func(d *Delegation) { d.Issuer = "" },
		"user":                     func(d *Delegation) { d.User.ID = "" },
		"user with a line end":     func(d *Delegation) { d.User.ID = "a\r\nb" },
		"tenant":                   func(d *Delegation) { d.User.Tenant = "" },
		"tenant with a #":          func(d *Delegation) { d.User.Tenant = "a#b" },
		"role that reads as two":   func(d *Delegation) { d.User.Roles = []string{"a.b"} },
		"empty role":               func(d *Delegation) { d.User.Roles = []string{""} },
		"lane":                     func(d *Delegation) { d.Lane.Agent = "" },
		"lane with a dot":          func(d *Delegation) { d.Lane.Agent, d.Lane.Name = "loan.stable", "x" },
		"another lane's gateway":   func(d *Delegation) { d.Audience = canary.String() },
		"execution":                func(d *Delegation) { d.Execution = "" },
		"purpose":                  func(d *Delegation) { d.Purpose = "" },
		"deadline":                 func(d *Delegation) { d.Deadline = time.Time{} },
		"deadline to come":         func(d *Delegation) { d.Deadline = noon },
		"margin that is not taken": func(d *Delegation) { d.Margin = -time.Second },
		"size that can be read":    func(d *Delegation) { d.User.Roles = strings.Split(strings.Repeat("role ", 3000)+"role", " ") },
	} {
		d := loanRun()
		spoil(&d)
		if raw, err := Mint(ctx, s, d, noon); err == nil {
			t.Errorf("minted without %s: %s", name, raw)
		}
	}
	plain := loanRun()
	plain.User.Roles = nil
	raw, err := Mint(ctx, s, plain, noon)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := newVerifier(t, delegationIssuer(jwksOf(t, s))).Verify(ctx, raw, loans.String(), noon); err != nil || len(c.User.Roles) != 0 {
		t.Errorf("a user without roles: %+v, %v", c, err)
	}
}

// faulty is a signer that misbehaves in one way.
type faulty struct {
	*LocalSigner
	alg  Algorithm
	sign func(digest [32]byte) ([]byte, string, error)
}

func (f faulty) Key() (string, Algorithm) {
	kid, alg := f.LocalSigner.Key()
	if f.alg != "" {
		alg = f.alg
	}
	return kid, alg
}

func (f faulty) Sign(ctx context.Context, digest [32]byte) ([]byte, string, error) {
	if f.sign == nil {
		return f.LocalSigner.Sign(ctx, digest)
	}
	return f.sign(digest)
}

func TestASignerThatMisbehavesMintsNothing(t *testing.T) {
	s := newSigner(t, ES256)
	kid, _ := s.Key()
	sound, _, err := s.Sign(ctx, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]faulty{
		"another algorithm": {LocalSigner: s, alg: "HS256"},
		"no answer":         {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return nil, "", errors.New("throttled") }},
		"key replaced":      {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return sound, "other", nil }},
		"no ASN.1":          {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return make([]byte, 64), kid, nil }},
		"bytes after ASN.1": {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return append(sound, 0), kid, nil }},
		"zero r":            {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return []byte{0x30, 6, 2, 1, 0, 2, 1, 1}, kid, nil }},
		"zero s":            {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return []byte{0x30, 6, 2, 1, 1, 2, 1, 0}, kid, nil }},
		"zeros":             {LocalSigner: s, sign: func([32]byte) ([]byte, string, error) { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, kid, nil }},
	} {
		if raw, err := Mint(ctx, f, loanRun(), noon); err == nil {
			t.Errorf("%s: minted %s", name, raw)
		}
	}
}

func TestOnlyKeysThatAVerifierWouldUseArePublished(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		alg Algorithm
		key crypto.PublicKey
	}{
		"short RSA": {RS256, small.Public()}, "another curve": {ES256, p384.Public()}, "another type": {RS256, p256.Public()},
		"no key": {ES256, nil}, "symmetric": {"HS256", []byte("secret")}, "no algorithm": {"", p256.Public()},
	} {
		if k, err := NewPublicKey(row.alg, row.key); err == nil {
			t.Errorf("%s: published %v", name, k)
		}
	}
	if _, err := NewPublicKey(ES256, p384.Public()); err == nil || !strings.Contains(err.Error(), "not a P-256 key") {
		t.Errorf("whoever chose another curve is not told so: %v", err)
	}
	if _, err := JWKS(PublicKey{}); err == nil {
		t.Error("the zero key is published")
	}
	if set := string(jwksOf(t, newSigner(t, RS256))); strings.Contains(set, `"d"`) || !strings.Contains(set, `"use": "sig"`) {
		t.Errorf("published %s", set)
	}
	if _, err := Discovery("", "x", ES256); err == nil {
		t.Error("a discovery document without issuer")
	}
}

// Whoever verifies our own tokens trusts one algorithm, one audience, and none for longer than
// a day, whatever its deadline says.
func TestOurOwnTokensAreTrustedForADay(t *testing.T) {
	s, run := newSigner(t, RS256), loanRun()
	run.Deadline = noon.Add(100 * time.Hour)
	raw, err := Mint(ctx, s, run, noon)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Delegations(issuerURL, loans.String(), KeySource{Fixed: jwksOf(t, s)}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	last := noon.Add(24*time.Hour + DefaultLeeway + time.Minute)
	for at, want := range map[time.Time]Reason{noon: "accepted", last: "accepted", last.Add(time.Second): TooOld} {
		_, err := v.Verify(ctx, raw, loans.String(), at)
		if got := reason(t, err); got != want {
			t.Errorf("at %v: %s, want %s", at, got, want)
		}
	}
	other, err := Mint(ctx, newSigner(t, ES256), loanRun(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(ctx, other, loans.String(), noon); err == nil {
		t.Error("a token of another algorithm is trusted")
	}
}
