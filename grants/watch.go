package grants

import (
	"remit/iam"
	"remit/platform"
)

// watch is the role of the function that compares what lanes do with what they did. It reads
// counts, which name no user, and keeps their sums; it may throttle a lane, which ends by
// itself, and leaves a record of it. It may see and change no execution, day, switch or key,
// and lift nothing.
func watch(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	return role(p, site, site.Role("watch"), "watch", "environments."+e.Name+".anomaly",
		byLambda("OnlyLambda", "the watch's own execution role"),
		iam.Doc(
			items(site, "ReadTraffic", "how many calls executions made, and the sums of earlier hours", list("dynamodb:Query"), "COUNT#*", "WATCH#*"),
			items(site, "KeepSums", "an hour that is over is added up once", list("dynamodb:PutItem"), "WATCH#*"),
			items(site, "ThrottleLanes", "a lane that runs away opens nothing for a while; nothing that is open is touched", list("dynamodb:PutItem"), "THROTTLE#*"),
			writeRecords(site, "RECORD#THROTTLES"), useLedgerKey(site), findLanes(site),
			ownLogs(site, site.Function("watch")), ownTraces))
}

// watchBoundary: the watch works on counts, sums and throttles, by key, and reads where lanes
// register.
func watchBoundary(site platform.Site) iam.Document {
	ledger := list(site.TableARN(site.Ledger()))
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("FindLanes", "where lanes register", list("ssm:GetParametersByPath"), registry(site)),
		allow("UseLedger", "counts, sums and throttles, by key; nothing is changed or deleted", list("dynamodb:PutItem", "dynamodb:Query"), ledger, iam.When("Null", "dynamodb:LeadingKeys", "false")),
		deny("OnlyTraffic", "no execution, day, switch or key is the watch's, and no record but of throttles", list("dynamodb:*"), ledger,
			iam.When("ForAnyValue:StringNotLike", "dynamodb:LeadingKeys", "COUNT#*", "RECORD#THROTTLES", "THROTTLE#*", "WATCH#*")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

// neverThrottle is in the boundaries of those who write to the ledger for all lanes.
func neverThrottle(site platform.Site) iam.Statement {
	return deny("NeverThrottle", "who is throttled, and the sums it is judged by, are the watch's to change", writeItems,
		list(site.TableARN(site.Ledger())), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "THROTTLE#*", "WATCH#*"))
}

// WatchPolicy lets the one schedule of an environment start its watch.
func WatchPolicy(p *platform.Platform, e platform.Environment, site platform.Site) iam.Policy {
	return bySchedule(site, "watch", "OnlyTheWatchSchedule", "the schedule of this environment starts the watch, and nobody else does", place(p, "environments."+e.Name+".anomaly"))
}

// Dashboard is the name of an environment's dashboard.
func Dashboard(site platform.Site) string { return site.Named() }
