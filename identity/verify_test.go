package identity

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/terms"
)

func TestAVerifiedLoginNamesTheUserAndNothingElse(t *testing.T) {
	for _, alg := range []Algorithm{ES256, RS256} {
		s := newSigner(t, alg)
		v := newVerifier(t, loginIssuer(jwksOf(t, s)))
		for range 2 { // the second time the signature is remembered
			c, err := v.Verify(ctx, craft(t, s, headerOf(s, "JWT"), loginClaims()), "agents", noon)
			if err != nil {
				t.Fatal(reason(t, err))
			}
			if c.User.ID != "auth0|alice" || c.User.Tenant != "acme" || !slices.Equal(c.User.Roles, []string{"underwriter", "senior_underwriter"}) {
				t.Errorf("the user is not the token's: %+v", c.User)
			}
			if c.Issuer != loginURL || c.Audience != "agents" || c.JTI != "j1" || !c.IssuedAt.Equal(noon) || !c.Expires.Equal(noon.Add(30*time.Minute)) {
				t.Errorf("got %+v", c)
			}
			if !c.Lane.IsZero() || c.Execution != "" || c.Purpose != "" {
				t.Errorf("a user's own token acts as an agent: %+v", c)
			}
		}
	}
}

func TestPS256IsVerifiedWithASaltAsLongAsTheHashOnly(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := NewPublicKey(PS256, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	set, err := JWKS(public)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, loginIssuer(set))
	for salt, want := range map[int]Reason{32: "accepted", 20: BadSignature, 0: BadSignature, 64: BadSignature} {
		signed := part(t, object{"alg": "PS256", "kid": public.ID, "typ": "JWT"}) + "." + part(t, loginClaims())
		digest := sha256.Sum256([]byte(signed))
		options := &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256}
		if salt == 0 {
			options.SaltLength = 1
		}
		sig, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(ctx, signed+"."+base64url.EncodeToString(sig), "agents", noon)
		if got := reason(t, err); got != want {
			t.Errorf("salt of %d bytes: got %s, want %s", salt, got, want)
		}
	}
}

// A key that its issuer binds to no algorithm is bound by the policy.
func TestAPolicyAllowsOnlyTheAlgorithmsItNames(t *testing.T) {
	s := newSigner(t, RS256)
	i := loginIssuer([]byte(mustMarshal(t, object{"keys": []any{without(s.Public().jwk, "alg")}})))
	raw := craft(t, s, headerOf(s, "JWT"), loginClaims())
	for want, algorithms := range map[Reason][]Algorithm{"accepted": {RS256}, WrongAlgorithm: {ES256, PS256}} {
		i.Algorithms = algorithms
		if _, err := newVerifier(t, i).Verify(ctx, raw, "agents", noon); reason(t, err) != want {
			t.Errorf("policy %v: got %s, want %s", algorithms, reason(t, err), want)
		}
	}
}

