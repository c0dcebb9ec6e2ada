package grants

import (
	"remit/iam"
	"remit/platform"
)

// approve is the role of the function where users decide on what waits for them. It opens
// and closes executions as the entry does, opens what is sealed, and signs the token of the
// one call it sends; the lane's gateway decides again on that call. It may start no agent,
// take no role, seal nothing, and read no key, record or directory.
func approve(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	return role(p, site, site.Role("approve"), "approve", "environments."+e.Name+".identity.approvals",
		byLambda("OnlyLambda", "the approvals' own execution role"),
		iam.Doc(append(entryLedger(site),
			items(site, "DecideConfirmations", "what waits for the user who logged in: read, approved, rejected", list("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), "CONFIRM#*"),
			seal(site, "OpenArguments", "a user is shown exactly what would be written; nothing is sealed here", "kms:Decrypt"),
			findLanes(site), signDelegations(site), ownLogs(site, site.Function("approve")), ownTraces,
		)...))
}

// approveBoundary: approvals work on keyed items of the ledger, open what is sealed for a
// tenant, and sign.
func approveBoundary(site platform.Site) iam.Document {
	ledger := list(site.TableARN(site.Ledger()))
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("FindLanes", "where lanes register", list("ssm:GetParametersByPath"), registry(site)),
		allow("UseLedger", "executions, days and confirmations, by key", list("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"), ledger, iam.When("Null", "dynamodb:LeadingKeys", "false")),
		neverSwitch(site), neverThrottle(site),
		deny("NeverKeysOrRecords", "whether a call has had its effect, and the evidence of it, are the interceptors'", list("dynamodb:*"), ledger,
			iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "ONCE#*", "RECORD#*")),
		tableKeys(site),
		allow("OpenSealed", "arguments that wait, for a named tenant", list("kms:Decrypt"), list(site.ARN("kms", "key/*")), iam.When("Null", "kms:EncryptionContext:tenant", "false")),
		allow("Sign", "delegation tokens; which key signs for whom is in the key's own policy", list("kms:GetPublicKey", "kms:Sign"), list(site.ARN("kms", "key/*"))),
		neverEscalate, neverAssume, neverInvoke)
}

var writeItems = list("dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
