// Command bootstrap ends, each minute, what is due in one environment.
package main

import (
	"time"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/environ"
	"remit/lambdas/role"
	"remit/lambdas/sweep"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/terms"
)

func main() {
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	s := &sweep.Sweeper{Now: time.Now, Ledger: &ledger.Ledger{
		Zone: terms.Zone(environ.Must("REMIT_DAY")), Store: &dynamo.Store{Client: dynamodb.NewFromConfig(role.Config()), Tables: tables},
	}}
	lambda.Start(s.Sweep)
}
