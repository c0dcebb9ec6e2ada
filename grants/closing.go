package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
	"remit/policy"
)

// closing is the role of the function that frees a key when the declared event closes its
// item: of the tools that return an open item, and of no other. It may not claim a key, see
// what a call took, or write a record; of the directory it reads owners in the directories
// those tools name.
func closing(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	var keys, owners []string
	for _, c := range p.Closings(e) {
		keys, owners = append(keys, "ONCE#"+c.Tool+"/*"), append(owners, "DATUM#"+c.Directory+"#*")
	}
	return role(p, site, site.Role("closing"), "closing", "environments."+e.Name+".buses",
		byLambda("OnlyLambda", "the closing events' own execution role"),
		iam.Doc(
			items(site, "FreeKeys", "the item is closed, so the next call makes a new one; a condition that fails shows what it met", list("dynamodb:DeleteItem", "dynamodb:GetItem"), keys...),
			readOwners(site, unique(owners)), useLedgerKey(site),
			allow("KeepFailures", "an event that could not be used waits for a person", list("sqs:SendMessage"), list(FailedEvents(site))),
			ownLogs(site, site.Function("closing")), ownTraces))
}

func unique(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

func readOwners(site platform.Site, leading []string) iam.Statement {
	return allow("ReadOwners", "whose the datum is that an event names; events carry no tenant", list("dynamodb:GetItem"), list(site.TableARN(site.Directory())),
		iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", leading...), iam.When("Null", "dynamodb:LeadingKeys", "false"))
}

// closingBoundary: keys are freed and owners are read, by key.
func closingBoundary(site platform.Site) iam.Document {
	keyed := iam.When("Null", "dynamodb:LeadingKeys", "false")
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("FreeKeys", "idempotency keys are freed, by key", list("dynamodb:DeleteItem", "dynamodb:GetItem"), list(site.TableARN(site.Ledger())), keyed),
		deny("NeverOtherItems", "nothing else of the ledger is an event's to see or change", list("dynamodb:*"), list(site.TableARN(site.Ledger())),
			iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "CONFIRM#*", "COUNT#*", "EXEC#*", "OPEN#*", "RECORD#*", "SWITCHES", "TENANT#*", "THROTTLE#*", "USER#*", "WATCH#*", "WIDEN#*")),
		allow("ReadOwners", "owners, by key", list("dynamodb:GetItem"), list(site.TableARN(site.Directory())), keyed),
		allow("KeepFailures", "queues of this platform", list("sqs:SendMessage"), list(site.ARN("sqs", site.Named("*")))),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

// FailedEvents is the queue of events that could not be used.
func FailedEvents(site platform.Site) string { return site.ARN("sqs", FailedEventsName(site)) }

// FailedEventsName is its name.
func FailedEventsName(site platform.Site) string { return site.Named("closing", "failed") }

// ClosingBuses is the buses, by their logical names, on which items are closed.
func ClosingBuses(p *platform.Platform, e platform.Environment) []string {
	var out []string
	for _, c := range p.Closings(e) {
		out = append(out, c.Bus)
	}
	return unique(out)
}

// ClosingEvents is the detail types that close items on a bus.
func ClosingEvents(p *platform.Platform, e platform.Environment, bus string) []string {
	var out []string
	for _, c := range slices.DeleteFunc(p.Closings(e), func(c policy.Closing) bool { return c.Bus != bus }) {
		out = append(out, c.Event)
	}
	return unique(out)
}

// ClosingRule is the rule that passes the events of a bus on.
func ClosingRule(site platform.Site, e platform.Environment, bus string) string {
	return site.ARN("events", "rule/"+e.Bus(bus)+"/"+site.Function("closing"))
}

func closingRules(p *platform.Platform, e platform.Environment, site platform.Site) []string {
	var out []string
	for _, bus := range ClosingBuses(p, e) {
		out = append(out, ClosingRule(site, e, bus))
	}
	return out
}

// closingPolicies let the rules, and nobody else, start the function and keep what they could
// not deliver.
func closingPolicies(p *platform.Platform, e platform.Environment, site platform.Site) []iam.Policy {
	from, function := place(p, "environments."+e.Name+".buses"), site.ARN("lambda", "function:"+site.Function("closing")+":"+platform.Live)
	var started []iam.Statement
	for _, bus := range ClosingBuses(p, e) {
		s := allow("OnlyTheRuleOf"+platform.Pascal(bus), "the rule on the declared bus starts the function, and nobody else does", list("lambda:InvokeFunction"), list(function),
			iam.When("ArnLike", "aws:SourceArn", ClosingRule(site, e, bus)))
		s.Principals = iam.Principals{Service: list("events.amazonaws.com")}
		started = append(started, s)
	}
	kept := allow("OnlyTheRules", "what a rule could not deliver is kept", list("sqs:SendMessage"), list(FailedEvents(site)), iam.When("ArnEquals", "aws:SourceArn", closingRules(p, e, site)...))
	kept.Principals = iam.Principals{Service: list("events.amazonaws.com")}
	return []iam.Policy{
		{ARN: iam.ARN(function), Kind: "AWS::Lambda::Function", Document: iam.Doc(started...), From: from},
		{ARN: iam.ARN(FailedEvents(site)), Kind: "AWS::SQS::Queue", Document: iam.Doc(kept), From: from},
	}
}

// ClosingPolicy is the function's own of those.
func ClosingPolicy(p *platform.Platform, e platform.Environment, site platform.Site) iam.Policy {
	return closingPolicies(p, e, site)[0]
}

// FailedEventsPolicy is the queue's.
func FailedEventsPolicy(p *platform.Platform, e platform.Environment, site platform.Site) iam.Policy {
	return closingPolicies(p, e, site)[1]
}
