// Command bootstrap is where people intervene, as a Lambda function behind a function URL that
// AWS signs people in at.
package main

import (
	"context"
	"os"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/environ"
	"remit/lambdas/operate"
	"remit/lambdas/person"
	"remit/lambdas/role"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/terms"
)

func main() {
	zone, tables := terms.Zone(environ.Must("REMIT_DAY")), map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER")}
	d := &operate.Desk{
		Ledger: &ledger.Ledger{Zone: zone, Store: &dynamo.Store{Client: dynamodb.NewFromConfig(role.Config()), Tables: tables}},
		Zone:   zone, Roles: operate.Roles{Operator: environ.Must("REMIT_OPERATOR"), Breakglass: environ.Must("REMIT_BREAKGLASS")},
		Identify: person.Verified, Widened: operate.Metric(os.Stdout, environ.Must("REMIT_ENVIRONMENT"), time.Now), Note: environ.Note, Now: time.Now,
	}
	lambdaurl.Start(d.Handler(), lambda.WithContext(context.Background()))
}
