package live

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

// logs is an account that logs so.
type logs struct {
	config *types.LoggingConfig
	err    error
}

func (l logs) GetModelInvocationLoggingConfiguration(context.Context, *bedrock.GetModelInvocationLoggingConfigurationInput, ...func(*bedrock.Options)) (*bedrock.GetModelInvocationLoggingConfigurationOutput, error) {
	return &bedrock.GetModelInvocationLoggingConfigurationOutput{LoggingConfig: l.config}, l.err
}

func TestInvocationsAreLoggedOnlyWhereTextGoesToALogGroup(t *testing.T) {
	to := &types.CloudWatchConfig{LogGroupName: aws.String("/ours")}
	for name, c := range map[string]struct {
		config *types.LoggingConfig
		want   string
	}{
		"not at all":         {nil, ""},
		"to a bucket":        {&types.LoggingConfig{S3Config: &types.S3Config{BucketName: aws.String("b")}, TextDataDeliveryEnabled: aws.Bool(true)}, ""},
		"images alone":       {&types.LoggingConfig{CloudWatchConfig: to, ImageDataDeliveryEnabled: aws.Bool(true)}, ""},
		"text, to a group":   {&types.LoggingConfig{CloudWatchConfig: to, TextDataDeliveryEnabled: aws.Bool(true)}, "/ours"},
		"text, switched off": {&types.LoggingConfig{CloudWatchConfig: to, TextDataDeliveryEnabled: aws.Bool(false)}, ""},
	} {
		if got, err := ModelLogs(context.Background(), logs{config: c.config}); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	if got, err := ModelLogs(context.Background(), logs{err: errors.New("access denied")}); err == nil || got != "" {
		t.Errorf("what cannot be read is taken for %q", got)
	}
}
