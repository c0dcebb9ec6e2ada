// Command bootstrap is a lane's reach tools as a Lambda target of its gateway.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"

	"remit/lambdas/environ"
	"remit/lambdas/reach"
	"remit/policy"
)

func main() {
	aws := environ.Or(config.LoadDefaultConfig(context.Background()))
	r := &reach.Reach{Lane: environ.Must("REMIT_LANE"), Reaches: environ.Or(reaches()), Reader: reader{aws}}
	lambda.Start(func(ctx context.Context, arguments map[string]any) (any, error) {
		var custom map[string]string
		if c, ok := lambdacontext.FromContext(ctx); ok {
			custom = c.ClientContext.Custom
		}
		return r.Serve(ctx, custom, arguments)
	})
}

func reaches() (out map[string]policy.Reached, err error) {
	text, err := environ.Document("reaches.json")
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}
