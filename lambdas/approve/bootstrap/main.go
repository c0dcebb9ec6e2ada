// Command bootstrap is where users approve, as a Lambda function behind a function URL.
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
	approvals := environ.Or(newApprovals(ctx, role.Config()))
	lambdaurl.Start(approvals.Handler(), lambda.WithContext(ctx))
}
