package identity

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"
)

// Whatever arrives, only tokens that the issuer signed are trusted, and a refusal says
// nothing that the token said.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, ES256)
	v := newVerifier(f, delegationIssuer(jwksOf(f, s)))
	raw, err := Mint(ctx, s, loanRun(), noon)
	if err != nil {
		f.Fatal(err)
	}
	head, good := headerOf(s, "at+jwt"), delegationClaimsNow()
	made := []string{raw, craft(f, s, head, good), craft(f, s, head, with(good, "aud", []any{loans.String(), "x"}))}
	for _, token := range append(slices.Clone(made), craft(f, s, with(head, "crit", []any{}), good), craft(f, s, head, `{"a":1,"a":2}`), "a.b.c", "..", "") {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := v.Verify(ctx, token, loans.String(), noon)
		if err == nil {
			if !slices.Contains(made, token) || claims.User.ID != alice.ID {
				t.Fatalf("forged: %q", token)
			}
			return
		}
		var refusal *Refusal
		if !errors.As(err, &refusal) || !errors.Is(err, ErrUntrusted) || err.Error() != ErrUntrusted.Error() {
			t.Fatalf("refused with %v", err)
		}
		if !slices.Contains(reasons, refusal.Reason) || refusal.Issuer != "" && refusal.Issuer != issuerURL || refusal.Cause != nil {
			t.Fatalf("a refusal carries something of the token: %+v", refusal)
		}
	})
}

// Signed nonsense: the header and payload are the fuzzer's, the signature is good.
func FuzzSignedClaims(f *testing.F) {
	s := newSigner(f, ES256)
	v := newVerifier(f, delegationIssuer(jwksOf(f, s)))
	good := delegationClaimsNow()
	f.Add(mustMarshal(f, good))
	f.Add(mustMarshal(f, with(good, "act", object{"sub": canary.String()})))
	f.Add(`{"iss":"` + issuerURL + `"}`)
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := v.Verify(ctx, craft(t, s, headerOf(s, "at+jwt"), payload), loans.String(), noon)
		if err != nil {
			return
		}
		if c.Lane != loans || !isText(c.User.ID) || !isTenant(c.User.Tenant) || c.Execution == "" || c.Purpose == "" || c.JTI == "" || c.Issuer != issuerURL ||
			c.Expires.Before(noon.Add(-DefaultLeeway)) || slices.ContainsFunc(c.User.Roles, func(r string) bool { return !isName(r) }) {
			t.Fatalf("trusted: %+v of %q", c, payload)
		}
	})
}

// The decoder is lenient where json.Valid is strict, or it was in other versions of Go.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":"x"}`))
	f.Add([]byte(`{"a":[1 2],"b" 3,}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		if err == nil && (!json.Valid(data) || !utf8.Valid(data)) {
			t.Fatalf("not JSON: %q", data)
		}
		again, twice := json.Marshal(o)
		if o2, err2 := parseObject(again); err == nil && (twice != nil || err2 != nil || !reflect.DeepEqual(o, o2)) {
			t.Fatalf("%q reads as %v, then as %v, %v", data, o, o2, err2)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(jwksOf(f, newSigner(f, ES256), newSigner(f, RS256)))
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a","k":"AA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := readKeySet(data, standard)
		if err != nil && keys != nil {
			t.Fatal("a refused set still gives keys")
		}
		for kid, k := range keys {
			for alg, material := range k.by {
				p, isRSA := material.(*rsa.PublicKey)
				if kid != k.kid || kid == "" || isRSA == (alg == ES256) || isRSA && (p.N.BitLen() < 2048 || p.E < 3) {
					t.Fatalf("kept %q for %s", kid, alg)
				}
			}
		}
	})
}

var reasons = []Reason{
	Oversized, Malformed, UnknownIssuer, WrongAlgorithm, WrongType, ForbiddenHeader, MissingKeyID, UnknownKey, KeysUnavailable, BadSignature, WrongAudience,
	IDToken, MissingClaim, BadTimes, Expired, NotYetValid, TooOld, BadActor, WrongLane, WrongCall, TooLongLived,
}
