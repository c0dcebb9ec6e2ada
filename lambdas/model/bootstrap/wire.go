package main

import (
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/identity"
	"remit/lambdas/environ"
	"remit/lambdas/model"
	"remit/lambdas/model/bedrock"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/policy"
)

// How long the issuer's keys, and the end of an execution, are waited for.
const timeout = 3 * time.Second

// newBroker makes the broker over AWS, and fails when a setting is missing: a function that
// cannot decide must not start.
func newBroker(config aws.Config) (*model.Broker, error) {
	text, err := environ.Document("models.json")
	if err != nil {
		return nil, err
	}
	models, err := policy.LoadModels(text)
	if err != nil {
		return nil, err
	}
	issuer, client := strings.TrimSuffix(environ.Must("REMIT_ISSUER"), "/"), &http.Client{Timeout: timeout}
	verifier, err := identity.Delegations(issuer, identity.ModelAudience(models.Lane), identity.KeySource{Fetch: identity.OverHTTP(client)}, 0)
	if err != nil {
		return nil, err
	}
	return &model.Broker{
		Models: models, Verifier: verifier, Note: environ.Note, Now: time.Now,
		Ledger:   &ledger.Ledger{Store: &dynamo.Store{Client: dynamodb.NewFromConfig(config), Tables: map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}}},
		Upstream: bedrock.Runtime{Base: runtime(config), Region: config.Region, Credentials: config.Credentials, Client: &http.Client{}}, // an answer streams for minutes
		Door:     model.OverHTTP{URL: issuer, Client: client},
	}, nil
}

// runtime is Bedrock's own address unless the SDK's variable names another (AWS SDKs and Tools
// Reference Guide, feature-ss-endpoints).
func runtime(config aws.Config) string {
	if url := os.Getenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	return "https://bedrock-runtime." + config.Region + ".amazonaws.com"
}
