package grants

import (
	"remit/iam"
	"remit/platform"
)

// RuntimeID and EndpointID are the logical ids in a lane's stack of what its resource
// policies hang on.
const (
	RuntimeID  = "Runtime"
	EndpointID = "Endpoint"
)

// invoking is every action that makes a runtime act or stop (service authorization reference).
var invoking = append(list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"), forbidden...)

// forbidden is what nobody may do, the entry included: state a user, open a shell or a
// stream past the entry, or ask for the agent's card.
var forbidden = list("bedrock-agentcore:GetAgentCard", "bedrock-agentcore:InvokeAgentRuntimeCommand", "bedrock-agentcore:InvokeAgentRuntimeCommandShell", "bedrock-agentcore:InvokeAgentRuntimeForUser",
	"bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream", "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStreamForUser")

// runtimePolicy and endpointPolicy close a runtime and its endpoint to everyone but the
// entry. AgentCore asks both. An allow alone would restrict nothing inside the account, so
// the refusal of everyone else is what counts (AgentCore developer guide,
// resource-based-policies).
func runtimePolicy(p *platform.Platform, lane platform.Running) iam.Policy {
	return onlyEntry(p, lane, "AWS::BedrockAgentCore::Runtime", runtimeARN(lane))
}

func endpointPolicy(p *platform.Platform, lane platform.Running) iam.Policy {
	return onlyEntry(p, lane, "AWS::BedrockAgentCore::RuntimeEndpoint", runtimeARN(lane)+"/runtime-endpoint/"+lane.Endpoint())
}

func runtimeARN(lane platform.Running) string {
	return lane.ARN("bedrock-agentcore", "runtime/"+platform.Symbol(lane.LaneSite.Stack(), RuntimeID))
}

func onlyEntry(p *platform.Platform, lane platform.Running, kind, arn string) iam.Policy {
	entry := lane.Site.Role("entry")
	admit := allow("OnlyTheEntry", "the entry opens executions for verified users", list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"),
		list(arn), iam.When("ArnEquals", "aws:PrincipalArn", entry))
	admit.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(entry)))}
	others := deny("NobodyElse", "no one else in the account, however much IAM they have", invoking, list(arn), iam.When("ArnNotEquals", "aws:PrincipalArn", entry))
	others.Principals = iam.Principals{AWS: everything}
	never := deny("NoStatedUser", "a user is verified, never merely stated; nobody gets a shell, nobody is told the agent's card",
		forbidden, list(arn))
	never.Principals = iam.Principals{AWS: everything}
	return iam.Policy{ARN: iam.ARN(arn), Kind: kind, Document: iam.Doc(admit, others, never), From: place(p, lanePath(lane))}
}
