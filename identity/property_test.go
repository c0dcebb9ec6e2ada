package identity

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/elliptic"

	"pgregory.net/rapid"
)

// wrongFor is a value that a claim may not have: null, another type, or an empty or
// unprintable one of the right type.
func wrongFor(name string) *rapid.Generator[any] {
	texts := []any{"", " ", "a\n", "\u0000"}
	always := []any{nil, true, false, object{}, object{"a": 1}, []any{1}, []any{nil}, []any{object{}}, []any{[]any{}}, -1, 1.5, 1e300}
	switch name {
	case "exp", "nbf", "iat":
		return rapid.SampledFrom(append(always, texts...))
	case "groups": // an issuer may send one string, and any string that is not mapped means nothing
		return rapid.SampledFrom(append(always, 0, 1))
	}
	return rapid.SampledFrom(append(append(always, texts...), 0, 1))
}

func TestEveryMissingNullOrMistypedClaimDenies(t *testing.T) {
	d := newDelegated(t)
	logins := newVerifier(t, loginIssuer(jwksOf(t, d.signer)))
	calls := newVerifier(t, callIssuer(jwksOf(t, d.signer)))
	kinds := []struct {
		name, typ string
		claims    object
		optional  []string
		verify    func(string) error
	}{
		{"delegation", "at+jwt", delegationClaimsNow(), nil, func(raw string) error {
			_, err := d.verifier.Verify(ctx, raw, loans.String(), noon)
			return err
		}},
		{"login", "JWT", loginClaims(), []string{"nbf", "jti"}, func(raw string) error {
			_, err := logins.Verify(ctx, raw, "agents", noon)
			return err
		}},
		{"call", "remit-call+jwt", callClaimsNow(), nil, func(raw string) error {
			_, err := calls.VerifyCall(ctx, raw, "pull_credit_report", [32]byte{1}, noon)
			return err
		}},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			head := headerOf(d.signer, kind.typ)
			if err := kind.verify(craft(t, d.signer, head, kind.claims)); err != nil {
				t.Fatalf("the sound token is refused: %s", reason(t, err))
			}
			names := slices.Sorted(maps.Keys(kind.claims))
			for _, name := range names {
				err := kind.verify(craft(t, d.signer, head, without(kind.claims, name)))
				if optional := slices.Contains(kind.optional, name); optional != (err == nil) {
					t.Errorf("without %s: got %s", name, reason(t, err))
				}
			}
			rapid.Check(t, func(r *rapid.T) {
				name := rapid.SampledFrom(names).Draw(r, "claim")
				value := wrongFor(name).Draw(r, "value")
				if kind.verify(craft(t, d.signer, head, with(kind.claims, name, value))) == nil {
					r.Fatalf("a token whose %s is %#v is trusted", name, value)
				}
			})
		})
	}
}

func TestFlippingAnyBitOfATokenDenies(t *testing.T) {
	for _, alg := range []Algorithm{ES256, RS256} {
		s := newSigner(t, alg)
		v := newVerifier(t, delegationIssuer(jwksOf(t, s)))
		raw, err := Mint(ctx, s, loanRun(), noon)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			for bit := range 8 {
				b := []byte(raw)
				b[i] ^= 1 << bit
				if _, err := v.Verify(ctx, string(b), loans.String(), noon); err == nil {
					t.Fatalf("%s: trusted with bit %d of byte %d flipped", alg, bit, i)
				}
			}
		}
		if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
			t.Fatalf("the token itself is refused: %s", reason(t, err))
		}
	}
}

func TestWhatIsMintedIsWhatIsRead(t *testing.T) {
	signers := []*LocalSigner{newSigner(t, ES256), newSigner(t, RS256)}
	name := rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9]{0,8}([-_][a-z0-9]{1,4})?`)
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.SampledFrom(signers).Draw(r, "signer")
		run := loanRun()
		run.User.ID = rapid.StringMatching(`[a-zA-Zé|@:/<>&"\\]{1,40}`).Draw(r, "user")
		run.User.Tenant = rapid.StringMatching(`[a-z0-9_.:/=+@-]{1,40}`).Draw(r, "tenant")
		run.User.Roles = rapid.SliceOfN(name, 0, 5).Draw(r, "roles")
		run.Purpose = rapid.StringMatching(`[a-z]{1,20}( [a-z]{1,20})?`).Draw(r, "purpose")
		run.Margin = time.Duration(rapid.IntRange(0, 600).Draw(r, "margin")) * time.Second
		raw, err := Mint(ctx, s, run, noon)
		if err != nil {
			r.Fatal(err)
		}
		v := newVerifier(t, delegationIssuer(jwksOf(t, s)))
		c, err := v.Verify(ctx, raw, loans.String(), noon.Add(time.Duration(rapid.IntRange(0, 600).Draw(r, "later"))*time.Second))
		if err != nil {
			r.Fatal(reason(t, err))
		}
		if c.User.ID != run.User.ID || c.User.Tenant != run.User.Tenant || !slices.Equal(c.User.Roles, run.User.Roles) ||
			c.Lane != run.Lane || c.Execution != run.Execution || c.Purpose != run.Purpose || c.JTI == "" ||
			!c.IssuedAt.Equal(noon) || !c.Expires.Equal(run.Deadline.Add(orDefault(run.Margin, DefaultMargin))) {
			r.Fatalf("minted %+v, read %+v", run, c)
		}
	})
}

// A second ES256 signature of the same bytes can be computed by anyone: (r, n − s). It is
// the same token saying the same thing, so nothing may hang on a token's bytes being unique.
func TestTheOtherFormOfASignatureSaysTheSame(t *testing.T) {
	d := newDelegated(t)
	raw, audience := d.minted(t)
	dot := strings.LastIndex(raw, ".")
	sig, _ := decode(raw[dot+1:])
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(sig[32:]))
	other := raw[:dot+1] + base64url.EncodeToString(append(slices.Clone(sig[:32]), s.FillBytes(make([]byte, 32))...))
	a, err1 := d.verifier.Verify(ctx, raw, audience, noon)
	b, err2 := d.verifier.Verify(ctx, other, audience, noon)
	if err1 != nil || err2 != nil || a.JTI != b.JTI || a.User.ID != b.User.ID || a.Execution != b.Execution {
		t.Errorf("got %v %v, %v %v", a, err1, b, err2)
	}
}
