// Command bootstrap charges executions with what their agents used of models directly.
package main

import (
	"os"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/environ"
	"remit/lambdas/meter"
	"remit/lambdas/role"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/policy"
)

func main() {
	decides := environ.Or(policy.LoadMeter(environ.Or(environ.Document("meter.json"))))
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	m := &meter.Meter{Policy: decides, Note: environ.Note, Count: meter.Metrics(os.Stdout),
		Ledger: &ledger.Ledger{Store: &dynamo.Store{Client: dynamodb.NewFromConfig(role.Config()), Tables: tables}}}
	lambda.Start(m.Handle)
}
