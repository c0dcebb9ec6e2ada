package grants

import (
	"remit/iam"
	"remit/platform"
)

// broker is the role of the function through which a lane reaches its models: the only one
// that may invoke them, so that no token is used that was not reserved. It keeps the lane's own
// executions and their records, and nothing else of the ledger. It signs nothing, and stops no
// session: it asks the front door to.
func broker(p *platform.Platform, lane platform.Running) iam.Role {
	site := lane.Site
	return role(p, site, lane.LaneSite.Role("broker"), "broker", "agents."+lane.Agent+".models",
		byLambda("OnlyLambda", "the broker's own execution role"),
		iam.Doc(
			invokeModels(lane),
			items(site, "ReserveCalls", "the lane's executions and their calls of models", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), mine(lane, "EXEC")),
			writeRecords(site, mine(lane, "RECORD")), useLedgerKey(site), ownLogs(site, lane.Function("broker")), ownTraces))
}

// BrokerPolicy opens the broker's address to anyone: agents come with a bearer token, which
// the broker verifies, and not with their role.
func BrokerPolicy(p *platform.Platform, lane platform.Running) iam.Policy {
	return openAddress(lane.FunctionARN("broker"), place(p, "agents."+lane.Agent+".models"),
		"", "agents come with a bearer token for models and without AWS credentials; the broker verifies it")
}
