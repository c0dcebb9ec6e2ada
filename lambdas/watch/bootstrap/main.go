// Command bootstrap compares, every five minutes, what the lanes of one environment do with
// what they did.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"remit/anomaly"
	"remit/lambdas/environ"
	"remit/lambdas/registry"
	"remit/lambdas/role"
	"remit/lambdas/watch"
	"remit/ledger"
	"remit/ledger/dynamo"
)

func main() {
	config := role.Config()
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	w := &watch.Watcher{
		Environment: environ.Must("REMIT_ENVIRONMENT"), Declared: environ.Or(declared()),
		Ledger:  &ledger.Ledger{Store: &dynamo.Store{Client: dynamodb.NewFromConfig(config), Tables: tables}},
		Lanes:   &registry.Registry{Client: ssm.NewFromConfig(config), Path: environ.Must("REMIT_REGISTRY"), Region: config.Region},
		Metrics: os.Stdout, Note: note, Now: time.Now,
	}
	lambda.Start(w.Watch)
}

// declared reads what the environment declares of anomalies. An unknown key is not ours to
// guess at.
func declared() (d anomaly.Declared, err error) {
	text, err := environ.Document("watch.json")
	if err != nil {
		return d, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("watch.json: %w", err)
	}
	if d.Weeks < 1 {
		return d, errors.New("watch.json does not say how many weeks are compared with")
	}
	return d, nil
}

func note(lane, why string) {
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Warn("not as usual", "lane", lane, "why", why)
}
