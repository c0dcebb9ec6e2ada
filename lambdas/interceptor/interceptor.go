// Package interceptor wires the gateway's two sides to AWS. It is one room because both
// functions read the same settings; what each may do is its role's. Start with [New].
package interceptor

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"remit/identity"
	"remit/lambdas/entry/calls"
	"remit/lambdas/environ"
	"remit/lambdas/gateway"
	"remit/lambdas/role"
	"remit/lambdas/sealing"
	"remit/lambdas/sealing/kmskeys"
	"remit/lambdas/signing"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/terms"
)

// callLife is how long a tool may take to look at an assertion.
const callLife = 30 * time.Second

// fetchTimeout bounds a fetch of the issuer's keys; a gateway waits for both interceptors.
const fetchTimeout = 3 * time.Second

// New reads the bundle in the function's zip and its settings, and fails when one is
// missing: a function that cannot decide must not start. Grace is how long an expired token
// still settles; it never admits, because the ledger knows the deadline.
func New(ctx context.Context, grace time.Duration) (*gateway.Gateway, error) {
	bundle, digest, err := environ.Bundle()
	if err != nil {
		return nil, err
	}
	schemas, err := gateway.Compile(bundle)
	if err != nil {
		return nil, err
	}
	issuer := strings.TrimSuffix(environ.Must("REMIT_ISSUER"), "/")
	verifier, err := identity.Delegations(issuer, bundle.Lane.String(), identity.KeySource{Fetch: identity.OverHTTP(&http.Client{Timeout: fetchTimeout})}, grace)
	if err != nil {
		return nil, err
	}
	aws := role.Config()
	keys := kms.NewFromConfig(aws)
	g := &gateway.Gateway{
		Bundle: bundle, Digest: digest, Verifier: verifier, Schemas: schemas, Now: time.Now, Note: environ.Note,
		Ledger: &ledger.Ledger{Zone: terms.Zone(bundle.Day), Store: &dynamo.Store{Client: dynamodb.NewFromConfig(aws), Tables: map[string]string{
			ledger.LedgerTable: environ.Must("REMIT_LEDGER"), ledger.DirectoryTable: environ.Must("REMIT_DIRECTORY"),
		}}},
		Sealer: sealing.Sealer{Keys: kmskeys.KMS{Client: keys, Key: environ.Must("REMIT_SEAL_KEY")}},
	}
	if key := os.Getenv("REMIT_CALL_KEY"); key != "" {
		signer, err := signing.New(ctx, keys, key, identity.ES256)
		if err != nil {
			return nil, err
		}
		g.Assert = calls.Asserter(signer, issuer, callLife)
	}
	return g, nil
}
