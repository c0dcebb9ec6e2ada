// Command bootstrap is the front door as a Lambda function behind a function URL, whose
// answers stream.
package main

import (
	"context"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"github.com/aws/aws-sdk-go-v2/config"

	"remit/lambdas/environ"
)

func main() {
	ctx := context.Background()
	aws := environ.Or(config.LoadDefaultConfig(ctx))
	door := environ.Or(newEntry(ctx, aws))
	lambdaurl.Start(door.Handler(), lambda.WithContext(ctx))
}
