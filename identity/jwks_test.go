package identity

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// published is an issuer's key set that tests change while verifiers look.
type published struct {
	mu      sync.Mutex
	set     []byte
	err     error
	fetches atomic.Int64
	hold    chan struct{} // when not nil, fetches wait for it
}

func (p *published) fetch(ctx context.Context, _ string) ([]byte, error) {
	p.fetches.Add(1)
	p.mu.Lock()
	hold := p.hold
	p.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set, p.err
}

func (p *published) publish(set []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set, p.err = set, err
}

func (p *published) source() KeySource {
	return KeySource{JWKS: "https://issuer.example/jwks", Fetch: p.fetch, Cooldown: 30 * time.Second, Refresh: 5 * time.Minute, Stale: time.Hour}
}

// watched is a gateway whose issuer's keys are fetched.
func watched(t *testing.T, s ...*LocalSigner) (*published, *Verifier) {
	p := &published{set: jwksOf(t, s...)}
	i := delegationIssuer(nil)
	i.Keys = p.source()
	return p, newVerifier(t, i)
}

func longRun(t *testing.T, s *LocalSigner) string {
	run := loanRun()
	run.Deadline = noon.Add(7 * time.Hour)
	raw, err := Mint(ctx, s, run, noon)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (p *published) fetched(t *testing.T, want int64) {
	t.Helper()
	if got := p.fetches.Load(); got != want {
		t.Errorf("the issuer was asked %d times, want %d", got, want)
	}
}

func TestAMillionUnknownKeysCostOneFetchPerCooldown(t *testing.T) {
	const cooldowns = 20
	kids := 1_000_000
	if testing.Short() {
		kids = 20_000
	}
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	good := longRun(t, s)
	tail := "." + part(t, delegationClaimsNow()) + "." + strings.Repeat("A", 86)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range kids {
		now := noon.Add(time.Duration(n) * cooldowns * 30 * time.Second / time.Duration(kids))
		kid := strconv.FormatUint(random.Uint64(), 36)
		if k, refusal := v.issuers[0].keys.find(ctx, kid, now); k != nil || refusal.Reason != UnknownKey {
			t.Fatalf("got %v, %v", k, refusal)
		}
		if n%100 == 0 { // now and then the whole way
			flood := part(t, `{"alg":"ES256","typ":"at+jwt","kid":"`+kid+`"}`) + tail
			if _, err := v.Verify(ctx, flood, loans.String(), now); reason(t, err) != UnknownKey {
				t.Fatalf("got %s", reason(t, err))
			}
			if _, err := v.Verify(ctx, good, loans.String(), now); err != nil {
				t.Fatalf("the flood takes a good token with it: %s", reason(t, err))
			}
		}
	}
	if got := p.fetches.Load(); got > cooldowns || got < cooldowns-1 {
		t.Errorf("%d unknown keys in %d cooldowns cost %d fetches", kids, cooldowns, got)
	}
	if n := len(v.issuers[0].keys.keys); n != 1 {
		t.Errorf("%d keys are remembered of one", n)
	}
}

func TestManyAtOnceCostOneFetch(t *testing.T) {
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	p.hold = make(chan struct{})
	good := longRun(t, s)
	stranger, err := Mint(ctx, newSigner(t, ES256), loanRun(), noon)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			raw, want := good, Reason("accepted")
			if n%2 == 0 {
				raw, want = stranger, UnknownKey
			}
			if _, err := v.Verify(ctx, raw, loans.String(), noon); reason(t, err) != want {
				t.Errorf("got %s, want %s", reason(t, err), want)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(p.hold)
	wg.Wait()
	p.fetched(t, 1)
}

func TestAnEmptyKeySetDoesNotDefeatTheCooldown(t *testing.T) {
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	p.publish([]byte(`{"keys":[]}`), nil)
	good := longRun(t, s)
	for range 1000 {
		if _, err := v.Verify(ctx, good, loans.String(), noon); reason(t, err) != UnknownKey {
			t.Fatalf("got %s", reason(t, err))
		}
	}
	p.fetched(t, 1)
	p.publish(jwksOf(t, s), nil)
	if _, err := v.Verify(ctx, good, loans.String(), noon.Add(30*time.Second)); err != nil {
		t.Errorf("got %s", reason(t, err))
	}
	p.fetched(t, 2)
}

func TestAFailingIssuerIsAskedOncePerCooldown(t *testing.T) {
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	p.publish(nil, errors.New("503"))
	for range 1000 {
		_, err := v.Verify(ctx, longRun(t, s), loans.String(), noon)
		if reason(t, err) != KeysUnavailable {
			t.Fatalf("got %s", reason(t, err))
		}
		var refusal *Refusal
		if errors.As(err, &refusal); refusal.Cause == nil || refusal.Issuer != issuerURL {
			t.Fatalf("an operator cannot see why: %+v", refusal)
		}
	}
	p.fetched(t, 1)
}

func TestARotationIsSeenWithinACooldown(t *testing.T) {
	before, after := newSigner(t, ES256), newSigner(t, ES256)
	p, v := watched(t, before)
	if _, err := v.Verify(ctx, longRun(t, before), loans.String(), noon); err != nil {
		t.Fatal(reason(t, err))
	}
	// The new kid is asked for too early, then published: that must not hide it.
	at := noon.Add(time.Minute)
	if _, err := v.Verify(ctx, longRun(t, after), loans.String(), at); reason(t, err) != UnknownKey {
		t.Fatalf("got %s", reason(t, err))
	}
	p.publish(jwksOf(t, before, after), nil)
	if _, err := v.Verify(ctx, longRun(t, after), loans.String(), at.Add(29*time.Second)); reason(t, err) != UnknownKey {
		t.Errorf("the cooldown is not kept: %s", reason(t, err))
	}
	for _, s := range []*LocalSigner{after, before} {
		if _, err := v.Verify(ctx, longRun(t, s), loans.String(), at.Add(30*time.Second)); err != nil {
			t.Errorf("a cooldown later: %s", reason(t, err))
		}
	}
	p.fetched(t, 3)
}

func TestAWithdrawnKeyIsNoticedEvenForTokensSeenBefore(t *testing.T) {
	gone, stays := newSigner(t, ES256), newSigner(t, ES256)
	p, v := watched(t, gone, stays)
	raw := longRun(t, gone)
	if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
		t.Fatal(reason(t, err))
	}
	p.publish(jwksOf(t, stays), nil)
	if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(5*time.Minute-1)); err != nil {
		t.Errorf("within the refresh: %s", reason(t, err))
	}
	if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(5*time.Minute)); reason(t, err) != UnknownKey {
		t.Errorf("a withdrawn key still signs: %s", reason(t, err))
	}
}

