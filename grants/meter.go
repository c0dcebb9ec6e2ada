package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
)

// meter is the role of the function that charges executions with what their agents used of
// models directly. It may charge executions of the metered lanes, and those lanes, and add
// records of it. It opens and closes nothing, sees no switch and no day, and reads no log: the
// subscription brings it what it knows.
func meter(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	var executions, records, lanes []string
	for _, lane := range p.Lanes(e) {
		if lane.Metered() {
			executions, records, lanes = append(executions, mine(lane, "EXEC")), append(records, mine(lane, "RECORD")), append(lanes, "LANE#"+lane.Term().Key())
		}
	}
	charge := list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
	return role(p, site, site.Role("meter"), "meter", "environments."+e.Name+".model_logs",
		byLambda("OnlyLambda", "the meter's own execution role"),
		iam.Doc(
			items(site, "ChargeExecutions", "executions of the lanes that use models directly, and the calls they are charged with", charge, executions...),
			items(site, "ChargeLanes", "what names no execution is the lane's", charge, lanes...),
			writeRecords(site, records...), useLedgerKey(site), ownLogs(site, site.Function("meter")), ownTraces))
}

// meterBoundary: executions and lanes are charged, by key.
func meterBoundary(site platform.Site) iam.Document {
	ledger := list(site.TableARN(site.Ledger()))
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("UseLedger", "executions, lanes and records, by key; nothing is deleted", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), ledger, iam.When("Null", "dynamodb:LeadingKeys", "false")),
		deny("OnlyCharges", "a meter charges executions and lanes, and nothing else of the ledger is its to see or change", list("dynamodb:*"), ledger,
			iam.When("ForAnyValue:StringNotLike", "dynamodb:LeadingKeys", "EXEC#*", "LANE#*", "RECORD#*")),
		deny("NeverRewriteRecords", "evidence is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"), ledger, iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

// Meters reports whether an environment has a meter: some lane there uses models directly.
func Meters(p *platform.Platform, e platform.Environment) bool {
	return e.ModelLogs != nil && slices.ContainsFunc(p.Lanes(e), platform.Running.Metered)
}

// modelLogs is the adopted log group. Its owner is the account's.
func modelLogs(e platform.Environment, site platform.Site) string {
	return site.ARN("logs", "log-group:"+e.ModelLogs.Group)
}

// MeterPolicy lets the adopted log group, and nobody else, start the meter.
func MeterPolicy(p *platform.Platform, e platform.Environment, site platform.Site) iam.Policy {
	function := site.ARN("lambda", "function:"+site.Function("meter")+":"+platform.Live)
	start := allow("OnlyTheModelLogs", "the log group to which invocations of models are logged starts the meter, and nobody else does", list("lambda:InvokeFunction"), list(function),
		iam.When("ArnLike", "aws:SourceArn", modelLogs(e, site)+":*"), iam.When("StringEquals", "aws:SourceAccount", string(site.Account)))
	start.Principals = iam.Principals{Service: list("logs.amazonaws.com")}
	return iam.Policy{ARN: iam.ARN(function), Kind: "AWS::Lambda::Function", Document: iam.Doc(start), From: place(p, "environments."+e.Name+".model_logs")}
}
