// Command bootstrap is where people intervene, as a Lambda function behind a function URL that
// AWS signs people in at.
package main

import (
	"context"
	"net/http"
	"os"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/environ"
	"remit/lambdas/operate"
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
		Identify: verified, Widened: operate.Metric(os.Stdout, environ.Must("REMIT_ENVIRONMENT"), time.Now), Note: environ.Note, Now: time.Now,
	}
	lambdaurl.Start(d.Handler(), lambda.WithContext(context.Background()))
}

// verified is whose signature Lambda checked (Lambda developer guide, urls-invocation: what
// requestContext.authorizer.iam says). Without one it is nobody.
func verified(r *http.Request) operate.Identity {
	request, ok := lambdaurl.RequestFromContext(r.Context())
	if !ok || request.RequestContext.Authorizer == nil || request.RequestContext.Authorizer.IAM == nil {
		return operate.Identity{}
	}
	return operate.Identity{ARN: request.RequestContext.Authorizer.IAM.UserARN}
}
