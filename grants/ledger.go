package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// The ledger's table holds items of many kinds, told apart by their leading keys, and each
// function reaches the kinds it works on, an interceptor those of its own lane and tools alone
// (ledger/dynamo lists them with their access patterns). Records are put and never updated or deleted by anyone.

// items grants actions on items of the ledger's table whose leading keys begin as said. A
// request without keys is refused: ForAllValues alone would let it pass.
func items(site platform.Site, sid, why string, actions []string, leading ...string) iam.Statement {
	return allow(sid, why, actions, list(site.TableARN(site.Ledger())),
		iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", leading...),
		iam.When("Null", "dynamodb:LeadingKeys", "false"))
}

// useLedgerKey: the tables are encrypted under a key of their own.
func useLedgerKey(site platform.Site) iam.Statement {
	return allow("UseLedgerKey", "the ledger is encrypted; its key works only through DynamoDB",
		list("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), list(site.KeyARN(platform.LedgerKeyID)),
		iam.When("StringEquals", "kms:ViaService", "dynamodb."+site.Region+".amazonaws.com"))
}

// writeRecords: evidence is put once.
func writeRecords(site platform.Site, leading ...string) iam.Statement {
	return items(site, "WriteRecords", "evidence is added, and never changed or removed", list("dynamodb:PutItem"), leading...)
}

// seal lets a function seal what the ledger keeps of arguments and results, always for a
// named tenant.
func seal(site platform.Site, sid, why string, actions ...string) iam.Statement {
	return allow(sid, why, actions, list(site.KeyARN(platform.SealKeyID)), iam.When("Null", "kms:EncryptionContext:tenant", "false"))
}

// attestOwners asks the directory, in the transaction that reserves, whose a datum is. It
// answers yes or no and shows nothing.
func attestOwners(site platform.Site) iam.Statement {
	return allow("AttestOwners", "whose a datum is, as a condition of the transaction; the owner is not read",
		list("dynamodb:ConditionCheckItem"), list(site.TableARN(site.Directory())),
		iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "DATUM#*"), iam.When("Null", "dynamodb:LeadingKeys", "false"))
}

// mine is what keys of a lane's own items begin with: its executions or their records, or what
// waits for users of it.
func mine(lane platform.Running, kind string) string {
	if kind == "CONFIRM" {
		return kind + "#" + lane.Term().Key() + "#*"
	}
	return kind + "#" + lane.Term().Own("*")
}

// onceKeys are the keys of the lane's tools that act once, dayKeys the users' days of those
// that are counted by the day. Other lanes of the same tools share them: what one of them has
// done, the other must not do again.
func onceKeys(lane platform.Running) []string {
	var out []string
	for _, t := range lane.Tools {
		if t.Idempotency != nil || t.Dedup != nil {
			out = append(out, "ONCE#"+t.Name+"/*")
		}
	}
	return out
}

func dayKeys(lane platform.Running) []string {
	var out []string
	for _, l := range lane.Environment.Limits.Tools {
		if slices.ContainsFunc(lane.Tools, func(t platform.Tool) bool { return t.Name == l.Tool }) {
			out = append(out, "USER#"+terms.DailyLimit(l.Tool)+"#*")
		}
	}
	return out
}

// some is a statement on items where there are such keys, and none otherwise.
func some(site platform.Site, sid, why string, actions []string, leading []string) []iam.Statement {
	if len(leading) == 0 {
		return nil
	}
	return []iam.Statement{items(site, sid, why, actions, leading...)}
}

// requestLedger is what the REQUEST interceptor does: reserve, deny, propose, for its own lane.
// It sees no switch and no tenant's day, reads no record, and deletes nothing. GetItem is
// wherever a condition can fail: DynamoDB then answers with the item that was met.
func requestLedger(lane platform.Running) []iam.Statement {
	site, once := lane.Site, onceKeys(lane)
	out := []iam.Statement{
		items(site, "ReserveCalls", "the lane's executions, their calls, what waits for its users", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), mine(lane, "CONFIRM"), mine(lane, "EXEC")),
		items(site, "FindProposals", "whether a proposal's key is free, and the same call waits already", list("dynamodb:ConditionCheckItem"), append(list(mine(lane, "CONFIRM")), once...)...),
		writeRecords(site, mine(lane, "RECORD")), attestOwners(site), useLedgerKey(site),
		seal(site, "SealArguments", "arguments wait sealed for the user's confirmation; a stored result is opened for a duplicate", "kms:Decrypt", "kms:GenerateDataKey"),
	}
	out = append(out, some(site, "ClaimKeys", "a datum's key, claimed once, for the lane's own tools", list("dynamodb:GetItem", "dynamodb:PutItem"), once)...)
	return append(out, some(site, "TakeDays", "what the user's day has left for the lane's own tools", list("dynamodb:GetItem", "dynamodb:UpdateItem"), dayKeys(lane))...)
}

