package live

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
)

// Bedrock is what reading an account's logging of model invocations takes.
type Bedrock interface {
	GetModelInvocationLoggingConfiguration(context.Context, *bedrock.GetModelInvocationLoggingConfigurationInput, ...func(*bedrock.Options)) (*bedrock.GetModelInvocationLoggingConfigurationOutput, error)
}

// ModelLogs is the log group to which the account logs invocations of models that answer in
// text, "" where it logs none of them to CloudWatch.
func ModelLogs(ctx context.Context, api Bedrock) (group string, err error) {
	out, err := api.GetModelInvocationLoggingConfiguration(ctx, &bedrock.GetModelInvocationLoggingConfigurationInput{})
	if err != nil {
		return "", fmt.Errorf("logging of model invocations: %w", err)
	}
	c := out.LoggingConfig
	if c == nil || c.CloudWatchConfig == nil || !aws.ToBool(c.TextDataDeliveryEnabled) {
		return "", nil
	}
	return aws.ToString(c.CloudWatchConfig.LogGroupName), nil
}
