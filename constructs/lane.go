package constructs

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbedrockagentcore"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/policy"
)

// laneStack is one running version of an agent: its roles, its interceptors, gateway and
// policy engine, its runtime and named endpoint, who may call them, its log group, and its
// registration with the entry.
func laneStack(stage awscdk.Stage, p *platform.Platform, lane platform.Running, b Built) stack {
	s := newStack(stage, lane.Site, lane.LaneSite.Stack(), "Remit: lane "+lane.Lane+" of "+lane.Agent, ordinary)
	tag(s.Stack, label{"remit:agent", lane.Agent}, label{"remit:lane", lane.Lane}, label{"remit:team", lane.Actor.Team})

	world := grants.Lane(p, lane)
	made := roles(s, world, nil)
	bundle, text := bundleOf(p, lane)
	request := interceptorOf(s, b, lane, "request", made["RequestRole"], text)
	response := interceptorOf(s, b, lane, "response", made["ResponseRole"], text)
	g, ready := gateway(s, lane, bundle, made["GatewayRole"], request, response, reachOf(s, b, p, lane, made["ReachRole"]))
	models := brokerOf(s, b, p, lane, made["BrokerRole"])
	rt := runtime(s, lane, made["ExecutionRole"], models)
	endpoint := runtimeEndpoint(s, lane, rt)
	closed := resourcePolicies(s, world, rt, endpoint)
	logGroup(s, lane, rt)
	unusual(s, lane)
	if lane.Metered() {
		metered(s, lane)
	}
	register(s, p, lane, g, rt, endpoint, models, append(ready, closed...))
	return s
}

// bundleOf is the lane's bundle, loaded from the very bytes that its functions load.
func bundleOf(p *platform.Platform, lane platform.Running) (*policy.Bundle, []byte) {
	made := p.Bundle(lane)
	text, err := made.Canonical()
	if err != nil {
		panic(err) // platform/load refuses what makes no bundle
	}
	bundle, err := policy.Load(text)
	if err != nil {
		panic(err)
	}
	return bundle, text
}

// interceptorOf is one of the lane's two interceptors, with the bundle it decides by in its zip.
func interceptorOf(s stack, b Built, lane platform.Running, kind string, role awsiam.CfnRole, bundle []byte) made {
	environment := map[string]*string{
		"REMIT_ISSUER": doorURL(lane), "REMIT_LEDGER": jsii.String(lane.Ledger()), "REMIT_DIRECTORY": jsii.String(lane.Directory()),
		"REMIT_SEAL_KEY": imported(s, strings.Trim(platform.Symbol(lane.AccountStack(), platform.SealKeyID), "<>")),
	}
	if kind == "request" && grants.Asserts(lane) {
		environment["REMIT_CALL_KEY"] = imported(s, strings.Trim(platform.Symbol(lane.AccountStack(), platform.CallKeyID), "<>"))
	}
	return functionOf(s, b, lane.Environment, function{
		id: platform.Pascal(kind), name: lane.LaneSite.Function(kind), kind: kind, says: "the " + strings.ToUpper(kind) + " interceptor of lane " + lane.Lane + " of " + lane.Agent,
		role: role, documents: map[string][]byte{"bundle.json": bundle}, environment: environment, memory: 512, timeout: 10,
	})
}

// reachOf is the function behind the lane's reach tools, nil when it has none.
func reachOf(s stack, b Built, p *platform.Platform, lane platform.Running, role awsiam.CfnRole) *made {
	reaches, err := json.Marshal(p.Reached(lane))
	if err != nil {
		panic(err) // texts always encode
	}
	if role == nil {
		return nil
	}
	f := functionOf(s, b, lane.Environment, function{
		id: "Reach", name: lane.LaneSite.Function("reach"), kind: "reach", says: "the reach tools of lane " + lane.Lane + " of " + lane.Agent,
		role: role, documents: map[string][]byte{"reaches.json": reaches}, environment: map[string]*string{"REMIT_LANE": jsii.String(lane.Term().String())}, memory: 256, timeout: 60,
	})
	return &f
}

