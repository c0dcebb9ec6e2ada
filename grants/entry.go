package grants

import (
	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// entry is the front door's role: the only principal that may invoke a runtime or stop a
// session, and the only one that vends memory credentials. It finds lanes where they
// register, so that a new lane changes nothing here; the patterns below match this
// platform's lanes and no other's. It may not act for a user id it merely states
// (InvokeAgentRuntimeForUser), use an endpoint that moves, or read any tool's data.
func entry(p *platform.Platform, site platform.Site) iam.Role {
	runtimes := site.ARN("bedrock-agentcore", "runtime/"+platform.RuntimePrefix(site.Platform)+"*")
	return role(p, site, site.Role("entry"), "entry", "environments."+site.Environment+".identity.entry",
		byLambda("OnlyLambda", "the front door's own execution role"),
		iam.Doc(append(entryLedger(site),
			ownLogs(site, site.Named("entry")), ownTraces,
			findLanes(site),
			allow("InvokeLanes", "the application opens executions, the agent cannot",
				list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"), list(runtimes)),
			deny("NeverDefault", "the DEFAULT endpoint moves with every update, past every gate",
				list("bedrock-agentcore:InvokeAgentRuntime"), list(runtimes+"/runtime-endpoint/DEFAULT")),
			allow("VendMemory", "short credentials of a lane's memory role, for the verified user",
				list("sts:AssumeRole"), list(site.Role("*", "memory")), iam.When("Null", "sts:SourceIdentity", "false")),
			allow("TagMemory", "the tenant and user the entry verified travel with them",
				list("sts:SetSourceIdentity", "sts:TagSession"), list(site.Role("*", "memory")),
				iam.When("ForAllValues:StringEquals", "aws:TagKeys", "tenant", "user", "execution")),
			signDelegations(site),
			allow("PublishCallKey", "the public half of the key that signs single calls", list("kms:GetPublicKey"), list(site.KeyARN(platform.CallKeyID))),
		)...))
}

func findLanes(site platform.Site) iam.Statement {
	return allow("FindLanes", "lanes register themselves, and the address under which the entry itself is served", list("ssm:GetParametersByPath"), registry(site))
}

func signDelegations(site platform.Site) iam.Statement {
	return allow("SignDelegations", "only where users log in is it said for whom an agent acts", list("kms:GetPublicKey", "kms:Sign"), list(site.KeyARN(platform.DelegationKeyID)))
}

// registry is the parameters of an environment, by path: the path and what is below it.
func registry(site platform.Site) []string {
	path := site.ARN("ssm", "parameter"+platform.RegistryPath(site))
	return list(path[:len(path)-1], path+"*")
}

// ViaFunctionURL is the condition key that is true of calls through a function's address
// (Lambda developer guide, urls-auth).
const ViaFunctionURL = "lambda:InvokedViaFunctionUrl"

// DoorPolicy opens the address of the entry or of the approvals to anyone: both verify every
// token themselves.
func DoorPolicy(p *platform.Platform, e platform.Environment, site platform.Site, kind string) iam.Policy {
	return openAddress(site.ARN("lambda", "function:"+site.Function(kind)+":"+platform.Live), place(p, "environments."+e.Name+".identity"), doorSids[kind], doorSays[kind])
}

// openAddress opens a function's address to anyone, and the function to nobody who does not
// come through it. AWS wants both permissions for an address that asks for no signature
// (Lambda developer guide, urls-auth).
func openAddress(function string, from terms.Pos, sid, why string) iam.Policy {
	open := allow(sid+"AnyoneKnocks", why, list("lambda:InvokeFunctionUrl"), list(function),
		iam.When("StringEquals", "lambda:FunctionUrlAuthType", "NONE"))
	through := allow(sid+"OnlyThroughTheAddress", "the function itself answers nobody who does not come through its address", list("lambda:InvokeFunction"), list(function),
		iam.When("Bool", ViaFunctionURL, "true"))
	open.Principals, through.Principals = iam.Principals{AWS: everything}, iam.Principals{AWS: everything}
	return iam.Policy{ARN: iam.ARN(function), Kind: "AWS::Lambda::Function", Document: iam.Doc(open, through), From: from}
}

// doorSids tell the doors of one stack apart: a permission is called as its statement is.
var doorSids = map[string]string{"approve": "Approve"}

var doorSays = map[string]string{
	"entry":   "applications and AgentCore's authorizers come without AWS credentials; the entry verifies every token",
	"approve": "users' browsers come without AWS credentials; every login is verified, and an agent has none",
}
