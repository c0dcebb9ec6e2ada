package main

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"remit/identity"
	"remit/lambdas/entry"
	"remit/lambdas/environ"
	"remit/lambdas/login"
	"remit/lambdas/registry"
	"remit/lambdas/signing"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/terms"
)

// newEntry makes the front door over AWS.
func newEntry(ctx context.Context, config aws.Config) (*entry.Entry, error) {
	entrance, err := environ.Entrance()
	if err != nil {
		return nil, err
	}
	parameters := &registry.Registry{Client: ssm.NewFromConfig(config), Path: environ.Must("REMIT_REGISTRY"), Region: config.Region}
	issuer, err := parameters.Door(ctx)
	if err != nil {
		return nil, err
	}
	keys := kms.NewFromConfig(config)
	delegation, err := signing.New(ctx, keys, environ.Must("REMIT_DELEGATION_KEY"), identity.RS256)
	if err != nil {
		return nil, err
	}
	calls, err := signing.New(ctx, keys, environ.Must("REMIT_CALL_KEY"), identity.ES256)
	if err != nil {
		return nil, err
	}
	documents, err := entry.Publish(issuer, delegation.Public(), calls.Public())
	if err != nil {
		return nil, err
	}
	users, err := login.Verifier(entrance.Login, entrance.Login.Audience)
	if err != nil {
		return nil, err
	}
	return &entry.Entry{
		Entrance: entrance, Issuer: issuer, Login: users, Agents: newAgents(issuer, documents["/jwks.json"]),
		Lanes: parameters, Signer: delegation, Documents: documents,
		Ledger:  &ledger.Ledger{Zone: terms.Zone(entrance.Day), Store: &dynamo.Store{Client: dynamodb.NewFromConfig(config), Tables: tables()}},
		Runtime: newRuntime(config), Vendor: vendor{sts.NewFromConfig(config)},
		Note: environ.Note, Now: time.Now, Looks: entry.Every(5 * time.Second),
	}, nil
}

func tables() map[string]string {
	return map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER"), ledger.DirectoryTable: environ.Must("REMIT_DIRECTORY")}
}

// agents verifies our own delegation tokens, for whichever registered lane is asked about.
type agents struct {
	issuer string
	keys   []byte

	mu   sync.Mutex
	lane map[string]*identity.Verifier // by audience; only registered lanes are ever asked about
}

func newAgents(issuer string, keys []byte) *agents {
	return &agents{issuer: issuer, keys: keys, lane: map[string]*identity.Verifier{}}
}

// Verify trusts one audience at a time: the lane that is registered under it.
func (a *agents) Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error) {
	v, err := a.of(audience)
	if err != nil {
		return identity.Claims{}, err
	}
	return v.Verify(ctx, raw, audience, now)
}

// of is the one verifier of a lane's tokens: it has read the keys, and remembers whose
// signatures were good.
func (a *agents) of(audience string) (*identity.Verifier, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v, made := a.lane[audience]; made {
		return v, nil
	}
	v, err := identity.Delegations(a.issuer, audience, identity.KeySource{Fixed: a.keys}, 0)
	if err == nil {
		a.lane[audience] = v
	}
	return v, err
}
