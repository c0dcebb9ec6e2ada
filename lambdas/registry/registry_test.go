package registry

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"remit/policy"
	"remit/terms"
)

// parameters is a parameter store, by name.
type parameters map[string]string

func (p parameters) GetParametersByPath(_ context.Context, in *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	out := &ssm.GetParametersByPathOutput{}
	for name, value := range p {
		if strings.HasPrefix(name, *in.Path) {
			out.Parameters = append(out.Parameters, types.Parameter{Name: &name, Value: &value})
		}
	}
	return out, nil
}

func registered(t *testing.T, gateway string) string {
	t.Helper()
	version := terms.Digest("sha256:" + strings.Repeat("0", 64))
	text, err := json.Marshal(policy.Registration{Version: policy.Version{Code: version, Prompts: version, Models: version, Parameters: version},
		Lane:    terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"},
		Runtime: "arn", Endpoint: "stable", Gateway: gateway, Seconds: 60, Caps: map[string]int64{"tool_calls": 1}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const good = "https://acme-test-helper-stable-0123456789.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"

func TestALaneWhoseGatewayIsElsewhereIsNoLane(t *testing.T) {
	for gateway, lanes := range map[string]int{
		good: 1,
		"https://x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com.cn/mcp":     1,
		"http://x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp":         0,
		"https://x.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp":        0,
		"https://x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com.eve/mcp":    0,
		"https://x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com:444/mcp":    0,
		"https://x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com@eve/mcp":    0,
		"https://eve.example/.gateway.bedrock-agentcore.eu-west-1.amazonaws.com": 0,
		"https://eve.example/mcp": 0,
		"https://a.b.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp": 0,
		"https://.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp":    0,
		good + "?to=eve": 0, good + "/../eve": 0, good + "\n": 0, " " + good: 0,
	} {
		r := &Registry{Client: parameters{"/remit/acme/test/lanes/helper/stable": registered(t, gateway)}, Path: "/remit/acme/test/", Region: "eu-west-1"}
		if got, err := r.Lanes(context.Background()); err != nil || len(got) != lanes {
			t.Errorf("%s: a token would go to %v, %v", gateway, got, err)
		}
	}
}

func TestALaneThatCannotBeReadDoesNotTakeTheOthersWithIt(t *testing.T) {
	r := &Registry{Client: parameters{"/a/lanes/x/y": "{", "/a/lanes/x/z": registered(t, good), "/a/door/url": "https://door.example/"}, Path: "/a/", Region: "eu-west-1"}
	if got, err := r.Lanes(context.Background()); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if door, err := r.Door(context.Background()); err != nil || door != "https://door.example" {
		t.Errorf("%q, %v", door, err)
	}
}

func TestWithoutADoorNothingIsIssued(t *testing.T) {
	if door, err := (&Registry{Client: parameters{"/a/door/url": "/"}, Path: "/a/"}).Door(context.Background()); err == nil {
		t.Errorf("tokens would state %q as their issuer", door)
	}
}