// A row is one way in which a token, well signed by the trusted key, is still wrong.
func TestEveryFaultOfATokenIsRefusedForItsReason(t *testing.T) {
	d := newDelegated(t)
	s := d.signer
	head, good := headerOf(s, "at+jwt"), delegationClaimsNow()
	sound := craft(t, s, head, good)
	if _, err := d.verifier.Verify(ctx, sound, loans.String(), noon); err != nil {
		t.Fatalf("the token all rows are made from is refused: %s", reason(t, err))
	}
	dot1, dot2 := strings.Index(sound, "."), strings.LastIndex(sound, ".")
	goodText := mustMarshal(t, good)
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	signedWith := func(header object) string { return craft(t, s, header, good) }
	claiming := func(claims object) string { return craft(t, s, head, claims) }
	saying := func(header, payload string) string { return craft(t, s, header, payload) }
	kid := head["kid"].(string)

	rows := []struct {
		name string
		raw  string
		want Reason
	}{
		{"one byte too large", sound + strings.Repeat("A", MaxToken+1-len(sound)), Oversized},
		{"empty", "", Malformed},
		{"only dots", strings.Repeat(".", MaxToken), Malformed},
		{"two parts", sound[:dot2], Malformed},
		{"four parts", sound + ".", Malformed},
		{"five parts, as an encrypted token has", "a.b.c.d.e", Malformed},
		{"JSON serialization", `{"payload":"` + sound[dot1+1:dot2] + `"}`, Malformed},
		{"no header", sound[dot1:], Malformed},
		{"no payload", sound[:dot1] + "." + sound[dot2:], Malformed},
		{"no signature", sound[:dot2+1], BadSignature},
		{"padded header", sound[:dot1] + "=" + sound[dot1:], Malformed},
		{"padded payload", sound[:dot2] + "==" + sound[dot2:], Malformed},
		{"padded signature", sound + "==", Malformed},
		{"line end in the payload", sound[:dot1+9] + "\n" + sound[dot1+9:], Malformed},
		{"space around it", " " + sound, Malformed},
		{"standard base64", sound[:dot1+1] + "+/" + sound[dot1+3:], Malformed},
		{"bits that encode nothing", sound[:len(sound)-1] + string(nextLetter(sound[len(sound)-1])), Malformed},
		{"header is a list", saying(`[]`, goodText), Malformed},
		{"header names alg twice", saying(`{"alg":"none","alg":"ES256","kid":"`+kid+`","typ":"at+jwt"}`, goodText), Malformed},
		{"payload names sub twice", saying(mustMarshal(t, head), `{"sub":"mallory",`+goodText[1:]), Malformed},
		{"payload names sub twice, once escaped", saying(mustMarshal(t, head), `{"s\u0075b":"mallory",`+goodText[1:]), Malformed},
		{"bytes after the payload", saying(mustMarshal(t, head), goodText+"{}"), Malformed},
		{"bytes before the payload", saying(mustMarshal(t, head), "\ufeff"+goodText), Malformed},
		{"payload is not UTF-8", saying(mustMarshal(t, head), `{"x":"`+"\xff"+`",`+goodText[1:]), Malformed},
		{"half a surrogate pair", saying(mustMarshal(t, head), `{"x":"\ud800",`+goodText[1:]), Malformed},
		{"payload too deep", saying(mustMarshal(t, head), `{"x":`+strings.Repeat("[", 9)+strings.Repeat("]", 9)+`,`+goodText[1:]), Malformed},
		{"trailing comma", saying(mustMarshal(t, head), goodText[:len(goodText)-1]+",}"), Malformed},
		{"comment", saying(mustMarshal(t, head), goodText+"//"), Malformed},

		{"alg none", part(t, with(head, "alg", "none")) + "." + sound[dot1+1:dot2] + ".", WrongAlgorithm},
		{"alg nOnE", signedWith(with(head, "alg", "nOnE")), WrongAlgorithm},
		{"no alg", signedWith(without(head, "alg")), WrongAlgorithm},
		{"alg in lower case", signedWith(with(head, "alg", "es256")), WrongAlgorithm},
		{"alg the policy does not allow", signedWith(with(head, "alg", "PS256")), WrongAlgorithm},
		{"alg of another key type", signedWith(with(head, "alg", "RS256")), WrongAlgorithm},
		{"public key as HMAC secret", confused(t, s, head, good), WrongAlgorithm},
		{"typ of an ID token", signedWith(with(head, "typ", "JWT")), WrongType},
		{"typ of a call assertion", signedWith(with(head, "typ", "remit-call+jwt")), WrongType},
		{"no typ", signedWith(without(head, "typ")), WrongType},
		{"typ is a number", signedWith(with(head, "typ", 1)), WrongType},
		{"no kid", signedWith(without(head, "kid")), MissingKeyID},
		{"kid is empty", signedWith(with(head, "kid", "")), MissingKeyID},
		{"kid is a path", signedWith(with(head, "kid", "../../dev/null")), UnknownKey},
		{"crit", signedWith(with(head, "crit", []any{"exp"})), ForbiddenHeader},
		{"empty crit", signedWith(with(head, "crit", []any{})), ForbiddenHeader},
		{"key in the token", signedWith(with(head, "jwk", s.Public().jwk)), ForbiddenHeader},
		{"address of a key", signedWith(with(head, "jku", "https://mallory.example/jwks")), ForbiddenHeader},
		{"address of a certificate", signedWith(with(head, "x5u", "https://mallory.example/x")), ForbiddenHeader},
		{"certificate in the token", signedWith(with(head, "x5c", []any{"MIIB"})), ForbiddenHeader},
		{"signed by a stranger", craft(t, newSigner(t, ES256), head, good), BadSignature},
		{"signature in ASN.1", inASN1(t, s, head, good), BadSignature},
		{"signature with a zero between its halves", widened(sound), BadSignature},
		{"signature of zeros", sound[:dot2+1] + strings.Repeat("A", 86), BadSignature},

		{"another issuer", claiming(with(good, "iss", "https://issuer.dev.meridian.example")), UnknownIssuer},
		{"issuer with a slash more", claiming(with(good, "iss", issuerURL+"/")), UnknownIssuer},
		{"issuer in capitals", claiming(with(good, "iss", strings.ToUpper(issuerURL))), UnknownIssuer},
		{"another audience", claiming(with(good, "aud", canary.String())), WrongAudience},
		{"many other audiences", claiming(with(good, "aud", []any{"a", canary.String()})), WrongAudience},
		{"no audience", claiming(with(good, "aud", []any{})), WrongAudience},
		{"audience that begins like ours", claiming(with(good, "aud", loans.String()+"x")), WrongAudience},
		{"list of audiences with a number", claiming(with(good, "aud", []any{loans.String(), 1})), WrongAudience},
		{"nonce, as ID tokens have", claiming(with(good, "nonce", "n")), IDToken},
		{"at_hash, as ID tokens have", claiming(with(good, "at_hash", "h")), IDToken},

		{"expired", claiming(with(good, "exp", at(-30*time.Second))), BadTimes}, // before its own nbf
		{"expired long ago", claiming(with(with(with(good, "exp", at(-30*time.Second)), "iat", at(-time.Hour)), "nbf", at(-time.Hour))), Expired},
		{"exp in milliseconds", claiming(with(good, "exp", at(time.Hour)*1000)), BadTimes},
		{"exp with a fraction", saying(mustMarshal(t, head), mustMarshal(t, without(good, "exp"))[:len(mustMarshal(t, without(good, "exp")))-1]+`,"exp":1793711000.5}`), BadTimes},
		{"exp with an exponent", saying(mustMarshal(t, head), mustMarshal(t, without(good, "exp"))[:len(mustMarshal(t, without(good, "exp")))-1]+`,"exp":1e11}`), BadTimes},
		{"negative nbf", claiming(with(good, "nbf", -1)), BadTimes},
		{"not yet valid", claiming(with(good, "nbf", at(31*time.Second))), NotYetValid},
		{"issued in the future", claiming(with(good, "iat", at(31*time.Second))), NotYetValid},
		{"too old though not expired", claiming(with(with(good, "iat", at(-8*time.Hour-31*time.Second)), "nbf", at(-8*time.Hour))), TooOld},

		{"no actor behind the user", claiming(without(good, "act")), BadActor},
		{"actor is text", claiming(with(good, "act", loans.String())), BadActor},
		{"actor behind the actor", claiming(with(good, "act", object{"sub": loans.String(), "act": object{"sub": canary.String()}})), BadActor},
		{"actor is no lane", claiming(with(good, "act", object{"sub": "meridian.prod.loan"})), BadActor},
		{"actor is a lane and more", claiming(with(good, "act", object{"sub": loans.String() + ".x"})), BadActor},
		{"actor is a lane with a wildcard", claiming(with(good, "act", object{"sub": "meridian.prod.loan.*"})), BadActor},
		{"actor is another lane", claiming(with(good, "act", object{"sub": canary.String()})), WrongLane},
		{"roles differ in their two spellings", claiming(with(good, "roles_s", ".senior_underwriter.")), MissingClaim},
		{"no roles, and no roles in text", claiming(with(without(good, "roles"), "roles_s", ".")), MissingClaim},
		{"role that would read as two", claiming(with(with(good, "roles", []any{"a.b"}), "roles_s", ".a.b.")), MissingClaim},
		{"user with a line end, for a header", claiming(with(good, "sub", "alice\r\nx-tenant: umbrella")), MissingClaim},
		{"user with an invisible letter", claiming(with(good, "sub", "ali\u200bce")), MissingClaim},
		{"tenant that reaches into another's keys", claiming(with(good, "tenant", "acme#1")), MissingClaim},
		{"tenant is a wildcard", claiming(with(good, "tenant", "*")), MissingClaim},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			claims, err := d.verifier.Verify(ctx, row.raw, loans.String(), noon)
			if got := reason(t, err); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			if err != nil && (claims.User.ID != "" || !claims.Lane.IsZero() || claims.Issuer != "") {
				t.Errorf("a refused token still says %+v", claims)
			}
		})
	}
}