func TestANewKeyUnderAnOldNameMustSignAnew(t *testing.T) {
	s, impostor := newSigner(t, ES256), newSigner(t, ES256)
	p, v := watched(t, s)
	raw := longRun(t, s)
	if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
		t.Fatal(reason(t, err))
	}
	renamed := impostor.Public()
	renamed.jwk = with(renamed.jwk, "kid", s.Public().ID)
	set, err := JWKS(renamed)
	if err != nil {
		t.Fatal(err)
	}
	p.publish(set, nil)
	if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(5*time.Minute)); reason(t, err) != BadSignature {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestARememberedSignatureDoesNotOutliveItsAlgorithm(t *testing.T) {
	s := newSigner(t, RS256)
	p, v := watched(t, s)
	raw := longRun(t, s)
	if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
		t.Fatal(reason(t, err))
	}
	moved := s.Public()
	moved.jwk = with(moved.jwk, "alg", "PS256")
	set, err := JWKS(moved)
	if err != nil {
		t.Fatal(err)
	}
	p.publish(set, nil)
	if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(5*time.Minute)); reason(t, err) != WrongAlgorithm {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestKeysServeWhileTheIssuerIsDownButNotForever(t *testing.T) {
	for name, fault := range map[string]struct {
		set []byte
		err error
	}{
		"no answer": {nil, errors.New("timeout")}, "not JSON": {[]byte("<html>"), nil}, "no keys member": {[]byte("{}"), nil},
		"too large":    {[]byte(`{"keys":[],"x":"` + strings.Repeat("x", maxKeySet) + `"}`), nil},
		"a name twice": {[]byte(`{"keys":[],"keys":[]}`), nil},
		"mixed":        {[]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA"}]}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigner(t, ES256)
			p, v := watched(t, s)
			raw := longRun(t, s)
			if _, err := v.Verify(ctx, raw, loans.String(), noon); err != nil {
				t.Fatal(reason(t, err))
			}
			p.publish(fault.set, fault.err)
			for minutes := range 60 {
				if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(time.Duration(minutes)*time.Minute)); err != nil {
					t.Fatalf("minute %d: %s", minutes, reason(t, err))
				}
			}
			if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(time.Hour)); reason(t, err) != KeysUnavailable {
				t.Errorf("keys serve longer than the policy lets them: %s", reason(t, err))
			}
			p.publish(jwksOf(t, s), nil)
			if _, err := v.Verify(ctx, raw, loans.String(), noon.Add(time.Hour+30*time.Second)); err != nil {
				t.Errorf("it does not recover: %s", reason(t, err))
			}
		})
	}
}

