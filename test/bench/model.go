package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"remit/identity"
	"remit/lambdas/model"
	"remit/lambdas/model/standin"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

const benchModel = "anthropic.claude-bench-v1:0"

// remote is a stand-in of Bedrock at an address.
type remote struct{ url string }

func (r remote) Call(ctx context.Context, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	request.Header = header
	return http.DefaultClient.Do(request)
}

type nobody struct{}

func (nobody) End(context.Context, terms.ExecutionID, string) error { return nil }

// brokered is the row of a model asked through the broker, and of the same asked directly.
// Both go over HTTP on loopback, to a stand-in that answers at once: what a model takes to
// think would hide what the broker takes.
func brokered(rounds int) ([]row, error) {
	upstream := httptest.NewServer(standin.Handler())
	defer upstream.Close()
	broker, token, err := newBroker(remote{upstream.URL})
	if err != nil {
		return nil, err
	}
	through := httptest.NewServer(broker.Handler())
	defer through.Close()
	ask := func(url string) side {
		return side{batch: perReading, run: func(n int) error {
			for range n {
				if err := prompt(url, token); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	took, err := within(rounds, ask(upstream.URL), ask(through.URL))
	if err != nil {
		return nil, err
	}
	return []row{costRatio("a model asked through the broker : directly", took[0], took[1], 0, ", a stand-in that answers at once")}, nil
}

func newBroker(upstream model.Upstream) (*model.Broker, string, error) {
	now := time.Now() // a call is cut by the clock on the wall
	signer, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		return nil, "", err
	}
	keys, err := identity.JWKS(signer.Public())
	if err != nil {
		return nil, "", err
	}
	audience := identity.ModelAudience(benchLane)
	verifier, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{
		URL: benchIssuer, Kind: identity.KindDelegation, Audiences: []string{audience}, Algorithms: []identity.Algorithm{identity.ES256},
		Types: []string{"at+jwt"}, MaxAge: 12 * time.Hour, Keys: identity.KeySource{Fixed: keys},
	}}})
	if err != nil {
		return nil, "", err
	}
	token, err := identity.Mint(context.Background(), signer, identity.Delegation{
		Issuer: benchIssuer, User: called.User, Lane: benchLane, Execution: endless, Purpose: called.Purpose, Audience: audience, Deadline: now.Add(time.Hour)}, now)
	if err != nil {
		return nil, "", err
	}
	books := &ledger.Ledger{Store: &ledger.Memory{}}
	_, err = books.Open(context.Background(), ledger.Admission{Execution: endless, User: called.User, Lane: benchLane, Purpose: called.Purpose, At: now, Deadline: now.Add(time.Hour),
		Caps: []ledger.Amount{{Limit: ledger.TokensLimit, Take: 1 << 50}, {Limit: ledger.ModelCostLimit, Take: 1 << 50}, {Limit: ledger.CostLimit, Take: 1 << 50}}})
	price := policy.Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000, CacheWrite: 3_750_000}
	return &model.Broker{Models: policy.Models{Format: policy.Format, Lane: benchLane, Prices: map[string]policy.Price{benchModel: price}},
		Verifier: verifier, Ledger: books, Upstream: upstream, Door: nobody{}, Note: func(string, string) {}, Now: time.Now}, token, err
}

func prompt(url, token string) error {
	request, err := http.NewRequest(http.MethodPost, url+"/model/"+benchModel+"/converse", strings.NewReader(`{"messages":[{"role":"user","content":[{"text":"`+strings.Repeat("word ", 200)+`"}]}],"inferenceConfig":{"maxTokens":300}}`))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the benchmark measures a refusal: %s", text)
	}
	return err
}
