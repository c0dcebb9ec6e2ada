// Package grants derives the IAM that a declaration intends: *Platform → the iam.World
// of every account. It is pure, one function per kind of role, and each says what the
// role may do, what it may not, and why. It knows no CDK and reads no template, so the
// intended IAM can be read, tested and compared without synth. Start with [Intended].
//
// Grants name physical things by the names of platform/names.go; where AWS chooses the
// name, they use a symbol or the narrowest pattern AWS documents.
package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// Intended is all IAM that an environment needs, in all its accounts, bootstrap included,
// in canonical order. An environment that is not declared intends nothing.
func Intended(p *platform.Platform, env string) iam.World {
	e, ok := p.Environment(env)
	if !ok {
		return iam.World{}
	}
	var parts []iam.World
	for _, site := range p.Sites(e) {
		parts = append(parts, Fence(p, e, site), Bootstrap(p, e, site), Account(p, e, site))
	}
	for _, site := range p.Hooked(e) {
		parts = append(parts, Hook(p, e, site))
	}
	for _, agent := range Agents(p, e) {
		parts = append(parts, Agent(p, agent))
	}
	for _, lane := range p.Lanes(e) {
		parts = append(parts, Lane(p, lane))
	}
	return iam.World{}.Plus(parts...)
}

// Account is what one account's own stack holds: in the platform account the entry, the
// approvals, the sweep, the watch and the keys, in a resource account the roles that lanes reach.
func Account(p *platform.Platform, e platform.Environment, site platform.Site) iam.World {
	if site.Purpose == platform.PlatformAccount {
		return platformAccount(p, e, site)
	}
	var w iam.World
	for _, lane := range p.Lanes(e) {
		if reaches := lane.Reaches(site.Purpose); len(reaches) > 0 {
			w.Roles = append(w.Roles, reached(p, site, lane, reaches))
		}
	}
	return w
}

func platformAccount(p *platform.Platform, e platform.Environment, site platform.Site) iam.World {
	w := iam.World{Roles: []iam.Role{entry(p, site), sweep(p, e, site), watch(p, e, site)},
		Policies: append(accountKeys(p, e, site), DoorPolicy(p, e, site, "entry"), SweepPolicy(p, e, site), WatchPolicy(p, e, site))}
	if e.Identity.Approvals != nil {
		w.Roles, w.Policies = append(w.Roles, approve(p, e, site)), append(w.Policies, DoorPolicy(p, e, site, "approve"))
	}
	if len(p.Closings(e)) > 0 {
		w.Roles, w.Policies = append(w.Roles, closing(p, e, site)), append(w.Policies, closingPolicies(p, e, site)...)
	}
	if e.Operations != nil {
		w.Roles = append(w.Roles, operate(p, e, site), operator(p, e, site), breakglass(p, e, site))
	}
	if Meters(p, e) {
		w.Roles, w.Policies = append(w.Roles, meter(p, e, site)), append(w.Policies, MeterPolicy(p, e, site))
	}
	return w
}

// Agents is every agent that runs in an environment, once.
func Agents(p *platform.Platform, e platform.Environment) []platform.AgentSite {
	var out []platform.AgentSite
	for _, lane := range p.Lanes(e) {
		if !slices.Contains(out, lane.AgentSite) {
			out = append(out, lane.AgentSite)
		}
	}
	return out
}

// Agent is what all lanes of an agent share: the key of its memory.
func Agent(p *platform.Platform, a platform.AgentSite) iam.World {
	agent, _ := p.Agent(a.Agent)
	if agent.Memory == nil {
		return iam.World{}
	}
	return iam.World{Policies: []iam.Policy{memoryKey(p, a)}}
}

// Lane is what belongs to one lane: its roles, and who may call its runtime.
func Lane(p *platform.Platform, lane platform.Running) iam.World {
	w := iam.World{
		Roles:    []iam.Role{execution(p, lane), gateway(p, lane), interceptor(p, lane, "request"), interceptor(p, lane, "response")},
		Policies: []iam.Policy{runtimePolicy(p, lane), endpointPolicy(p, lane)},
	}
	if agent := lane.Actor; agent.Memory != nil && agent.Memory.Scope != "agent" {
		w.Roles = append(w.Roles, memory(p, lane))
	}
	if len(reachAccounts(lane)) > 0 {
		w.Roles = append(w.Roles, reach(p, lane))
	}
	if lane.Brokered() {
		w.Roles, w.Policies = append(w.Roles, broker(p, lane)), append(w.Policies, BrokerPolicy(p, lane))
	}
	return w
}

