package identity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// rsaJWK is a key that is looked at and never used.
func rsaJWK(n *big.Int, e int64) object {
	return object{"n": base64url.EncodeToString(n.Bytes()), "e": base64url.EncodeToString(big.NewInt(e).Bytes())}
}

// odd has exactly so many bits.
func odd(bits uint) *big.Int {
	return new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), bits-1), 0, 1)
}

func TestAnRSAKeyIsTakenUpToItsBoundsAndNotBeyond(t *testing.T) {
	sound := rsaJWK(odd(2048), 65537)
	for name, c := range map[string]struct {
		jwk  object
		good bool
	}{
		"2048 bits":                  {sound, true},
		"2047 bits":                  {rsaJWK(odd(2047), 65537), false},
		"8192 bits":                  {rsaJWK(odd(8192), 65537), true},
		"8193 bits":                  {rsaJWK(odd(8193), 65537), false},
		"an even modulus":            {rsaJWK(new(big.Int).Lsh(big.NewInt(1), 2047), 65537), false},
		"exponent 3":                 {rsaJWK(odd(2048), 3), true},
		"exponent 1":                 {rsaJWK(odd(2048), 1), false},
		"an even exponent":           {rsaJWK(odd(2048), 65536), false},
		"an exponent of four bytes":  {rsaJWK(odd(2048), 1<<31-1), true},
		"an exponent of 32 bits":     {rsaJWK(odd(2048), 1<<31+1), false},
		"an exponent of five bytes":  {rsaJWK(odd(2048), 1<<32+1), false},
		"no modulus":                 {without(sound, "n"), false},
		"no exponent":                {without(sound, "e"), false},
		"junk behind the modulus":    {with(sound, "n", sound["n"].(string)+"!"), false},
		"junk behind the exponent":   {with(sound, "e", sound["e"].(string)+"!"), false},
		"an empty modulus":           {with(sound, "n", ""), false},
		"a modulus that is a number": {with(sound, "n", 7), false},
	} {
		if _, err := readRSA(c.jwk); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAKeyOfTheBrokenGeneratorIsNotTrusted builds moduli as CVE-2017-15361 leaves them.
func TestAKeyOfTheBrokenGeneratorIsNotTrusted(t *testing.T) {
	product := big.NewInt(1) // of the primes that isROCA looks at, but for the last
	for p := int64(3); p < 167; p += 2 {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
		}
	}
	// shaped is a modulus of 2048 bits or a little more that is r modulo m, and odd.
	shaped := func(r, m *big.Int) *big.Int {
		k := new(big.Int).Div(odd(2048), m)
		n := new(big.Int)
		for n.Bit(0) == 0 {
			k.Add(k, big.NewInt(1))
			n.Add(n.Mul(m, k), r)
		}
		return n
	}
	all := new(big.Int).Mul(product, big.NewInt(167))
	for _, exponent := range []int64{0, 1, 5, 1234} {
		power := new(big.Int).Exp(big.NewInt(65537), big.NewInt(exponent), all)
		if _, err := readRSA(rsaJWK(shaped(power, all), 65537)); err == nil {
			t.Errorf("a key whose primes can be found is trusted: 65537^%d", exponent)
		}
	}
	// A power of 65537 modulo every prime but the last is nobody's fingerprint.
	k := new(big.Int).ModInverse(big.NewInt(167), product)
	almost := new(big.Int).Mul(k, big.NewInt(167)) // 1 modulo the others, 0 modulo 167
	if n := shaped(almost, all); isROCA(n) {
		t.Error("an honest key is called broken")
	}
}

func TestATextThatDoesNotDecodeToItsEndIsNotHalfRead(t *testing.T) {
	s := newSigner(t, ES256)
	v := newVerifier(t, delegationIssuer(jwksOf(t, s)))
	// Texts of whole base64 quanta: what stands before the junk would decode whole.
	whole := func(text string) string { return part(t, text+strings.Repeat(" ", (3-len(text)%3)%3)) }
	head, claims := whole(mustMarshal(t, headerOf(s, "at+jwt"))), whole(mustMarshal(t, delegationClaimsNow()))
	for name, c := range map[string]struct {
		signed string
		want   Reason
	}{
		"sound":                    {head + "." + claims, "accepted"},
		"junk behind the header":   {head + "!." + claims, Malformed},
		"junk behind the claims":   {head + "." + claims + "!", Malformed},
		"a line end in the claims": {head + "." + claims + "\n", Malformed},
	} {
		sig, _, err := s.Sign(ctx, sha256.Sum256([]byte(c.signed)))
		if err == nil {
			sig, err = fromASN1(sig)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(ctx, c.signed+"."+base64url.EncodeToString(sig), loans.String(), noon); reason(t, err) != c.want {
			t.Errorf("%s: got %s, want %s", name, reason(t, err), c.want)
		}
	}
}

func TestATokenWithoutALifeOfItsOwnIsRefusedForItsTimes(t *testing.T) {
	d := newDelegated(t)
	good := delegationClaimsNow()
	for name, claims := range map[string]object{
		"no exp":           without(good, "exp"),
		"no iat":           without(good, "iat"),
		"no nbf":           without(good, "nbf"),
		"exp is iat":       with(with(good, "exp", noon.Unix()), "nbf", noon.Unix()-1),
		"exp is nbf":       with(with(good, "exp", noon.Unix()), "iat", noon.Unix()-1),
		"iat of 12 digits": with(good, "exp", int64(100_000_000_000)),
	} {
		if _, err := d.verifier.Verify(ctx, craft(t, d.signer, headerOf(d.signer, "at+jwt"), claims), loans.String(), noon); reason(t, err) != BadTimes {
			t.Errorf("%s: got %s", name, reason(t, err))
		}
	}
	if s, ok := parsedObject(t, `{"exp":99999999999}`).seconds("exp"); s != 99_999_999_999 || !ok {
		t.Errorf("the last second before the year 5138 cannot be said: %d %v", s, ok)
	}
}

func parsedObject(t *testing.T, text string) object {
	t.Helper()
	o, err := parseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestATextOf256BytesIsOneAndOfOneMoreIsNot(t *testing.T) {
	if !isText(strings.Repeat("a", 256)) || isText(strings.Repeat("a", 257)) {
		t.Error("a longest text is promised, and another one holds")
	}
}

func TestEveryLetterThatASessionTagTakesMakesATenant(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/=+-@"
	for _, letter := range letters {
		if !isTenant(string(letter)) {
			t.Errorf("a company whose tenant is %q could not be served", letter)
		}
	}
	for letter := range rune(0x250) {
		if isTenant("a"+string(letter)+"b") != strings.ContainsRune(letters+" ", letter) {
			t.Errorf("%q in a tenant", letter)
		}
	}
}

func TestAMemoryWithoutRoomRemembersNothing(t *testing.T) {
	for name, s := range map[string]*signatures{"none": nil, "no room": newSignatures(0)} {
		s.learn(numbered(1), noon.Add(time.Hour))
		if s.knows(numbered(1), noon) {
			t.Errorf("%s: it remembers", name)
		}
	}
}

func TestACallAssertionMayLiveForASecond(t *testing.T) {
	s := newSigner(t, ES256)
	for life, want := range map[time.Duration]bool{time.Second: true, time.Second - 1: false, MaxCall: true, MaxCall + 1: false} {
		if _, err := Assert(ctx, s, oneCall(), life, noon); (err == nil) != want {
			t.Errorf("%v: %v", life, err)
		}
	}
}

func TestAKeySetIsReadUpToItsBoundAndNotBeyond(t *testing.T) {
	set := jwksOf(t, newSigner(t, ES256))
	full := append(bytes.Clone(set), bytes.Repeat([]byte(" "), maxKeySet-len(set))...)
	if keys, err := readKeySet(full, standard); err != nil || len(keys) != 1 {
		t.Errorf("a key set of the largest size: %d keys, %v", len(keys), err)
	}
	if _, err := readKeySet(append(full, ' '), standard); err == nil {
		t.Error("a key set beyond the largest size was read")
	}
}

// asking is a keyring whose issuer answers this document.
func asking(t *testing.T, document []byte) *keyring {
	t.Helper()
	r, err := newKeyring(KeySource{Fetch: func(context.Context, string) ([]byte, error) { return document, nil }}, "https://issuer.example", standard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestADiscoveryDocumentIsReadUpToItsBoundAndLeadsToAnAddress(t *testing.T) {
	document := []byte(`{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"}`)
	full := append(bytes.Clone(document), bytes.Repeat([]byte(" "), maxKeySet-len(document))...)
	if at, err := asking(t, full).discover(ctx); err != nil || at != "https://issuer.example/keys" {
		t.Errorf("a document of the largest size leads to %q: %v", at, err)
	}
	if _, err := asking(t, append(full, ' ')).discover(ctx); err == nil {
		t.Error("a document beyond the largest size was read")
	}
	for _, uri := range []string{"", "/keys", "https:keys", "https://", "https://[::1", "https://issuer.example/%zz", "file:///keys", "://x"} {
		if at, err := asking(t, fmt.Appendf(nil, `{"issuer":"https://issuer.example","jwks_uri":%q}`, uri)).discover(ctx); err == nil {
			t.Errorf("jwks_uri %q leads to %q", uri, at)
		}
	}
}

func TestKeysComeFromAnAddressThatCanBeAsked(t *testing.T) {
	fetch := func(context.Context, string) ([]byte, error) { return nil, errors.New("not asked") }
	for address, want := range map[string]bool{
		"https://issuer.example/keys": true, "http://issuer.example/keys": true,
		"https://issuer.example/%zz": false, "https:keys": false, "https://": false, "/keys": false, "file://issuer.example/keys": false, "//issuer.example/keys": false,
	} {
		// The times are in order, so that nothing else is refused.
		if err := (KeySource{JWKS: address, Fetch: fetch, Cooldown: 1, Refresh: 2, Stale: 3}).check(issuerURL); (err == nil) != want {
			t.Errorf("keys at %q: %v", address, err)
		}
	}
}

func TestTheTimesOfKeysAreInOrder(t *testing.T) {
	fetch := func(context.Context, string) ([]byte, error) { return nil, errors.New("not asked") }
	for _, c := range []struct {
		cooldown, refresh, stale time.Duration
		want                     bool
	}{
		{1, 2, 3, true}, {2, 2, 2, true}, {0, 0, 0, true},
		{-1, 2, 3, false}, {2, 1, 3, false}, {1, 3, 2, false}, {-3, -2, -1, false},
	} {
		source := KeySource{Fetch: fetch, Cooldown: c.cooldown, Refresh: c.refresh, Stale: c.stale}
		if err := source.check(issuerURL); (err == nil) != c.want {
			t.Errorf("cooldown %d, refresh %d, stale %d: %v", c.cooldown, c.refresh, c.stale, err)
		}
	}
}

func TestATokenIsOfTheOneApplicationThatItNames(t *testing.T) {
	for name, c := range map[string]struct {
		claims object
		want   string
	}{
		"client_id":                   {object{"client_id": "desk"}, "desk"},
		"azp":                         {object{"azp": "desk"}, "desk"},
		"both, and they say the same": {object{"client_id": "desk", "azp": "desk"}, "desk"},
		"both, and they differ":       {object{"client_id": "desk", "azp": "portal"}, ""},
		"neither":                     {object{}, ""},
	} {
		if got := (&opened{claims: c.claims}).client(); got != c.want {
			t.Errorf("%s: an entry for %q takes it for %q's", name, c.want, got)
		}
	}
}

func TestAKeySourceThatSaysNoTimesHasTheStatedOnes(t *testing.T) {
	fetch := func(context.Context, string) ([]byte, error) { return nil, errors.New("not asked") }
	for name, c := range map[string]struct {
		source                   KeySource
		cooldown, refresh, stale time.Duration
	}{
		"nothing said":    {KeySource{Fetch: fetch}, 30 * time.Second, 5 * time.Minute, time.Hour},
		"a long cooldown": {KeySource{Fetch: fetch, Cooldown: 10 * time.Minute}, 10 * time.Minute, 10 * time.Minute, time.Hour},
		"a long refresh":  {KeySource{Fetch: fetch, Refresh: 2 * time.Hour}, 30 * time.Second, 2 * time.Hour, 2 * time.Hour},
		"all said":        {KeySource{Fetch: fetch, Cooldown: 1, Refresh: 2, Stale: 3}, 1, 2, 3},
	} {
		r, err := newKeyring(c.source, "https://issuer.example", standard)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.source; got.Cooldown != c.cooldown || got.Refresh != c.refresh || got.Stale != c.stale {
			t.Errorf("%s: %v, %v, %v; want %v, %v, %v", name, got.Cooldown, got.Refresh, got.Stale, c.cooldown, c.refresh, c.stale)
		}
	}
}

// TestIssuersAreApartExactlyWhenNoTokenOrUserCouldBeMistaken looks at apart alone, because
// a policy that is refused for another reason would hide what it misses.
func TestIssuersAreApartExactlyWhenNoTokenOrUserCouldBeMistaken(t *testing.T) {
	one, two := jwksOf(t, newSigner(t, ES256)), jwksOf(t, newSigner(t, ES256))
	login := func(url, realm string, keys []byte) Issuer {
		i := loginIssuer(keys)
		i.URL, i.Realm = url, realm
		return i
	}
	call := callIssuer(two)
	published := func(i Issuer) Issuer { // its keys are where discovery says
		i.Keys.Fixed = nil
		return i
	}
	for name, c := range map[string]struct {
		issuers []Issuer
		want    string // the problem; empty for none
	}{
		"two kinds of one issuer, two keys":       {[]Issuer{delegationIssuer(one), call}, ""},
		"two kinds of one issuer, one key":        {[]Issuer{delegationIssuer(two), call}, "with the same keys"},
		"two kinds, keys where one issuer says":   {[]Issuer{published(delegationIssuer(one)), published(call)}, "with the same keys"},
		"two kinds of two issuers":                {[]Issuer{delegationIssuer(one), login("https://a.example", "", two)}, ""},
		"calls twice":                             {[]Issuer{callIssuer(one), call}, "declared twice"},
		"delegations twice":                       {[]Issuer{delegationIssuer(one), delegationIssuer(two)}, "declared twice"},
		"a login where delegations come from":     {[]Issuer{delegationIssuer(one), login(issuerURL, "", two)}, "declared twice"},
		"two logins with realms, one key":         {[]Issuer{login("https://a.example", "a", one), login("https://b.example", "b", one)}, ""},
		"two logins, one realm":                   {[]Issuer{login("https://a.example", "a", one), login("https://b.example", "a", two)}, "its own realm"},
		"two logins, one without a realm":         {[]Issuer{login("https://a.example", "a", one), login("https://b.example", "", two)}, "its own realm"},
		"one login without a realm":               {[]Issuer{login("https://a.example", "", one)}, ""},
		"a login and a delegation, without realm": {[]Issuer{login("https://a.example", "", one), delegationIssuer(two)}, ""},
	} {
		got := fmt.Sprint(apart(c.issuers))
		if c.want == "" && got != "[]" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTheWidestLeewayIsTheStatedOne(t *testing.T) {
	i := delegationIssuer(jwksOf(t, newSigner(t, ES256)))
	for leeway, want := range map[time.Duration]bool{5 * time.Minute: true, 5*time.Minute + 1: false} {
		i.Leeway = leeway
		if _, err := NewVerifier(Policy{Issuers: []Issuer{i}}); (err == nil) != want {
			t.Errorf("a leeway of %v: %v", leeway, err)
		}
	}
}

func TestAPointOffTheCurveIsNotPublished(t *testing.T) {
	k := newSigner(t, ES256).private.Public().(*ecdsa.PublicKey)
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).Add(k.X, big.NewInt(1)), Y: k.Y} //nolint:staticcheck // SA1019: only the old fields can hold such a point
	if published, err := NewPublicKey(ES256, off); err == nil {
		t.Errorf("published %v", published)
	}
}

// TestATokenIsSignedUpToTheSizeThatIsRead looks for the sizes that base64 has.
func TestATokenIsSignedUpToTheSizeThatIsRead(t *testing.T) {
	s, largest := newSigner(t, ES256), 0
	for pad := MaxToken*3/4 - 400; pad < MaxToken*3/4; pad++ {
		token, err := sign(ctx, s, "at+jwt", object{"pad": strings.Repeat("x", pad)})
		if err != nil {
			break
		}
		largest = len(token)
	}
	if largest != MaxToken {
		t.Errorf("tokens of up to %d bytes are read, and the largest that is signed has %d", MaxToken, largest)
	}
}
