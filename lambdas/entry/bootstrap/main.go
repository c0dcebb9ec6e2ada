// Command bootstrap is the front door as a Lambda function behind a function URL, whose
// answers stream.
package main

import (
	"context"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"remit/lambdas/environ"
	"remit/lambdas/role"
)

func main() {
	ctx := context.Background()
	door := environ.Or(newEntry(ctx, role.Config()))
	lambdaurl.Start(door.Handler(), lambda.WithContext(ctx))
}
