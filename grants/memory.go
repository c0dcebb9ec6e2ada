package grants

import (
	"remit/iam"
	"remit/platform"
)

// memory is the role whose short credentials the entry vends for one verified user, so
// that a lane remembers for that tenant or user and for nobody else. The session carries
// the tenant as a tag; a session without the tag, or a request without keys, is refused.
func memory(p *platform.Platform, lane platform.Running) iam.Role {
	sid, whose, keys := "RecallOneTenant", "tenant", "TENANT#${aws:PrincipalTag/tenant}#*"
	tagged := []iam.Condition{iam.When("Null", "aws:PrincipalTag/tenant", "false")}
	required := []iam.Condition{iam.When("Null", "aws:RequestTag/tenant", "false")}
	if lane.Actor.Memory.Scope == "user" {
		sid, whose, keys = "RecallOneUser", "tenant and user", "TENANT#${aws:PrincipalTag/tenant}#USER#${aws:PrincipalTag/user}#*"
		tagged = append(tagged, iam.When("Null", "aws:PrincipalTag/user", "false"))
		required = append(required, iam.When("Null", "aws:RequestTag/user", "false"))
	}
	use := allow(sid, "only items whose key begins with the session's own "+whose+"; a request without keys is refused",
		memoryActions(lane), list(lane.MemoryTableARN()),
		append(tagged,
			iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", keys),
			iam.When("Null", "dynamodb:LeadingKeys", "false"))...)
	entry := lane.Site.Role("entry")
	trust := iam.Doc(
		byRole("OnlyTheEntry", "the entry vends credentials for a verified user, and says for whom", entry, list("sts:AssumeRole"),
			append(required, iam.When("Null", "sts:SourceIdentity", "false"))...),
		byRole("TagsOfTheEntry", "the session carries the tenant and user the entry verified, and no other tag", entry,
			list("sts:SetSourceIdentity", "sts:TagSession"),
			iam.When("ForAllValues:StringEquals", "aws:TagKeys", "tenant", "user", "execution")))
	return role(p, lane.Site, lane.LaneSite.Role("memory"), "memory", "agents."+lane.Agent+".memory", trust, iam.Doc(use, memoryKeyUse(lane)))
}

// memoryKey is the key that encrypts an agent's memory.
func memoryKey(p *platform.Platform, a platform.AgentSite) iam.Policy {
	return iam.Policy{ARN: iam.ARN(a.MemoryKeyARN()), Kind: "AWS::KMS::Key", Document: tableKey(a.Site), From: place(p, "agents."+a.Agent+".memory")}
}
