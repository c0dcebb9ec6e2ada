// Command bootstrap is the gate of one pipeline, as a Lambda function: behind a function URL that
// AWS signs people in at, and behind the topic on which CodePipeline says that it waits.
package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	awspipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"remit/attest"
	"remit/identity"
	"remit/lambdas/environ"
	"remit/lambdas/gate"
	"remit/lambdas/gate/codepipeline"
	"remit/lambdas/person"
	"remit/lambdas/role"
	"remit/lambdas/signing"
	"remit/shelf"
	"remit/shelf/bucket"
)

func main() {
	config := role.Config()
	own := kms.NewFromConfig(config)
	pipeline := codepipeline.Pipeline{Client: awspipeline.NewFromConfig(config), Name: environ.Must("REMIT_PIPELINE")}
	g := &gate.Gate{
		Platform: environ.Must("REMIT_PLATFORM"), Pipeline: pipeline, Role: environ.Must("REMIT_APPROVER"),
		Shelf: shelf.Shelf{Store: bucket.Store{
			Client: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil }),
			Name:   environ.Must("REMIT_SHELF"), Owner: environ.Must("REMIT_ACCOUNT"),
		}},
		Keys: attest.Keys{
			attest.Judge: signing.Checked{Client: own, ID: environ.Must("REMIT_KEY_JUDGE")},
			attest.Gate:  signing.Checked{Client: own, ID: environ.Must("REMIT_KEY_GATE")},
		},
		Signer:   environ.Or(signing.New(context.Background(), own, environ.Must("REMIT_KEY_GATE"), identity.ES256)),
		Identify: person.Verified, Note: environ.Note, Now: time.Now,
	}
	people := lambdaurl.Wrap(g.Handler())
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		var notices events.SNSEvent
		if err := json.Unmarshal(event, &notices); err == nil && len(notices.Records) > 0 && notices.Records[0].EventSource == "aws:sns" {
			return nil, noticed(ctx, g, pipeline, notices)
		}
		var request events.LambdaFunctionURLRequest
		if err := json.Unmarshal(event, &request); err != nil {
			return nil, err
		}
		return people(ctx, &request)
	})
}

// noticed looks at each run that waits. Lambda tries again what fails, which is safe.
func noticed(ctx context.Context, g *gate.Gate, pipeline codepipeline.Pipeline, notices events.SNSEvent) error {
	for _, r := range notices.Records {
		environment, execution, err := pipeline.Read(r.SNS.Message)
		if err != nil {
			return err
		}
		if _, err := g.Waits(ctx, environment, execution); err != nil {
			return err
		}
	}
	return nil
}