func nextLetter(c byte) byte { // another spelling of the same bytes, as lax decoders see it
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)|1]
}

func widened(raw string) string { // r, 0, s: the same numbers to whoever does not count
	dot := strings.LastIndex(raw, ".")
	sig, _ := decode(raw[dot+1:])
	return raw[:dot+1] + base64url.EncodeToString(slices.Concat(sig[:32], []byte{0}, sig[32:]))
}

func confused(t *testing.T, s *LocalSigner, head, claims object) string {
	signed := part(t, with(head, "alg", "HS256")) + "." + part(t, claims)
	mac := hmac.New(sha256.New, jwksOf(t, s))
	mac.Write([]byte(signed))
	return signed + "." + base64url.EncodeToString(mac.Sum(nil))
}

func inASN1(t *testing.T, s *LocalSigner, head, claims object) string {
	signed := part(t, head) + "." + part(t, claims)
	sig, _, err := s.Sign(ctx, sha256.Sum256([]byte(signed)))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64url.EncodeToString(sig)
}

func TestTimesHoldToTheSecondWithTheStatedLeeway(t *testing.T) {
	d := newDelegated(t)
	raw, audience := d.minted(t) // iat, nbf noon; exp noon + 10 min + 2 min
	late := delegationIssuer(jwksOf(t, d.signer))
	late.Grace = 5 * time.Minute
	settling := newVerifier(t, late)
	end := noon.Add(12 * time.Minute)
	for _, row := range []struct {
		name string
		v    *Verifier
		now  time.Time
		want Reason
	}{
		{"before it is valid", d.verifier, noon.Add(-31 * time.Second), NotYetValid},
		{"within leeway before", d.verifier, noon.Add(-30 * time.Second), "accepted"},
		{"within leeway after", d.verifier, end.Add(30*time.Second - 1), "accepted"},
		{"expired", d.verifier, end.Add(30 * time.Second), Expired},
		{"expired, to settle", settling, end.Add(5*time.Minute + 30*time.Second - 1), "accepted"},
		{"too late to settle", settling, end.Add(5*time.Minute + 30*time.Second), Expired},
	} {
		_, err := row.v.Verify(ctx, raw, audience, row.now)
		if got := reason(t, err); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func TestATokenDiesOfAgeBeforeItExpires(t *testing.T) {
	s := newSigner(t, ES256)
	v := newVerifier(t, loginIssuer(jwksOf(t, s)))
	claims := with(loginClaims(), "exp", noon.Add(24*time.Hour).Unix())
	raw := craft(t, s, headerOf(s, "JWT"), claims)
	for after, want := range map[time.Duration]Reason{time.Hour + 30*time.Second: "accepted", time.Hour + 31*time.Second: TooOld} {
		if _, err := v.Verify(ctx, raw, "agents", noon.Add(after)); reason(t, err) != want {
			t.Errorf("%v after issue: got %s, want %s", after, reason(t, err), want)
		}
	}
}

func TestADevTokenMeansNothingInProd(t *testing.T) {
	prod, dev := newDelegated(t), newDelegated(t)
	devRun := loanRun()
	devRun.Issuer = "https://issuer.dev.meridian.example"
	honest, err := Mint(ctx, dev.signer, devRun, noon)
	if err != nil {
		t.Fatal(err)
	}
	lying, err := Mint(ctx, dev.signer, loanRun(), noon)
	if err != nil {
		t.Fatal(err)
	}
	borrowed := craft(t, dev.signer, headerOf(prod.signer, "at+jwt"), delegationClaimsNow())
	for raw, want := range map[string]Reason{honest: UnknownIssuer, lying: UnknownKey, borrowed: BadSignature} {
		if _, err := prod.verifier.Verify(ctx, raw, loans.String(), noon); reason(t, err) != want {
			t.Errorf("got %s, want %s", reason(t, err), want)
		}
	}
}

func TestATokenOfOneLaneOpensNoOtherLanesGateway(t *testing.T) {
	d := newDelegated(t)
	raw, _ := d.minted(t)
	i := delegationIssuer(jwksOf(t, d.signer))
	i.Audiences = []string{canary.String(), loans.String()}
	v := newVerifier(t, i)
	if _, err := v.Verify(ctx, raw, canary.String(), noon); reason(t, err) != WrongAudience {
		t.Errorf("got %s", reason(t, err))
	}
	both := craft(t, d.signer, headerOf(d.signer, "at+jwt"), with(delegationClaimsNow(), "aud", []any{canary.String(), loans.String()}))
	if _, err := v.Verify(ctx, both, canary.String(), noon); reason(t, err) != WrongLane {
		t.Errorf("got %s", reason(t, err))
	}
	if _, err := v.Verify(ctx, both, loans.String(), noon); err != nil {
		t.Errorf("the lane's own gateway refuses it: %s", reason(t, err))
	}
	// An audience the policy does not list is refused even if the token names it.
	if _, err := d.verifier.Verify(ctx, both, canary.String(), noon); reason(t, err) != WrongAudience {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestAPolicyCanTellAccessTokensFromIDTokens(t *testing.T) {
	s := newSigner(t, ES256)
	i := loginIssuer(jwksOf(t, s))
	i.Require = map[string]string{"token_use": "access"}
	v := newVerifier(t, i)
	for use, want := range map[any]Reason{"access": "accepted", "id": MissingClaim, nil: MissingClaim, true: MissingClaim} {
		_, err := v.Verify(ctx, craft(t, s, headerOf(s, "JWT"), with(loginClaims(), "token_use", use)), "agents", noon)
		if got := reason(t, err); got != want {
			t.Errorf("token_use %v: got %s, want %s", use, got, want)
		}
	}
}

func TestATenantThatCouldReachIntoAnothersKeysIsNoTenant(t *testing.T) {
	s := newSigner(t, ES256)
	v := newVerifier(t, loginIssuer(jwksOf(t, s)))
	for _, tenant := range []string{"acme#1", "*", "acm?", "${aws:userid}", "acme\t", "äcme", " acme", strings.Repeat("a", 257)} {
		_, err := v.Verify(ctx, craft(t, s, headerOf(s, "JWT"), with(loginClaims(), "org_id", tenant)), "agents", noon)
		if got := reason(t, err); got != MissingClaim {
			t.Errorf("tenant %q: got %s", tenant, got)
		}
	}
}

func TestSeveralIssuersAreToldApart(t *testing.T) {
	s1, s2 := newSigner(t, ES256), newSigner(t, RS256)
	one, two := loginIssuer(jwksOf(t, s1)), loginIssuer(jwksOf(t, s2))
	two.URL, one.Realm, two.Realm = "https://login.partner.example", "own", "partner"
	v := newVerifier(t, one, two)
	first, err := v.Verify(ctx, craft(t, s1, headerOf(s1, "JWT"), loginClaims()), "agents", noon)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.Verify(ctx, craft(t, s2, headerOf(s2, "JWT"), with(loginClaims(), "iss", two.URL)), "agents", noon)
	if err != nil {
		t.Fatal(err)
	}
	if first.User.ID != "own|auth0|alice" || second.User.ID != "partner|auth0|alice" {
		t.Errorf("two people share an id: %q and %q", first.User.ID, second.User.ID)
	}
	// The key of one issuer says nothing for the other.
	if _, err := v.Verify(ctx, craft(t, s1, headerOf(s1, "JWT"), with(loginClaims(), "iss", two.URL)), "agents", noon); reason(t, err) != UnknownKey {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestAnOversizedTokenCostsTheSameHoweverLargeItIs(t *testing.T) {
	v := newDelegated(t).verifier
	cost := func(size int) (allocations float64, bytes uint64) {
		raw := strings.Repeat("a.", size/2)
		verify := func() {
			if _, err := v.Verify(ctx, raw, loans.String(), noon); reason(t, err) != Oversized {
				t.Errorf("got %s", reason(t, err))
			}
		}
		allocations = testing.AllocsPerRun(100, verify)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			verify()
		}
		runtime.ReadMemStats(&after)
		return allocations, (after.TotalAlloc - before.TotalAlloc) / 100
	}
	small, smallBytes := cost(MaxToken + 2)
	large, largeBytes := cost(32 << 20)
	if large > small || small > 4 || largeBytes > smallBytes+1024 {
		t.Errorf("16 KiB costs %v allocations, %d bytes; 32 MiB costs %v, %d", small, smallBytes, large, largeBytes)
	}
}

func TestAPolicyThatTrustsTooMuchIsRefused(t *testing.T) {
	keys, other := jwksOf(t, newSigner(t, ES256)), jwksOf(t, newSigner(t, ES256))
	change := func(f func(*Issuer)) []Issuer {
		i := loginIssuer(keys)
		f(&i)
		return []Issuer{i}
	}
	for name, issuers := range map[string][]Issuer{
		"no URL":                  change(func(i *Issuer) { i.URL = "" }),
		"no kind":                 change(func(i *Issuer) { i.Kind = "" }),
		"no audience":             change(func(i *Issuer) { i.Audiences = nil }),
		"empty audience":          change(func(i *Issuer) { i.Audiences = []string{""} }),
		"no algorithm":            change(func(i *Issuer) { i.Algorithms = nil }),
		"algorithm none":          change(func(i *Issuer) { i.Algorithms = []Algorithm{"none"} }),
		"algorithm HS256":         change(func(i *Issuer) { i.Algorithms = []Algorithm{ES256, "HS256"} }),
		"any type":                change(func(i *Issuer) { i.Types = nil }),
		"empty type":              change(func(i *Issuer) { i.Types = []string{""} }),
		"no age":                  change(func(i *Issuer) { i.MaxAge = 0 }),
		"wide leeway":             change(func(i *Issuer) { i.Leeway = time.Hour }),
		"negative leeway":         change(func(i *Issuer) { i.Leeway = -1 }),
		"no mapping":              change(func(i *Issuer) { i.Mapping = nil }),
		"mapping without tenant":  change(func(i *Issuer) { i.Mapping = &Mapping{User: "sub", Roles: "r"} }),
		"login that settles late": change(func(i *Issuer) { i.Grace = time.Minute }),
		"realm with a bar":        change(func(i *Issuer) { i.Realm = "a|b" }),
		"no keys":                 change(func(i *Issuer) { i.Keys = KeySource{} }),
		"empty key set":           change(func(i *Issuer) { i.Keys = KeySource{Fixed: []byte(`{"keys":[]}`)} }),
		"key set is not one":      change(func(i *Issuer) { i.Keys = KeySource{Fixed: []byte(`[]`)} }),
		"declared twice":          {loginIssuer(keys), loginIssuer(other)},
		"two issuers, no realms":  {loginIssuer(keys), change(func(i *Issuer) { i.URL, i.Keys.Fixed = "https://b.example", other })[0]},
		"one key for two kinds": {delegationIssuer(keys), change(func(i *Issuer) {
			i.URL, i.Kind, i.Mapping = issuerURL, KindCall, nil
		})[0]},
	} {
		if v, err := NewVerifier(Policy{Issuers: issuers}); err == nil || v != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMappedWordsAndOnlyTheyBecomeUserRoles(t *testing.T) {
	m := Mapping{User: "email", Tenant: "https://x.example/org", Roles: "groups", Map: map[string]string{"A": "reader", "B": "writer", "C": "reader", "D": ""}}
	comma := m
	comma.Delimiter = ","
	for _, row := range []struct {
		name   string
		m      Mapping
		groups any
		roles  []string
		ok     bool
	}{
		{"none", m, []any{}, nil, true},
		{"unmapped", m, []any{"admin", "a", "reader", "writer"}, nil, true},
		{"mapped, two words for one role", m, []any{"A", "x", "C", "B"}, []string{"reader", "writer"}, true},
		{"mapped to nothing", m, []any{"D"}, nil, true},
		{"one word", m, "A", []string{"reader"}, true},
		{"one string is not split unless the policy says how", m, "A,B", nil, true},
		{"not split at spaces", m, "not A", nil, true},
		{"split", comma, "B, A,,x", []string{"writer", "reader"}, true},
		{"array in spite of a delimiter", comma, []any{"A,B"}, nil, true},
		{"null", m, nil, nil, false},
		{"number", m, 1.0, nil, false},
		{"array with a line end", m, []any{"A", "A\n"}, nil, false},
		{"array with a number", m, []any{"A", 1.0}, nil, false},
		{"object", m, object{"A": true}, nil, false},
	} {
		u, ok := row.m.user(object{"email": "a@x.example", "https://x.example/org": "acme", "groups": row.groups})
		if ok != row.ok || !slices.Equal(u.Roles, row.roles) {
			t.Errorf("%s: got %v %v, want %v %v", row.name, u.Roles, ok, row.roles, row.ok)
		}
		if !ok && u.ID != "" {
			t.Errorf("%s: refused, and still names %v", row.name, u)
		}
		if want := (terms.User{ID: "a@x.example", Tenant: "acme", Roles: row.roles}); ok && (u.ID != want.ID || u.Tenant != want.Tenant) {
			t.Errorf("%s: got %v", row.name, u)
		}
	}
}

// A refreshed token is young, the login behind it may be old: RFC 9068 §2.2.1.
func TestALoginIsAsOldAsItsAuthTime(t *testing.T) {
	s := newSigner(t, ES256)
	v := newVerifier(t, loginIssuer(jwksOf(t, s)))
	morning := noon.Add(-4 * time.Hour)
	for _, test := range []struct {
		name   string
		claims object
		want   time.Time
	}{
		{"without auth_time, when the token was issued", loginClaims(), noon},
		{"with one, then", with(loginClaims(), "auth_time", morning.Unix()), morning},
		{"one later than the token is no proof of anything", with(loginClaims(), "auth_time", noon.Add(time.Hour).Unix()), time.Time{}},
		{"nor is one that is text", with(loginClaims(), "auth_time", "1793707200"), time.Time{}},
	} {
		claims, err := v.Verify(ctx, craft(t, s, headerOf(s, "at+jwt"), test.claims), "agents", noon)
		if err != nil || !claims.LoggedIn.Equal(test.want) {
			t.Errorf("%s: got %v, %v, want %v", test.name, claims.LoggedIn, err, test.want)
		}
	}
}