// responseLedger is what the RESPONSE interceptor does: settle, for its own lane. It gives
// nothing back, so no user's day is its to change, and deletes nothing: without its key a write
// would run twice.
func responseLedger(lane platform.Running) []iam.Statement {
	site := lane.Site
	return []iam.Statement{
		items(site, "SettleCalls", "the lane's executions, their calls, the datum's key, the confirmation a call ran under",
			list("dynamodb:GetItem", "dynamodb:UpdateItem"), append(list(mine(lane, "CONFIRM"), mine(lane, "EXEC")), onceKeys(lane)...)...),
		items(site, "ReadRecords", "what the request side recorded", list("dynamodb:GetItem"), mine(lane, "RECORD")),
		writeRecords(site, mine(lane, "RECORD")), useLedgerKey(site),
		seal(site, "SealResults", "results wait sealed for duplicates", "kms:Decrypt", "kms:GenerateDataKey"),
	}
}

// entryLedger is what the front door does: open executions from the user's and the tenant's
// day, unless a switch stops them, and close them. It searches nothing.
func entryLedger(site platform.Site) []iam.Statement {
	return []iam.Statement{
		items(site, "OpenExecutions", "executions, from opening to close", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), "EXEC#*"),
		items(site, "ListOpen", "the list of open ones, which switches walk", list("dynamodb:DeleteItem", "dynamodb:PutItem"), "OPEN#*"),
		items(site, "TakeSlices", "the days they take from and give back to", list("dynamodb:GetItem", "dynamodb:UpdateItem"), "TENANT#*", "USER#cost#*"),
		items(site, "ReadSwitches", "what is stopped or throttled is not opened", list("dynamodb:GetItem"), "SWITCHES", "THROTTLE#*"),
		countExecutions(site), useLedgerKey(site),
	}
}

// countExecutions: a closed execution is counted by whoever finds that its last call has ended.
func countExecutions(site platform.Site) iam.Statement {
	return items(site, "CountExecutions", "what a closed execution did is counted, without its user", list("dynamodb:PutItem"), "COUNT#*")
}

// sweep is the role of the function that ends what is due, each minute. It gives back what
// executions and calls held; it opens nothing, sees no switch and reads no record.
func sweep(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	due := allow("FindDue", "the index of what is due, shard by shard", list("dynamodb:Query"), list(site.TableARN(site.Ledger())+"/index/due"),
		iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "?"), iam.When("Null", "dynamodb:LeadingKeys", "false"))
	return role(p, site, site.Role("sweep"), "sweep", "environments."+e.Name+".limits",
		byLambda("OnlyLambda", "the sweep's own execution role"),
		iam.Doc(due,
			items(site, "EndWhatIsDue", "executions, their calls, keys and confirmations, and the days that get back what was not used",
				list("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), "CONFIRM#*", "EXEC#*", "ONCE#*", "OPEN#*", "TENANT#*", "USER#*"),
			countExecutions(site), writeRecords(site, "RECORD#*"), useLedgerKey(site), ownLogs(site, site.Function("sweep")), ownTraces))
}

// SweepPolicy lets the one schedule of an environment start its sweep.
func SweepPolicy(p *platform.Platform, e platform.Environment, site platform.Site) iam.Policy {
	return bySchedule(site, "sweep", "OnlyTheSchedule", "the schedule of this environment starts the sweep, and nobody else does", place(p, "environments."+e.Name+".limits"))
}

func bySchedule(site platform.Site, kind, sid, why string, from terms.Pos) iam.Policy {
	function := site.ARN("lambda", "function:"+site.Function(kind)+":"+platform.Live)
	start := allow(sid, why, list("lambda:InvokeFunction"), list(function), iam.When("ArnLike", "aws:SourceArn", site.ARN("events", "rule/"+site.Function(kind))))
	start.Principals = iam.Principals{Service: list("events.amazonaws.com")}
	return iam.Policy{ARN: iam.ARN(function), Kind: "AWS::Lambda::Function", Document: iam.Doc(start), From: from}
}

// accountKeys is the policies of the platform account's own keys.
func accountKeys(p *platform.Platform, e platform.Environment, site platform.Site) []iam.Policy {
	from := place(p, "environments."+e.Name+".accounts."+site.Purpose)
	key := func(id string, d iam.Document) iam.Policy {
		return iam.Policy{ARN: iam.ARN(site.KeyARN(id)), Kind: "AWS::KMS::Key", Document: d, From: from}
	}
	// A pattern, so that adding a lane changes no key: only request interceptors have such names.
	requests := site.Role("*", "request")
	return []iam.Policy{
		key(platform.LedgerKeyID, tableKey(site)),
		key(platform.SealKeyID, sealKey(e, site)),
		key(platform.DelegationKeyID, signingKey(site, "SignedAtTheDoors", "only where users log in is it said for whom an agent acts", iam.When("ArnEquals", "aws:PrincipalArn", doors(e, site)...))),
		key(platform.CallKeyID, signingKey(site, "SignedByRequest", "request interceptors assert single calls; the front door publishes the key", iam.When("ArnLike", "aws:PrincipalArn", requests, site.Role("entry")))),
	}
}

// doors are the roles behind which users log in.
func doors(e platform.Environment, site platform.Site) []string {
	out := list(site.Role("entry"))
	if e.Identity.Approvals != nil {
		out = append(out, site.Role("approve"))
	}
	return out
}

// sealKey is used by interceptors, and opened where users approve, whatever IAM anyone else
// has, and always for a named tenant.
func sealKey(e platform.Environment, site platform.Site) iam.Document {
	used := func(sid, why string, actions, by []string) iam.Statement {
		s := allow(sid, why, actions, everything, iam.When("ArnLike", "aws:PrincipalArn", by...), iam.When("Null", "kms:EncryptionContext:tenant", "false"))
		s.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(site.Role("entry"))))}
		return s
	}
	statements := []iam.Statement{used("UsedForATenant", "what is sealed belongs to a tenant, and opens only under its name", list("kms:Decrypt", "kms:GenerateDataKey"), list(site.Role("*", "request"), site.Role("*", "response")))}
	if e.Identity.Approvals != nil {
		statements = append(statements, used("OpenedToItsUser", "a user is shown exactly what would be written, and it is sent as it was sealed", list("kms:Decrypt"), list(site.Role("approve"))))
	}
	return iam.Doc(append(statements, administered(site))...)
}

