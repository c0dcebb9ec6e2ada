// Command bootstrap ends, each minute, what is due in one environment.
package main

import (
	"context"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/environ"
	"remit/lambdas/sweep"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/terms"
)

func main() {
	aws := environ.Or(config.LoadDefaultConfig(context.Background()))
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	s := &sweep.Sweeper{Now: time.Now, Ledger: &ledger.Ledger{
		Zone: terms.Zone(environ.Must("REMIT_DAY")), Store: &dynamo.Store{Client: dynamodb.NewFromConfig(aws), Tables: tables},
	}}
	lambda.Start(s.Sweep)
}
