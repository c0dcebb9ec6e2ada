package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbedrockagentcore"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/iam"
	"remit/platform"
)

// laneStack is one running version of an agent: its roles, its runtime and named
// endpoint, who may call them, its log group, and its registration with the entry.
func laneStack(stage awscdk.Stage, p *platform.Platform, lane platform.Running) stack {
	s := newStack(stage, lane.Site, lane.LaneSite.Stack(), "Remit: lane "+lane.Lane+" of "+lane.Agent, ordinary)
	tag(s.Stack, label{"remit:agent", lane.Agent}, label{"remit:lane", lane.Lane}, label{"remit:team", lane.Actor.Team})

	world := grants.Lane(p, lane)
	made := roles(s, world)
	rt := runtime(s, lane, made["ExecutionRole"])
	endpoint := runtimeEndpoint(s, lane, rt)
	closed := resourcePolicies(s, world, rt, endpoint)
	logGroup(s, lane, rt)
	register(s, lane, rt, endpoint, closed)
	return s
}

// delegationHeader is the one header the entry may hand the agent: the delegation token.
const delegationHeader = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Delegation"

func runtime(s stack, lane platform.Running, execution awsiam.CfnRole) awsbedrockagentcore.CfnRuntime {
	lifetime := int(lane.WallClock().Seconds())
	return awsbedrockagentcore.NewCfnRuntime(s.Stack, jsii.String(grants.RuntimeID), &awsbedrockagentcore.CfnRuntimeProps{
		AgentRuntimeName: jsii.String(lane.Runtime()),
		RoleArn:          execution.AttrArn(),
		AgentRuntimeArtifact: map[string]any{
			"containerConfiguration": map[string]any{"containerUri": lane.Image(lane.Version.Code)},
		},
		NetworkConfiguration:       network(lane.Environment.Network),
		ProtocolConfiguration:      jsii.String("HTTP"),
		LifecycleConfiguration:     map[string]any{"idleRuntimeSessionTimeout": lifetime, "maxLifetime": lifetime},
		RequestHeaderConfiguration: map[string]any{"requestHeaderAllowlist": []any{delegationHeader}},
		EnvironmentVariables: map[string]any{
			"REMIT_LANE":       lane.Term().String(),
			"REMIT_PROMPTS":    string(lane.Version.Prompts),
			"REMIT_PARAMETERS": string(lane.Version.Parameters),
		},
	})
}

func network(n platform.Network) map[string]any {
	if n.Mode == "public" {
		return map[string]any{"networkMode": "PUBLIC"}
	}
	return map[string]any{"networkMode": "VPC", "networkModeConfig": map[string]any{"subnets": n.Subnets, "securityGroups": n.SecurityGroups}}
}

// runtimeEndpoint pins the version this deployment made. Nothing uses DEFAULT, which would
// move by itself with every update.
func runtimeEndpoint(s stack, lane platform.Running, r awsbedrockagentcore.CfnRuntime) awsbedrockagentcore.CfnRuntimeEndpoint {
	return awsbedrockagentcore.NewCfnRuntimeEndpoint(s.Stack, jsii.String(grants.EndpointID), &awsbedrockagentcore.CfnRuntimeEndpointProps{
		AgentRuntimeId:      r.AttrAgentRuntimeId(),
		AgentRuntimeVersion: r.AttrAgentRuntimeVersion(),
		Name:                jsii.String(lane.Endpoint()),
	})
}

// resourcePolicies hangs each policy on what it speaks of. The endpoint's ARN is written as
// CloudFormation answers it, because AWS documents two forms.
func resourcePolicies(s stack, w iam.World, r awsbedrockagentcore.CfnRuntime, e awsbedrockagentcore.CfnRuntimeEndpoint) []awscdk.CfnResource {
	var out []awscdk.CfnResource
	known := symbols{platform.Symbol(s.name, grants.RuntimeID): r.AttrAgentRuntimeId()}
	for _, policy := range w.Policies {
		id, arn := "RuntimePolicy", r.AttrAgentRuntimeArn()
		if policy.Kind == "AWS::BedrockAgentCore::RuntimeEndpoint" {
			id, arn = "EndpointPolicy", e.AttrAgentRuntimeEndpointArn()
		}
		known[string(policy.ARN)] = arn
		made := awsbedrockagentcore.NewCfnResourcePolicy(s.Stack, jsii.String(id), &awsbedrockagentcore.CfnResourcePolicyProps{
			ResourceArn: arn,
			Policy:      s.ToJsonString(document(s, policy.Document, known), nil),
		})
		out = append(out, made)
	}
	return out
}

// logGroup is where AgentCore writes for this endpoint; made here, it has a retention.
func logGroup(s stack, lane platform.Running, r awsbedrockagentcore.CfnRuntime) {
	g := awslogs.NewCfnLogGroup(s.Stack, jsii.String("Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String("/aws/bedrock-agentcore/runtimes/" + *r.AttrAgentRuntimeId() + "-" + lane.Endpoint()),
		RetentionInDays: jsii.Number(float64(lane.Environment.Audit.Logs.Days())),
	})
	keep(g, lane.Environment)
}

// register tells the entry where the lane is, and which version, once it is closed to
// everyone else.
func register(s stack, lane platform.Running, r awsbedrockagentcore.CfnRuntime, e awsbedrockagentcore.CfnRuntimeEndpoint, closed []awscdk.CfnResource) {
	value, err := json.Marshal(map[string]string{
		"runtime": *r.AttrAgentRuntimeArn(), "endpoint": lane.Endpoint(), "share": lane.Version.Share.String(),
		"code": string(lane.Version.Code), "prompts": string(lane.Version.Prompts), "parameters": string(lane.Version.Parameters),
	})
	if err != nil {
		panic(err) // strings always encode
	}
	parameter := awsssm.NewCfnParameter(s.Stack, jsii.String("Registration"), &awsssm.CfnParameterProps{
		Name: jsii.String(lane.Registration()), Type: jsii.String("String"), Value: jsii.String(string(value)),
		Description: jsii.String("Remit: where the entry finds lane " + lane.Lane + " of " + lane.Agent),
	})
	parameter.AddResourceDependency(e, nil)
	for _, policy := range closed {
		parameter.AddResourceDependency(policy, nil)
	}
}
