package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	nethttp "net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/aws/smithy-go/transport/http"

	"remit/lambdas/entry"
	"remit/policy"
	"remit/terms"
)

// The headers that the runtime lets through to the agent (the lane's
// RequestHeaderConfiguration names these and nothing else).
const (
	DelegationHeader = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Delegation"
	ModelsHeader     = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Models"
)

// runtime is Bedrock AgentCore. One execution is one session.
type runtime struct{ client *bedrockagentcore.Client }

func newRuntime(config aws.Config) runtime {
	config.HTTPClient = whole{awshttp.NewBuildableClient()}
	return runtime{bedrockagentcore.NewFromConfig(config)}
}

// whole sends a request from a copy of its body. The SDK closes a body once the answer has
// begun; a transport that has not yet looked for the body's end takes that for a failed write
// and closes the connection, and an answer that still streams is cut (smithy-go v1.28.8).
type whole struct{ aws.HTTPClient }

// Do sends a request.
func (w whole) Do(r *nethttp.Request) (*nethttp.Response, error) {
	if r.Body == nil {
		return w.HTTPClient.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.WithContext(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	return w.HTTPClient.Do(sent)
}

// Invoke starts the agent under the lane's named endpoint and answers its stream.
func (r runtime) Invoke(ctx context.Context, i entry.Invocation) (entry.Answer, error) {
	out, err := r.client.InvokeAgentRuntime(ctx, &bedrockagentcore.InvokeAgentRuntimeInput{
		AgentRuntimeArn: &i.Lane.Runtime, Qualifier: &i.Lane.Endpoint, RuntimeSessionId: aws.String(string(i.Session)),
		ContentType: aws.String("application/json"), Payload: i.Payload,
	}, func(o *bedrockagentcore.Options) {
		o.APIOptions = append(o.APIOptions, http.AddHeaderValue(DelegationHeader, i.Token))
		if i.Models != "" {
			o.APIOptions = append(o.APIOptions, http.AddHeaderValue(ModelsHeader, i.Models))
		}
		o.RetryMaxAttempts = 1 // a second attempt would be a second run
	})
	if err != nil {
		return entry.Answer{}, err
	}
	return entry.Answer{ContentType: aws.ToString(out.ContentType), Body: out.Response}, nil
}

// Stop ends the session; one that has ended already is what was wanted.
func (r runtime) Stop(ctx context.Context, lane policy.Registration, session terms.ExecutionID) error {
	_, err := r.client.StopRuntimeSession(ctx, &bedrockagentcore.StopRuntimeSessionInput{
		AgentRuntimeArn: &lane.Runtime, Qualifier: &lane.Endpoint, RuntimeSessionId: aws.String(string(session)),
	})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
		return nil
	}
	return err
}