func TestACallerWhoLeavesDoesNotSpendTheCooldown(t *testing.T) {
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	p.hold = make(chan struct{})
	leaving, leave := context.WithCancel(ctx)
	leave()
	if _, err := v.Verify(leaving, longRun(t, s), loans.String(), noon); reason(t, err) != KeysUnavailable {
		t.Fatalf("got %s", reason(t, err))
	}
	close(p.hold)
	if _, err := v.Verify(ctx, longRun(t, s), loans.String(), noon); err != nil {
		t.Errorf("its fetch was lost: %s", reason(t, err))
	}
	p.fetched(t, 1)
}

func TestAKnownKeyServesACallerWhoCannotWait(t *testing.T) {
	s := newSigner(t, ES256)
	p, v := watched(t, s)
	if _, err := v.Verify(ctx, longRun(t, s), loans.String(), noon); err != nil {
		t.Fatal(reason(t, err))
	}
	p.hold = make(chan struct{})
	defer close(p.hold)
	hurried, leave := context.WithCancel(ctx)
	leave()
	for range 2 { // the first starts a fetch that hangs, the second finds it under way
		if _, err := v.Verify(hurried, longRun(t, s), loans.String(), noon.Add(6*time.Minute)); err != nil {
			t.Errorf("got %s", reason(t, err))
		}
	}
}

func TestAClockThatIsSetBackDoesNotStopRotation(t *testing.T) {
	before, after := newSigner(t, ES256), newSigner(t, ES256)
	p, v := watched(t, before)
	if _, err := v.Verify(ctx, longRun(t, before), loans.String(), noon.Add(2*time.Hour)); err != nil {
		t.Fatal(reason(t, err))
	}
	p.publish(jwksOf(t, before, after), nil)
	if _, err := v.Verify(ctx, longRun(t, after), loans.String(), noon); err != nil {
		t.Errorf("got %s", reason(t, err))
	}
}

func TestOnlyKeysFitToVerifyAreKept(t *testing.T) {
	ec, rsaKey := newSigner(t, ES256).Public().jwk, newSigner(t, RS256).Public().jwk
	for name, row := range map[string]struct {
		keys []any
		want int
	}{
		"sound":                        {[]any{ec, rsaKey}, 2},
		"no alg":                       {[]any{without(ec, "alg"), without(rsaKey, "alg")}, 2},
		"no use":                       {[]any{without(ec, "use")}, 1},
		"may verify":                   {[]any{with(without(ec, "use"), "key_ops", []any{"sign", "verify"})}, 1},
		"may not verify":               {[]any{with(without(ec, "use"), "key_ops", []any{"sign"})}, 0},
		"key_ops is text":              {[]any{with(ec, "key_ops", "verify")}, 0},
		"to encrypt":                   {[]any{with(ec, "use", "enc")}, 0},
		"use is null":                  {[]any{with(ec, "use", nil)}, 0},
		"alg is null":                  {[]any{with(ec, "alg", nil)}, 0},
		"alg of another type":          {[]any{with(ec, "alg", "RS256")}, 0},
		"alg none":                     {[]any{with(ec, "alg", "none")}, 0},
		"no kid":                       {[]any{without(ec, "kid")}, 0},
		"private half shown":           {[]any{with(ec, "d", "AA"), with(rsaKey, "p", "AA")}, 0},
		"another curve":                {[]any{with(ec, "crv", "P-384")}, 0},
		"point off the curve":          {[]any{with(ec, "x", ec["y"])}, 0},
		"short coordinate":             {[]any{with(ec, "x", "AA")}, 0},
		"symmetric":                    {[]any{object{"kty": "oct", "kid": "a", "alg": "HS256", "k": "AAAA"}}, 0},
		"exponent one":                 {[]any{with(rsaKey, "e", "AQ")}, 0},
		"even exponent":                {[]any{with(rsaKey, "e", "BA")}, 0},
		"exponent beyond 64 bits":      {[]any{with(rsaKey, "e", base64url.EncodeToString([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1}))}, 0},
		"coordinates cut elsewhere":    {[]any{cutElsewhere(ec)}, 0},
		"huge exponent":                {[]any{with(rsaKey, "e", "AQAAAAE")}, 0},
		"exponent with a sign bit":     {[]any{with(rsaKey, "e", "gAAAAQ")}, 0},
		"even modulus":                 {[]any{with(rsaKey, "n", base64url.EncodeToString(append(bytes.Repeat([]byte{0xff}, 255), 0xfe)))}, 0},
		"huge modulus":                 {[]any{with(rsaKey, "n", base64url.EncodeToString([]byte(strings.Repeat("\xff", 1025))))}, 0},
		"the same key twice":           {[]any{ec, ec}, 1},
		"two keys of one name":         {[]any{ec, with(newSigner(t, ES256).Public().jwk, "kid", ec["kid"])}, 0},
		"three of one name, two alike": {[]any{ec, with(newSigner(t, ES256).Public().jwk, "kid", ec["kid"]), ec}, 0},
		"two of one name, one broken":  {[]any{ec, with(ec, "x", "AA")}, 0},
		"one name for two purposes":    {[]any{ec, with(with(rsaKey, "kid", ec["kid"]), "use", "enc")}, 1},
		"one bad among good":           {[]any{object{"kty": "OKP", "kid": "x"}, ec}, 1},
	} {
		keys, err := readKeySet([]byte(mustMarshal(t, object{"keys": row.keys})), standard)
		if err != nil || len(keys) != row.want {
			t.Errorf("%s: %d keys kept, want %d, %v", name, len(keys), row.want, err)
		}
	}
}

