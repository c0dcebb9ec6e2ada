// Command bootstrap ends de-duplications when their declared event happens.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/lambdas/closing"
	"remit/lambdas/environ"
	"remit/lambdas/role"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/policy"
)

func main() {
	closings := environ.Or(policy.LoadClosings(environ.Or(environ.Document("closings.json"))))
	tables := map[string]string{ledger.LedgerTable: environ.Must("REMIT_LEDGER"), ledger.DirectoryTable: environ.Must("REMIT_DIRECTORY")}
	store := &dynamo.Store{Client: dynamodb.NewFromConfig(role.Config()), Tables: tables}
	c := &closing.Closer{Closings: closings, Ledger: &ledger.Ledger{Store: store}, Directory: closing.Owners{Store: store}}
	lambda.Start(c.Handle)
}