// brokerOf is the function through which the lane reaches its models, and answers its address;
// nil when the lane uses them directly. A stream lasts as long as a function may.
func brokerOf(s stack, b Built, p *platform.Platform, lane platform.Running, role awsiam.CfnRole) *string {
	if role == nil {
		return nil
	}
	models, err := json.Marshal(p.Models(lane))
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	f := functionOf(s, b, lane.Environment, function{
		id: "Broker", name: lane.LaneSite.Function("broker"), kind: "model", says: "the models of lane " + lane.Lane + " of " + lane.Agent,
		role: role, documents: map[string][]byte{"models.json": models}, memory: 512, timeout: 900,
		environment: map[string]*string{"REMIT_ISSUER": doorURL(lane), "REMIT_LEDGER": jsii.String(lane.Ledger())},
	})
	return address(s, f, "Broker", grants.BrokerPolicy(p, lane))
}

// The headers in which the entry hands the agent its tokens, and nothing else.
const (
	delegationHeader = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Delegation"
	modelsHeader     = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Models"
)

func runtime(s stack, lane platform.Running, execution awsiam.CfnRole, models *string) awsbedrockagentcore.CfnRuntime {
	lifetime, headers := int(lane.WallClock().Seconds()), []any{delegationHeader}
	environment := map[string]any{
		"REMIT_LANE":       lane.Term().String(),
		"REMIT_PROMPTS":    string(lane.Version.Prompts),
		"REMIT_PARAMETERS": string(lane.Version.Parameters),
	}
	if models != nil { // AWS's own name for it, so that an SDK needs no other word (AWS SDKs and Tools Reference Guide, feature-ss-endpoints)
		headers, environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = append(headers, modelsHeader), models
	}
	return awsbedrockagentcore.NewCfnRuntime(s.Stack, jsii.String(grants.RuntimeID), &awsbedrockagentcore.CfnRuntimeProps{
		AgentRuntimeName: jsii.String(lane.Runtime()),
		RoleArn:          execution.AttrArn(),
		AgentRuntimeArtifact: map[string]any{
			"containerConfiguration": map[string]any{"containerUri": lane.Image(lane.Version.Code)},
		},
		NetworkConfiguration:       network(lane.Environment.Network),
		ProtocolConfiguration:      jsii.String("HTTP"),
		LifecycleConfiguration:     map[string]any{"idleRuntimeSessionTimeout": lifetime, "maxLifetime": lifetime},
		RequestHeaderConfiguration: map[string]any{"requestHeaderAllowlist": headers},
		EnvironmentVariables:       environment,
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
		if policy.Kind == "AWS::Lambda::Function" {
			continue // its permissions stand with its address
		}
		id, arn := "RuntimePolicy", r.AttrAgentRuntimeArn()
		if policy.Kind == "AWS::BedrockAgentCore::RuntimeEndpoint" {
			id, arn = "EndpointPolicy", e.AttrAgentRuntimeEndpointArn()
		}
		known[string(policy.ARN)] = arn
		made := awsbedrockagentcore.NewCfnResourcePolicy(s.Stack, jsii.String(id), &awsbedrockagentcore.CfnResourcePolicyProps{
			ResourceArn: arn,
			Policy:      s.ToJsonString(document(s, policy.Document, known), nil),
		})
		if id == "RuntimePolicy" {
			e.AddResourceDependency(made, nil) // AgentCore asks both, so no endpoint is ever open
		}
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
// everyone else and its engine has every policy: permits without their forbids are too much.
func register(s stack, p *platform.Platform, lane platform.Running, g awsbedrockagentcore.CfnGateway, r awsbedrockagentcore.CfnRuntime, e awsbedrockagentcore.CfnRuntimeEndpoint, models *string, ready []awscdk.CfnResource) {
	broker := ""
	if models != nil {
		broker = *models
	}
	value, err := json.Marshal(p.Registration(lane, *r.AttrAgentRuntimeArn(), *g.AttrGatewayUrl(), broker))
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	parameter := awsssm.NewCfnParameter(s.Stack, jsii.String("Registration"), &awsssm.CfnParameterProps{
		Name: jsii.String(lane.Registration()), Type: jsii.String("String"), Value: jsii.String(string(value)),
		Description: jsii.String("Remit: where the entry finds lane " + lane.Lane + " of " + lane.Agent),
	})
	parameter.AddResourceDependency(e, nil)
	for _, first := range ready {
		parameter.AddResourceDependency(first, nil)
	}
}
