package grants

import (
	"strings"

	"remit/iam"
	"remit/platform"
)

// gateway is the role AgentCore's gateway of one lane holds: the role check. It may call
// the lane's two interceptors, ask the lane's policy engine, and reach exactly the
// declared targets of the lane's tools with their declared credentials. It may call no
// target of another lane and change nothing about itself: UpdateGateway would turn policy
// off (AgentCore developer guide, policy-enforcement-modes).
func gateway(p *platform.Platform, lane platform.Running) iam.Role {
	statements := []iam.Statement{
		allow("CallInterceptors", "both interceptors of this lane, under their live alias; without them the gateway decides nothing",
			list("lambda:InvokeFunction"), list(lane.FunctionARN("request"), lane.FunctionARN("response"))),
		allow("ReadPolicyEngine", "the gateway reads which engine it asks",
			list("bedrock-agentcore:GetPolicyEngine"), list(lane.EnginePattern())),
		allow("AskPolicyEngine", "AgentCore wants both the engine and the gateway named, or it denies everything",
			list("bedrock-agentcore:AuthorizeAction", "bedrock-agentcore:PartiallyAuthorizeActions"),
			list(lane.EnginePattern(), lane.GatewayPattern())),
	}
	statements = append(statements, targets(p, lane)...)
	return role(p, lane.Site, lane.LaneSite.Role("gateway"), "gateway", lanePath(lane),
		byAgentCore("OnlyThisGateway", "only this lane's gateway runs as this role", lane.Site, lane.GatewayPattern()),
		iam.Doc(statements...))
}

func lanePath(lane platform.Running) string {
	return "environments." + lane.Site.Environment + ".lanes." + lane.Agent + "." + lane.Lane
}

// targets is one statement per tool, so that a reviewer reads one tool at a time.
func targets(p *platform.Platform, lane platform.Running) []iam.Statement {
	var out []iam.Statement
	for _, tool := range lane.Tools {
		target, _ := lane.Environment.Target(tool.Name)
		sid, why := "Call"+platform.Pascal(tool.Name), tool.Name+": "+tool.Purpose
		switch {
		case target.Lambda != nil:
			out = append(out, allow(sid, why, list("lambda:InvokeFunction"), list(lambdaTarget(p, lane, *target.Lambda))))
		case target.APIGateway != nil:
			out = append(out, allow(sid, why, list("execute-api:Invoke"), list(apiOperation(p, lane, *target.APIGateway))))
		case target.Reach != nil:
			out = append(out, allow(sid, why, list("lambda:InvokeFunction"), list(lane.FunctionARN("reach"))))
		}
		if target.Credential != "" {
			out = append(out, credential(lane, tool, target.Credential)...)
		}
	}
	return out
}

func siteOf(p *platform.Platform, lane platform.Running, account string) platform.Site {
	if account == "" {
		return lane.Site
	}
	return p.Site(lane.Environment, account)
}

func lambdaTarget(p *platform.Platform, lane platform.Running, t platform.LambdaTarget) string {
	return siteOf(p, lane, t.Account).ARN("lambda", "function:"+t.Function+":"+t.Alias)
}

func apiOperation(p *platform.Platform, lane platform.Running, t platform.APIGatewayTarget) string {
	return operation(siteOf(p, lane, t.Account), t.API, t.Stage, t.Operation)
}

// operation is the ARN of one method and path. A path parameter becomes *, which in this
// service also crosses slashes; there is no narrower pattern, so platform/load wants arguments
// that cannot.
func operation(site platform.Site, api, stage, op string) string {
	method, path, _ := strings.Cut(op, " ")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "*"
		}
	}
	return site.ARN("execute-api", api+"/"+stage+"/"+method+strings.Join(segments, "/"))
}

// credential lets the gateway fetch one declared API key and no other of the vault.
func credential(lane platform.Running, tool platform.Tool, name string) []iam.Statement {
	directory := "workload-identity-directory/default"
	provider := "token-vault/default/apikeycredentialprovider/" + lane.Named(name)
	return []iam.Statement{
		allow("Identify"+platform.Pascal(tool.Name), "the gateway proves to the vault that it is itself",
			list("bedrock-agentcore:GetWorkloadAccessToken"),
			list(lane.ARN("bedrock-agentcore", directory), lane.ARN("bedrock-agentcore", directory+"/workload-identity/"+strings.ToLower(lane.Gateway())+"-??????????"))),
		allow("Credential"+platform.Pascal(tool.Name), "the declared credential of "+tool.Name,
			list("bedrock-agentcore:GetResourceApiKey"),
			list(lane.ARN("bedrock-agentcore", directory), lane.ARN("bedrock-agentcore", directory+"/workload-identity/"+strings.ToLower(lane.Gateway())+"-??????????"),
				lane.ARN("bedrock-agentcore", "token-vault/default"), lane.ARN("bedrock-agentcore", provider))),
		allow("Secret"+platform.Pascal(tool.Name), "the vault reads the declared secret as the gateway",
			list("secretsmanager:GetSecretValue"), list(secretARN(lane.Environment, lane.Site, name))),
	}
}

// secretARN is the secret behind a declared credential; Secrets Manager appends six
// characters to its name.
func secretARN(e platform.Environment, site platform.Site, name string) string {
	credential, _ := e.Credential(name)
	return site.ARN("secretsmanager", "secret:"+credential.Secret+"-??????")
}

// interceptor is the role of one of the lane's two interceptor functions. Each has its
// own, because what a compromised one can do differs. It may report; it may not sign
// delegation tokens, see a switch, or call a tool.
func interceptor(p *platform.Platform, lane platform.Running, kind string) iam.Role {
	return role(p, lane.Site, lane.LaneSite.Role(kind), "function", lanePath(lane),
		byLambda("OnlyLambda", "the function's own execution role"),
		iam.Doc(append(interceptorLedger(lane, kind), ownLogs(lane.Site, lane.Function(kind)), ownTraces)...))
}

func interceptorLedger(lane platform.Running, kind string) []iam.Statement {
	if kind == "response" {
		return responseLedger(lane)
	}
	out := requestLedger(lane)
	if Asserts(lane) {
		out = append(out, allow("AssertCalls", "tools that cannot see IAM are shown a signed assertion of the call", list("kms:GetPublicKey", "kms:Sign"), list(lane.KeyARN(platform.CallKeyID))))
	}
	return out
}

// Serves reports whether a statement exists for that tool and for nothing else: one tool's
// IAM is read by its statements' Sids.
func Serves(s iam.Statement, tool string) bool {
	for _, kind := range []string{"Call", "Credential", "Identify", "Reach", "Secret"} {
		if s.Sid == kind+platform.Pascal(tool) {
			return true
		}
	}
	return false
}