// cutElsewhere lets x end a byte early and y begin with it.
func cutElsewhere(ec object) object {
	x, _ := ec.bytes("x")
	y, _ := ec.bytes("y")
	return with(with(ec, "x", base64url.EncodeToString(x[:31])), "y", base64url.EncodeToString(append(x[31:], y...)))
}

func answer(w http.ResponseWriter, body []byte) {
	_, _ = w.Write(body) // a client that hangs up is the test's subject, not its fault
}

func TestKeysAreFetchedFromWhereThePolicySays(t *testing.T) {
	s := newSigner(t, ES256)
	for name, row := range map[string]struct {
		serve func(server *httptest.Server, w http.ResponseWriter, r *http.Request)
		want  Reason
	}{
		"discovery names another issuer": {func(server *httptest.Server, w http.ResponseWriter, r *http.Request) {
			document, _ := Discovery("https://mallory.example", server.URL+"/jwks", ES256)
			if r.URL.Path == "/jwks" {
				document = jwksOf(t, s)
			}
			answer(w, document)
		}, KeysUnavailable},
		"discovery leads to a file": {func(server *httptest.Server, w http.ResponseWriter, _ *http.Request) {
			document, _ := Discovery(server.URL, "file:///etc/passwd", ES256)
			answer(w, document)
		}, KeysUnavailable},
		"redirect": {func(server *httptest.Server, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, server.URL+"/elsewhere", http.StatusFound)
		}, KeysUnavailable},
		"error page with keys": {func(_ *httptest.Server, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			answer(w, jwksOf(t, s))
		}, KeysUnavailable},
		"endless answer": {func(_ *httptest.Server, w http.ResponseWriter, _ *http.Request) {
			for range 4 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, KeysUnavailable},
		"sound": {func(server *httptest.Server, w http.ResponseWriter, r *http.Request) {
			document, _ := Discovery(server.URL, server.URL+"/jwks", ES256)
			if r.URL.Path == "/jwks" {
				document = jwksOf(t, s)
			}
			answer(w, document)
		}, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { row.serve(server, w, r) }))
			defer server.Close()
			i := delegationIssuer(nil)
			i.URL, i.Keys = server.URL, KeySource{Fetch: OverHTTP(server.Client())}
			run := loanRun()
			run.Issuer = server.URL
			raw, err := Mint(ctx, s, run, noon)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newVerifier(t, i).Verify(ctx, raw, loans.String(), noon); reason(t, err) != row.want {
				t.Errorf("got %s, want %s", reason(t, err), row.want)
			}
		})
	}
}

func TestAFetchFollowsNoRedirectAndReadsNoMoreThanItMay(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/here", func(w http.ResponseWriter, _ *http.Request) { answer(w, []byte("{}")) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/here", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		answer(w, []byte("{}"))
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { answer(w, make([]byte, 2*maxKeySet)) })
	server := httptest.NewServer(mux)
	defer server.Close()
	fetch := OverHTTP(server.Client())
	for path, want := range map[string]int{"/here": 2, "/moved": -1, "/broken": -1, "/nowhere": -1, "/large": maxKeySet + 1} {
		body, err := fetch(ctx, server.URL+path)
		if (err == nil) != (want >= 0) || err == nil && len(body) != want {
			t.Errorf("%s: got %d bytes, %v; want %d", path, len(body), err, want)
		}
	}
}

func TestADiscoveryDocumentDoesNotLeadFromHTTPSToHTTP(t *testing.T) {
	document, err := Discovery("https://issuer.example", "http://issuer.example/jwks", ES256)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newKeyring(KeySource{Fetch: func(context.Context, string) ([]byte, error) { return document, nil }}, "https://issuer.example", standard)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := r.discover(ctx); err == nil {
		t.Errorf("led to %s", at)
	}
}