// signingKey signs for whom the condition names and for nobody else, whatever IAM they have.
func signingKey(site platform.Site, sid, why string, by iam.Condition) iam.Document {
	use := allow(sid, why, list("kms:GetPublicKey", "kms:Sign"), everything, by)
	use.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(site.Role("entry"))))}
	return iam.Doc(use, administered(site))
}

// Asserts reports whether a lane has a target that cannot tell who calls by IAM: it is
// shown a signed assertion of each call instead.
func Asserts(lane platform.Running) bool {
	for _, tool := range lane.Tools {
		if target, _ := lane.Environment.Target(tool.Name); target.OpenAPI != nil || target.MCPServer != nil {
			return true
		}
	}
	return false
}

// tableKey is the policy of a key that encrypts tables. The account's IAM decides who uses
// it, and then only through DynamoDB; only the deployment administers it.
func tableKey(site platform.Site) iam.Document {
	inDynamoDB := iam.When("StringEquals", "kms:ViaService", "dynamodb."+site.Region+".amazonaws.com")
	own := iam.When("StringEquals", "kms:CallerAccount", string(site.Account))
	account := iam.Principals{AWS: list("arn:" + site.Partition() + ":iam::" + string(site.Account) + ":root")}
	use := allow("UsedThroughDynamoDB", "the key opens this account's tables and nothing beside them",
		list("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"), everything, inDynamoDB, own)
	use.Principals = account
	granted := allow("GrantedToDynamoDB", "DynamoDB keeps a table open by a grant that only an AWS service can use",
		list("kms:CreateGrant"), everything, inDynamoDB, own, iam.When("Bool", "kms:GrantIsForAWSResource", "true"))
	granted.Principals = account
	return iam.Doc(use, granted, administered(site))
}

// administered is named in the key and not in the deployment's own policy: a permission on
// keys by label would also reach every key that someone labels. "*" is held to that one role.
func administered(site platform.Site) iam.Statement {
	s := allow("AdministeredByDeployment", "only the deployment changes the key; using it is not part of that",
		keyAdministration, everything, iam.When("ArnEquals", "aws:PrincipalArn", site.BootstrapRole("execution")),
		iam.When("StringEquals", "kms:CallerAccount", string(site.Account)))
	s.Principals = iam.Principals{AWS: everything}
	return s
}

// keyAdministration is what CloudFormation needs to own a key. None of it reads data.
var keyAdministration = list("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:DisableKeyRotation",
	"kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription")
