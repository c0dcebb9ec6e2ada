package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"remit/identity"
	"remit/lambdas/gateway"
	"remit/lambdas/sealing"
	"remit/ledger"
	"remit/terms"
)

const benchIssuer = "https://issuer.bench.example"

// keeper is a ledger that admits every call and keeps nothing: what is measured is the
// interceptor's own work.
type keeper struct{ gateway.Ledger }

func (keeper) Reserve(_ context.Context, c ledger.Claim) (ledger.Reservation, error) {
	return ledger.Reservation{Call: c.Call}, nil
}

// issuing is an issuer, the verifier that trusts it, and how often its keys were fetched.
type issuing struct {
	signer   *identity.LocalSigner
	verifier *identity.Verifier
	fetched  int
}

func newIssuing() (*issuing, error) {
	i := &issuing{}
	var err error
	if i.signer, err = identity.NewLocalSigner(identity.ES256); err != nil {
		return nil, err
	}
	keys, err := identity.JWKS(i.signer.Public())
	if err != nil {
		return nil, err
	}
	i.verifier, err = identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{
		URL: benchIssuer, Kind: identity.KindDelegation, Audiences: []string{benchLane.String()}, Algorithms: []identity.Algorithm{identity.ES256},
		Types: []string{"at+jwt"}, MaxAge: 12 * time.Hour,
		Keys: identity.KeySource{JWKS: benchIssuer + "/jwks", Fetch: func(context.Context, string) ([]byte, error) { i.fetched++; return keys, nil }},
	}}})
	return i, err
}

// tokens are so many different good ones, signed by the issuer or by a stranger.
func (i *issuing) tokens(signer identity.Signer, n int) ([]string, error) {
	out := make([]string, n)
	for at := range out {
		var err error
		out[at], err = identity.Mint(context.Background(), signer, identity.Delegation{
			Issuer: benchIssuer, User: called.User, Lane: benchLane, Execution: terms.ExecutionID(fmt.Sprintf("ex-%d", at)), Purpose: called.Purpose, Deadline: noon.Add(10 * time.Minute),
		}, noon)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bareES256 is the one signature check that no verifier can do without.
func bareES256() (side, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return side{}, err
	}
	text := make([]byte, 600) // about a delegation token
	digest := sha256.Sum256(text)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return side{}, err
	}
	return side{batch: perReading, run: func(n int) error {
		for range n {
			digest := sha256.Sum256(text)
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
				return errors.New("not verified")
			}
		}
		return nil
	}}, nil
}

// perReading is how many calls one reading of the clock covers.
const perReading = 16

// interceptor is the REQUEST side allowing one call after another, each under the next of
// these tokens.
func (i *issuing) interceptor(tokens []string) (side, error) {
	b, err := loadedLane(0, 10)
	if err != nil {
		return side{}, err
	}
	schemas, err := gateway.Compile(b)
	if err != nil {
		return side{}, err
	}
	g := &gateway.Gateway{
		Bundle: b, Digest: "sha256:0", Verifier: i.verifier, Ledger: keeper{}, Sealer: sealing.Sealer{}, Schemas: schemas,
		Now: func() time.Time { return noon }, Note: func(string, string) {},
	}
	events := make([]gateway.Event, len(tokens))
	for at, token := range tokens {
		events[at].MCP.GatewayRequest = &gateway.Message{Headers: map[string]string{"Authorization": "Bearer " + token},
			Body: json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tool-1___tool_1","arguments":{"order":"O-1"}}}`)}
	}
	next := 0
	return side{batch: perReading, run: func(n int) error {
		for range n {
			if r := g.Request(context.Background(), events[next%len(events)]); r.MCP.Request == nil {
				return fmt.Errorf("the benchmark measures a refusal: %s", r.MCP.Response.Body)
			}
			next++
		}
		return nil
	}}, nil
}

// verifying is the verifier alone, on one token that it has seen before.
func (i *issuing) verifying(token string, before func() error) side {
	return side{batch: perReading, before: before, run: func(n int) error {
		for range n {
			if _, err := i.verifier.Verify(context.Background(), token, benchLane.String(), noon); err != nil {
				return err
			}
		}
		return nil
	}}
}

// flood is how many tokens with unknown keys arrive before each reading.
const flood = 1000

// intercepted are the rows of the interceptor and of a flood of unknown keys.
func intercepted(rounds int) ([]row, error) {
	i, err := newIssuing()
	if err != nil {
		return nil, err
	}
	fresh, err := i.tokens(i.signer, (rounds+1)*readings*perReading)
	if err != nil {
		return nil, err
	}
	bare, err := bareES256()
	if err != nil {
		return nil, err
	}
	first, err := i.interceptor(fresh)
	if err != nil {
		return nil, err
	}
	again, err := i.interceptor(fresh[:1])
	if err != nil {
		return nil, err
	}
	took, err := within(rounds, bare, first, again)
	if err != nil {
		return nil, err
	}
	flooded, err := i.flooded(rounds, fresh[0])
	return append([]row{
		costRatio("REQUEST interceptor, new token : one bare ES256", took[0], took[1], 1.5, ""),
		costRatio("the same, token seen before", took[0], took[2], 0, ""),
	}, flooded...), err
}

func (i *issuing) flooded(rounds int, token string) ([]row, error) {
	stranger, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		return nil, err
	}
	strange, err := i.strangers(stranger)
	if err != nil {
		return nil, err
	}
	sent, already := 0, i.fetched
	rush := func() error {
		for _, t := range strange {
			if _, err := i.verifier.Verify(context.Background(), t, benchLane.String(), noon); err == nil {
				return errors.New("a key that nobody published is trusted")
			}
			sent++
		}
		return nil
	}
	refusing := side{batch: flood, run: func(int) error { return rush() }}
	took, err := within(rounds, i.verifying(token, nil), i.verifying(token, rush), refusing)
	if err != nil {
		return nil, err
	}
	return []row{
		costRatio("a good token after 1,000 unknown keys : alone", took[0], took[1], 0, fmt.Sprintf(", %d fetches for %d unknown keys", i.fetched-already, sent)),
		costRatio("a token of an unknown key : a good one seen before", took[0], took[2], 0, ""),
	}, nil
}

// strangers are tokens that each name another key which nobody published.
func (i *issuing) strangers(signer *identity.LocalSigner) ([]string, error) {
	tokens, err := i.tokens(signer, flood)
	if err != nil {
		return nil, err
	}
	for at, token := range tokens {
		header := fmt.Sprintf(`{"alg":"ES256","kid":"stranger-%d","typ":"at+jwt"}`, at)
		_, rest, _ := strings.Cut(token, ".")
		tokens[at] = base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	}
	return tokens, nil
}
