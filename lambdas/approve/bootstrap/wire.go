package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"remit/identity"
	"remit/lambdas/approve"
	"remit/lambdas/environ"
	"remit/lambdas/login"
	"remit/lambdas/registry"
	"remit/lambdas/sealing"
	"remit/lambdas/sealing/kmskeys"
	"remit/lambdas/signing"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/policy"
	"remit/terms"
)

// newApprovals makes the approvals over AWS.
func newApprovals(ctx context.Context, config aws.Config) (*approve.Approvals, error) {
	entrance, err := entrance()
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
	users, err := login.Verifier(entrance.Login, entrance.Approvals.Audience)
	if err != nil {
		return nil, err
	}
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	return &approve.Approvals{
		Entrance: entrance, Issuer: issuer, Login: users, Provider: login.NewProvider(entrance.Login.Issuer),
		Ledger: &ledger.Ledger{Zone: terms.Zone(entrance.Day), Store: &dynamo.Store{Client: dynamodb.NewFromConfig(config), Tables: tables}},
		Sealer: sealing.Sealer{Keys: kmskeys.KMS{Client: keys, Key: environ.Must("REMIT_SEAL_KEY")}},
		Lanes:  parameters, Signer: delegation, Gateway: approve.OverHTTP{Client: &http.Client{Timeout: approve.OneCall}},
		Note: environ.Note, Now: time.Now,
	}, nil
}

func entrance() (policy.Entrance, error) {
	entrance, err := environ.Entrance()
	if err == nil && entrance.Approvals == nil {
		err = errors.New("entrance.json says nothing of approvals; the environment declares identity.approvals")
	}
	return entrance, err
}
