package grants

import (
	"remit/iam"
	"remit/platform"
)

// operate is the role of the function where people intervene. It is the only one that writes
// switches and widenings, so it alone can lift: it stops executions and raises their limits,
// and keeps who did what. It can read a day and change none; approve, spend, forward and sign
// nothing; and it sees no record, argument or owner.
func operate(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	return role(p, site, site.Role("operate"), "operate", "environments."+e.Name+".operations",
		byLambda("OnlyLambda", "the operating function's own execution role"),
		iam.Doc(
			items(site, "ThrowSwitches", "what is stopped, and what is held off", list("dynamodb:GetItem", "dynamodb:UpdateItem"), "SWITCHES"),
			items(site, "FindOpen", "which open executions a switch concerns", list("dynamodb:Query"), "OPEN#*"),
			items(site, "EndExecutions", "a switch ends them, a second person raises their limits", list("dynamodb:GetItem", "dynamodb:UpdateItem"), "EXEC#*"),
			items(site, "KeepAskings", "what one person asked for waits for another", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), "WIDEN#*"),
			items(site, "ReadDays", "what a day has used", list("dynamodb:GetItem"), "TENANT#*", "USER#cost#*", "USER#tool/*"),
			writeRecords(site, "RECORD#SWITCHES"), useLedgerKey(site),
			ownLogs(site, site.Function("operate")), ownTraces))
}

// operateBoundary: switches, widenings, executions and their records, by key; no call, key,
// confirmation or day is changed.
func operateBoundary(site platform.Site) iam.Document {
	ledger, keyed := list(site.TableARN(site.Ledger())), iam.When("Null", "dynamodb:LeadingKeys", "false")
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("UseLedger", "switches, widenings and executions, by key; nothing is deleted", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"), ledger, keyed),
		deny("NeverDays", "what a day has left is for calls to take", writeItems, ledger, iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "OPEN#*", "TENANT#*", "USER#*")),
		deny("NeverCalls", "what waits for a user, and whether a call has had its effect, is nobody's here", list("dynamodb:*"), ledger, iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "CONFIRM#*", "ONCE#*")),
		deny("OnlyOwnRecords", "evidence of switches is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"), ledger, iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

// neverSwitch is in the boundary of every function that works for all lanes but one: whoever
// writes a switch can lift it, and whoever writes a widening is two people.
func neverSwitch(site platform.Site) iam.Statement {
	return deny("NeverSwitches", "who is stopped is for operators to change", writeItems, list(site.TableARN(site.Ledger())),
		iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "SWITCHES", "WIDEN#*"))
}

// operator and breakglass are the roles that people come in. Both may call the address where
// people intervene, and nothing else: what each may ask there is the function's to say, and no
// person's role reaches the ledger.
func operator(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	return people(p, e, site, "operator", e.Operations.Operators)
}

func breakglass(p *platform.Platform, e platform.Environment, site platform.Site) iam.Role {
	return people(p, e, site, "breakglass", e.Operations.Breakglass)
}

// people is a role that people come in. It lasts an hour: IAM's default, and all that role
// chaining gives (IAM User Guide, id_roles_manage-assume).
func people(p *platform.Platform, e platform.Environment, site platform.Site, name string, who []string) iam.Role {
	return role(p, site, site.Role(name), "operator", "environments."+e.Name+".operations", byPeople(who), iam.Doc(intervene(site)...))
}

// UserID is the key that holds the id of a caller's role and, after a colon, the name of their
// session (IAM User Guide, reference_policies_variables). OwnName lets nobody take a role under
// another name than the one they come with: a session name has no colon in it, nor a wildcard
// (AssumeRole API), so it is the same name to the letter.
const (
	UserID  = "aws:userid"
	OwnName = "*:${sts:RoleSessionName}"
)

// byPeople admits the roles that people are known to have, each under their own name.
func byPeople(who []string) iam.Document {
	var out []iam.Statement
	for _, account := range principalAccounts(who) {
		there := inAccount(who, account)
		s := byRole("NamedPeople"+account, "the people the environment names, each under the name they come with", there[0], list("sts:AssumeRole"), iam.When("StringLike", UserID, OwnName))
		s.When[0] = iam.When("ArnEquals", "aws:PrincipalArn", there...)
		out = append(out, s)
	}
	return iam.Doc(out...)
}

// operateFunction is called under its live alias.
func operateFunction(site platform.Site) string {
	return site.ARN("lambda", "function:"+site.Function("operate")+":"+platform.Live)
}

// callAddress: AWS wants both permissions of whoever calls an address that asks for a signature
// (Lambda developer guide, urls-auth). Past the address nobody could say who calls.
func callAddress(sid, function string) []iam.Statement {
	on := list(function)
	return []iam.Statement{
		allow(sid, "AWS then says who calls, and the function who may do what", list("lambda:InvokeFunctionUrl"), on, iam.When("StringEquals", "lambda:FunctionUrlAuthType", "AWS_IAM")),
		allow("OnlyThroughTheAddress", "a call past the address would state its own caller", list("lambda:InvokeFunction"), on, iam.When("Bool", ViaFunctionURL, "true")),
	}
}

func findAddress(site platform.Site, sid, parameter string) iam.Statement {
	return allow(sid, "Lambda chooses the address, so it is looked up", list("ssm:GetParameter"), list(site.ARN("ssm", "parameter"+parameter)))
}

// intervene is what a person's role may do: call the one address, and look it up.
func intervene(site platform.Site) []iam.Statement {
	return append(callAddress("Intervene", operateFunction(site)), findAddress(site, "FindAddress", platform.OperateURL(site)))
}

// operatorBoundary: a person's role calls the one address and looks it up.
func operatorBoundary(site platform.Site) iam.Document {
	return iam.Doc(append(intervene(site), neverEscalate, neverAssume, neverInvoke)...)
}
