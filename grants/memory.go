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

// memoryKey is the policy of the key that encrypts an agent's memory. The account's IAM
// decides who uses it, and then only through DynamoDB; only the deployment administers it.
func memoryKey(p *platform.Platform, a platform.AgentSite) iam.Policy {
	inDynamoDB := iam.When("StringEquals", "kms:ViaService", "dynamodb."+a.Region+".amazonaws.com")
	own := iam.When("StringEquals", "kms:CallerAccount", string(a.Account))
	account := iam.Principals{AWS: list("arn:" + a.Partition() + ":iam::" + string(a.Account) + ":root")}
	use := allow("UsedThroughDynamoDB", "the key opens this account's tables and nothing beside them",
		list("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"), everything, inDynamoDB, own)
	use.Principals = account
	granted := allow("GrantedToDynamoDB", "DynamoDB keeps a table open by a grant that only an AWS service can use",
		list("kms:CreateGrant"), everything, inDynamoDB, own, iam.When("Bool", "kms:GrantIsForAWSResource", "true"))
	granted.Principals = account
	// Named here and not in the role's own policy: a permission on keys by label would also
	// reach every key that someone labels. "*" is held to that one role.
	administer := allow("AdministeredByDeployment", "only the deployment changes the key; using it is not part of that",
		keyAdministration, everything, iam.When("ArnEquals", "aws:PrincipalArn", a.BootstrapRole("execution")), own)
	administer.Principals = iam.Principals{AWS: everything}
	return iam.Policy{ARN: iam.ARN(a.MemoryKeyARN()), Kind: "AWS::KMS::Key", Document: iam.Doc(use, granted, administer),
		From: place(p, "agents."+a.Agent+".memory")}
}

// keyAdministration is what CloudFormation needs to own a key. None of it reads data.
var keyAdministration = list("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:DisableKeyRotation",
	"kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription")