// allow is a grant; its parts read as the sentence "Sid: may do actions on resources, why".
func allow(sid, why string, actions, resources []string, when ...iam.Condition) iam.Statement {
	return iam.Statement{Sid: sid, Why: why, Effect: iam.Allow, Actions: iam.Of(actions...), Resources: iam.Of(resources...), When: when}
}

// deny is a refusal that no other statement can lift.
func deny(sid, why string, actions, resources []string, when ...iam.Condition) iam.Statement {
	s := allow(sid, why, actions, resources, when...)
	s.Effect = iam.Deny
	return s
}

// list is one line for a few words.
func list(words ...string) []string { return words }

// everything is the resource of actions that AWS lets no one narrow.
var everything = list("*")

// role is a role of the lane or site with the boundary of its kind.
func role(p *platform.Platform, site platform.Site, arn, boundary, from string, trust, policy iam.Document) iam.Role {
	return iam.Role{ARN: iam.ARN(arn), Boundary: iam.ARN(site.Boundary(boundary)), Trust: trust, Policy: policy, From: place(p, from)}
}

func place(p *platform.Platform, path string) terms.Pos { return p.Places.Of(path) }

// byAgentCore lets the service take a role for one resource of this account, and for no
// other customer's (confused deputy; the pattern matches no sibling's name).
func byAgentCore(sid, why string, site platform.Site, source string) iam.Document {
	return iam.Doc(iam.Statement{
		Sid: sid, Why: why, Effect: iam.Allow,
		Principals: iam.Principals{Service: list("bedrock-agentcore.amazonaws.com")},
		Actions:    iam.Of("sts:AssumeRole"),
		When: []iam.Condition{
			iam.When("StringEquals", "aws:SourceAccount", string(site.Account)),
			iam.When("ArnLike", "aws:SourceArn", source),
		},
	})
}

// byLambda lets Lambda take a role. Lambda sends neither SourceArn nor SourceAccount when
// it assumes an execution role, so a condition on them would lock the function out
// (IAM User Guide, reference_policies_condition-keys); who may attach the role is decided by iam:PassRole instead.
func byLambda(sid, why string) iam.Document {
	return iam.Doc(iam.Statement{
		Sid: sid, Why: why, Effect: iam.Allow,
		Principals: iam.Principals{Service: list("lambda.amazonaws.com")},
		Actions:    iam.Of("sts:AssumeRole"),
	})
}

// byRole lets one role take another, across accounts or within one. It names the account
// and pins the role by aws:PrincipalArn: IAM rejects a principal that does not exist yet,
// and a role that is made again would not be the one that was named.
func byRole(sid, why, roleARN string, actions []string, when ...iam.Condition) iam.Statement {
	return iam.Statement{
		Sid: sid, Why: why, Effect: iam.Allow,
		Principals: iam.Principals{AWS: list(accountPrincipal(iam.ARN(roleARN)))},
		Actions:    iam.Of(actions...),
		When:       append([]iam.Condition{iam.When("ArnEquals", "aws:PrincipalArn", roleARN)}, when...),
	}
}

func accountPrincipal(arn iam.ARN) string {
	return "arn:" + arn.Part(1) + ":iam::" + arn.Account() + ":root"
}

// ownLogs lets a function write to its own log group and read none.
func ownLogs(site platform.Site, function string) iam.Statement {
	return allow("WriteOwnLogs", "a function reports what it does, and reads nobody's reports",
		list("logs:CreateLogStream", "logs:PutLogEvents"),
		list(site.ARN("logs", "log-group:/aws/lambda/"+function+":log-stream:*")))
}

// ownTraces: X-Ray knows no resource, so a trace can be written but none can be read.
var ownTraces = allow("WriteTraces", "traces join the steps of an execution; X-Ray has no narrower resource",
	list("xray:PutTraceSegments", "xray:PutTelemetryRecords"), everything)
