// Command bootstrap is the REQUEST interceptor of one lane as a Lambda function.
package main

import (
	"context"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone information, and a day needs one

	"github.com/aws/aws-lambda-go/lambda"

	"remit/lambdas/environ"
	"remit/lambdas/gateway"
	"remit/lambdas/interceptor"
)

// grace: an expired token admits nothing.
const grace time.Duration = 0

func main() {
	g := environ.Or(interceptor.New(context.Background(), grace))
	lambda.Start(func(ctx context.Context, e gateway.Event) (gateway.Reply, error) { return g.Request(ctx, e), nil })
}
