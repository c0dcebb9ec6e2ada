package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
)

// A reach crosses accounts in two halves, and both come from this file: reach in the
// platform account may assume reached in the resource account, and reached trusts it.
// Session tags name the tool, the tenant and the execution; the source identity is the
// user, so the other account's own trail shows for whom each read happened.

// reachTags are the session tags a reach carries.
var reachTags = list("tool", "tenant", "execution")

// reach is the role of the function behind a lane's reach tools. It may assume the
// lane's role in each resource account; it has no data of its own.
func reach(p *platform.Platform, lane platform.Running) iam.Role {
	return role(p, lane.Site, lane.LaneSite.Role("reach"), "reach", lanePath(lane),
		byLambda("OnlyLambda", "the reach function's own execution role"),
		iam.Doc(append([]iam.Statement{ownLogs(lane.Site, lane.Function("reach")), ownTraces}, assumeReached(p, lane)...)...))
}

func reachedARN(p *platform.Platform, lane platform.Running, account string) string {
	return p.Site(lane.Environment, account).Role(lane.Agent, lane.Lane, "reached")
}

// externalID is the lane's own derived name. It is no secret: it keeps one lane's reach
// from being taken for another's.
func externalID(lane platform.Running) string { return lane.Term().String() }

func assumeReached(p *platform.Platform, lane platform.Running) []iam.Statement {
	var roles []string
	for _, account := range reachAccounts(lane) {
		roles = append(roles, reachedARN(p, lane, account))
	}
	return assume(roles, externalID(lane))
}

func assume(roles []string, external string) []iam.Statement {
	return []iam.Statement{
		allow("AssumeReached", "one role in each resource account, after the four checks", list("sts:AssumeRole"), roles,
			iam.When("StringEquals", "sts:ExternalId", external)),
		allow("TagReached", "the user, tool, tenant and execution travel with the session", list("sts:SetSourceIdentity", "sts:TagSession"), roles,
			iam.When("ForAllValues:StringEquals", "aws:TagKeys", reachTags...)),
	}
}

// reached is the role in a resource account that one lane reaches. It reads the declared
// attributes or calls the declared operations, each only in a session tagged for that
// tool; it writes to no table and sees no other attribute; a declared API operation may write.
func reached(p *platform.Platform, site platform.Site, lane platform.Running, reaches []platform.Reaching) iam.Role {
	var statements []iam.Statement
	for _, r := range reaches {
		statements = append(statements, reachGrant(site, r))
	}
	return role(p, site, site.Role(lane.Agent, lane.Lane, "reached"), "reached", "tools."+reaches[0].Tool.Name+".reach",
		reachedTrust(lane, assumers(lane, reaches)), iam.Doc(statements...))
}

// assumers is who takes the role: the reach function's role, and the execution role where
// a reach is declared direct.
func assumers(lane platform.Running, reaches []platform.Reaching) []string {
	out := list(lane.LaneSite.Role("reach"))
	if slices.ContainsFunc(reaches, func(r platform.Reaching) bool { return r.Tool.Reach.Direct != nil }) {
		out = append(out, lane.LaneSite.Role("execution"))
	}
	return out
}

func reachedTrust(lane platform.Running, by []string) iam.Document {
	pin := iam.When("ArnEquals", "aws:PrincipalArn", by...)
	enter := byRole("OnlyThisLane", "one role of one lane enters, and says which user, tool, tenant and execution it enters for", by[0], list("sts:AssumeRole"),
		iam.When("StringEquals", "sts:ExternalId", externalID(lane)),
		iam.When("Null", "sts:SourceIdentity", "false"),
		iam.When("Null", "aws:RequestTag/tool", "false"),
		iam.When("Null", "aws:RequestTag/tenant", "false"),
		iam.When("Null", "aws:RequestTag/execution", "false"))
	tag := byRole("TagsOfThisLane", "no session tag but those three", by[0], list("sts:SetSourceIdentity", "sts:TagSession"),
		iam.When("ForAllValues:StringEquals", "aws:TagKeys", reachTags...))
	enter.When[0], tag.When[0] = pin, pin
	return iam.Doc(enter, tag)
}

func reachGrant(site platform.Site, r platform.Reaching) iam.Statement {
	tool := iam.When("StringEquals", "aws:PrincipalTag/tool", r.Tool.Name)
	sid, why := "Reach"+platform.Pascal(r.Tool.Name), r.Tool.Name+": "+r.Tool.Purpose
	if len(r.Tool.Reach.Operations) > 0 {
		var operations []string
		for _, op := range r.Tool.Reach.Operations {
			operations = append(operations, operation(site, r.Target.API, r.Target.Stage, op))
		}
		return allow(sid, why, list("execute-api:Invoke"), operations, tool)
	}
	var actions []string
	for _, a := range r.Tool.Reach.Actions {
		actions = append(actions, "dynamodb:"+a)
	}
	return allow(sid, why, actions, list(site.ARN("dynamodb", "table/"+r.Target.Table)), tool,
		iam.When("ForAllValues:StringEquals", "dynamodb:Attributes", r.Tool.Reach.Attributes...),
		iam.When("Null", "dynamodb:Attributes", "false"),
		iam.When("StringEqualsIfExists", "dynamodb:Select", "SPECIFIC_ATTRIBUTES"))
}

// directReach is the declared, dated exception: the execution role itself may assume the
// reached role, outside the gateway and its checks.
func directReach(p *platform.Platform, lane platform.Running) []iam.Statement {
	var roles []string
	for _, t := range lane.Tools {
		if t.Reach != nil && t.Reach.Direct != nil {
			roles = append(roles, reachedARN(p, lane, t.Reach.Account))
		}
	}
	if roles == nil {
		return nil
	}
	slices.Sort(roles)
	return assume(slices.Compact(roles), externalID(lane))
}

// reachAccounts is every account a lane's tools reach, sorted.
func reachAccounts(lane platform.Running) []string {
	var out []string
	for _, t := range lane.Tools {
		if t.Reach != nil {
			out = append(out, t.Reach.Account)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
