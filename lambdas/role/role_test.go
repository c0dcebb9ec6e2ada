package role

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// given is what Lambda gives a function, and nothing that the tests' own environment has.
func given(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_KMS": "", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "",
	} {
		t.Setenv(name, value)
	}
}

func TestAClientSignsAsTheFunctionsRoleInItsRegion(t *testing.T) {
	given(t)
	options := kms.NewFromConfig(Config()).Options()
	got, err := options.Credentials.Retrieve(context.Background())
	if err != nil || got.AccessKeyID != "ASIA1" || got.SecretAccessKey != "secret" || got.SessionToken != "session" {
		t.Errorf("calls are signed as somebody else: %q, session %q, %v", got.AccessKeyID, got.SessionToken, err)
	}
	if options.Region != "eu-west-1" || options.BaseEndpoint != nil {
		t.Errorf("calls go to %s, %v", options.Region, options.BaseEndpoint)
	}
}

func TestAnEndpointOfOneServiceIsOnlyThatServices(t *testing.T) {
	given(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://all.example")
	t.Setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "http://agents.example")
	if got := kms.NewFromConfig(Config()).Options().BaseEndpoint; got == nil || *got != "http://all.example" {
		t.Errorf("KMS is asked at %v", got)
	}
	if got := bedrockagentcore.NewFromConfig(Config()).Options().BaseEndpoint; got == nil || *got != "http://agents.example" {
		t.Errorf("AgentCore is asked at %v", got)
	}
}

func TestWithoutCredentialsAFunctionDoesNotStart(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		given(t)
		t.Setenv(name, "")
		func() {
			defer func() {
				if why := fmt.Sprint(recover()); !strings.Contains(why, name) {
					t.Errorf("it starts without %s, or does not say so: %s", name, why)
				}
			}()
			Config()
		}()
	}
}
