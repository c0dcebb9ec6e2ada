package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
)

// Fence is the boundaries of one account: the most that a role of each kind can ever be
// given. They name whole families (this platform's tables, this account's functions) and
// no single lane, so adding a lane does not touch the fence. They live in a stack of
// their own with a deploy role of their own, and no other role can change them.
func Fence(p *platform.Platform, e platform.Environment, site platform.Site) iam.World {
	kinds := map[string]iam.Document{"reached": reachedBoundary(site)}
	if site.Purpose == platform.PlatformAccount {
		kinds = map[string]iam.Document{
			"execution": executionBoundary(p, e, site, false),
			"gateway":   gatewayBoundary(p, e, site),
			"memory":    memoryBoundary(site),
			"function":  functionBoundary(site),
			"reach":     reachBoundary(p, e, site),
			"entry":     entryBoundary(site),
			"approve":   approveBoundary(site),
			"closing":   closingBoundary(site),
			"operate":   operateBoundary(site),
			"operator":  operatorBoundary(site),
			"sweep":     sweepBoundary(site),
			"watch":     watchBoundary(site),
		}
	}
	if slices.ContainsFunc(p.Lanes(e), platform.Running.Brokered) && site.Purpose == platform.PlatformAccount {
		kinds["broker"] = brokerBoundary(p, e, site)
	}
	if Meters(p, e) && site.Purpose == platform.PlatformAccount {
		kinds["meter"] = meterBoundary(site)
	}
	if slices.ContainsFunc(p.Lanes(e), direct) && site.Purpose == platform.PlatformAccount {
		kinds["execution-direct"] = executionBoundary(p, e, site, true)
	}
	var w iam.World
	for kind, document := range kinds {
		w.Policies = append(w.Policies, iam.Policy{ARN: iam.ARN(site.Boundary(kind)), Kind: "managed", Document: document,
			From: place(p, "environments."+e.Name+".accounts."+site.Purpose)})
	}
	return w.Canonical()
}

// neverEscalate is in every boundary: whatever a role is given, it becomes nobody else and
// changes no permission. An explicit refusal also holds against resource policies that
// name the role's session, which a boundary's silence would not (IAM User Guide, access_policies_boundaries).
var neverEscalate = deny("NeverEscalate", "no role inside changes permissions, its own or another's",
	list("iam:*", "organizations:*", "account:*"), everything)

// neverAssume closes every role to kinds that assume none.
var neverAssume = deny("NeverAssume", "this kind of role takes no other role", list("sts:AssumeRole*", "sts:TagSession"), everything)

// neverInvoke keeps every role but the entry from starting an agent or loosening a gateway.
var neverInvoke = deny("NeverInvoke", "only the entry starts agents, and no role inside loosens a gateway or its policies",
	list("bedrock-agentcore:Invoke*", "bedrock-agentcore:Create*", "bedrock-agentcore:Update*", "bedrock-agentcore:Delete*", "bedrock-agentcore:PutResourcePolicy"), everything)

func lambdaLogs(site platform.Site) iam.Statement {
	return allow("WriteLogs", "functions of this platform write their own logs",
		list("logs:CreateLogStream", "logs:PutLogEvents"), list(site.ARN("logs", "log-group:/aws/lambda/"+site.Named("*")+":log-stream:*")))
}

func tables(site platform.Site) []string {
	return list(site.ARN("dynamodb", "table/"+site.Named("*", "memory")))
}

var itemActions = list("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem")

func tableKeys(site platform.Site) iam.Statement {
	return allow("UseTableKeys", "tables are encrypted; keys work only through DynamoDB",
		list("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), list(site.ARN("kms", "key/*")),
		iam.When("StringEquals", "kms:ViaService", "dynamodb."+site.Region+".amazonaws.com"))
}

// executionBoundary: unless an agent is direct, not even its boundary names a model or a
// role to assume.
func executionBoundary(p *platform.Platform, e platform.Environment, site platform.Site, direct bool) iam.Document {
	statements := []iam.Statement{
		allow("WriteLogs", "runtimes of this platform write their own logs", list("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
			list(site.ARN("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+platform.RuntimePrefix(site.Platform)+"*"))),
		ownTraces,
		allow("PullImages", "images of this platform's own repositories", list("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
			list(site.ARN("ecr", "repository/"+site.Platform+"/*"))),
		allow("SignInToRegistry", "a registry token opens nothing by itself", list("ecr:GetAuthorizationToken"), everything),
		allow("UseMemory", "memory tables of this platform, by key", itemActions, tables(site), iam.When("Null", "dynamodb:LeadingKeys", "false")),
		tableKeys(site),
		neverEscalate, neverInvoke,
	}
	if buses := busARNs(e, site); len(buses) > 0 {
		statements = append(statements, allow("PublishEvents", "the declared event buses", list("events:PutEvents"), buses))
	}
	if models := modelARNs(p, e); direct && len(models) > 0 {
		statements = append(statements, allow("InvokeModels", "the models some agent declares for direct use", list("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"), models))
	}
	if reached := reachedPatterns(p, e, true); direct && len(reached) > 0 {
		statements = append(statements, allow("AssumeReached", "roles some tool declares for direct reach", list("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"), reached))
	} else {
		statements = append(statements, neverAssume)
	}
	return iam.Doc(statements...)
}

func busARNs(e platform.Environment, site platform.Site) []string {
	var out []string
	for _, bus := range e.Buses {
		out = append(out, site.ARN("events", "event-bus/"+bus.Named))
	}
	return out
}

// modelARNs collects what the execution roles of the environment's direct agents name.
func modelARNs(p *platform.Platform, e platform.Environment) []string {
	var out []string
	for _, lane := range p.Lanes(e) {
		for _, s := range models(lane) {
			out = append(out, s.Resources.Of...)
		}
	}
	return out
}

// brokerBoundary: a broker invokes the models that some agent reaches through one, and works
// on keyed items of the ledger. It changes no switch, no day and no key.
func brokerBoundary(p *platform.Platform, e platform.Environment, site platform.Site) iam.Document {
	ledger, models := site.TableARN(site.Ledger()), []string(nil)
	for _, lane := range p.Lanes(e) {
		if lane.Brokered() {
			models = append(models, invokeModels(lane).Resources.Of...)
		}
	}
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("InvokeModels", "the models that agents reach through a broker", useModels, models),
		allow("UseLedger", "executions, calls and records, by key; nothing is deleted", list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), list(ledger), iam.When("Null", "dynamodb:LeadingKeys", "false")),
		deny("OnlyExecutions", "a broker keeps executions and their records, and nothing else", list("dynamodb:*"), list(ledger),
			iam.When("ForAnyValue:StringNotLike", "dynamodb:LeadingKeys", "EXEC#*", "RECORD#*")),
		deny("NeverRewriteRecords", "evidence is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"), list(ledger), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

func reachedPatterns(p *platform.Platform, e platform.Environment, direct bool) []string {
	var out []string
	for _, t := range p.Tools {
		if t.Reach != nil && (!direct || t.Reach.Direct != nil) {
			if site := p.Site(e, t.Reach.Account); site.Account != "" {
				out = append(out, site.Role("*", "reached"))
			}
		}
	}
	return out
}

// gatewayBoundary: the gateway's ceiling is its own account and those of declared targets.
func gatewayBoundary(p *platform.Platform, e platform.Environment, site platform.Site) iam.Document {
	functions, apis := list(site.ARN("lambda", "function:"+site.Named("*"))), []string(nil)
	for _, t := range e.Targets {
		switch {
		case t.Lambda != nil:
			functions = append(functions, p.Site(e, orPlatform(t.Lambda.Account)).ARN("lambda", "function:"+t.Lambda.Function+":"+t.Lambda.Alias))
		case t.APIGateway != nil:
			apis = append(apis, p.Site(e, orPlatform(t.APIGateway.Account)).ARN("execute-api", t.APIGateway.API+"/"+t.APIGateway.Stage+"/*"))
		}
	}
	statements := []iam.Statement{
		allow("CallFunctions", "interceptors, and the declared target functions", list("lambda:InvokeFunction"), functions),
		allow("AskPolicyEngines", "policy engines and gateways of this platform",
			list("bedrock-agentcore:AuthorizeAction", "bedrock-agentcore:GetPolicyEngine", "bedrock-agentcore:PartiallyAuthorizeActions"),
			list(site.ARN("bedrock-agentcore", "gateway/"+site.Named("*")), site.ARN("bedrock-agentcore", "policy-engine/"+platform.EnginePrefix(site)+"*"))),
		allow("UseCredentials", "credentials of this platform's targets",
			list("bedrock-agentcore:GetResourceApiKey", "bedrock-agentcore:GetWorkloadAccessToken"),
			list(site.ARN("bedrock-agentcore", "token-vault/default"), site.ARN("bedrock-agentcore", "token-vault/default/apikeycredentialprovider/"+site.Named("*")),
				site.ARN("bedrock-agentcore", "workload-identity-directory/default"), site.ARN("bedrock-agentcore", "workload-identity-directory/default/workload-identity/"+site.Named("*")))),
		allow("ReadCredentials", "the declared secrets of those credentials", list("secretsmanager:GetSecretValue"),
			secretARNs(e, site)),
		neverEscalate, neverAssume, neverInvoke,
	}
	if len(e.Credentials) == 0 {
		statements = slices.DeleteFunc(statements, func(s iam.Statement) bool { return s.Sid == "ReadCredentials" })
	}
	if len(apis) > 0 {
		statements = append(statements, allow("CallOperations", "the declared APIs", list("execute-api:Invoke"), apis))
	}
	return iam.Doc(statements...)
}

func orPlatform(account string) string {
	if account == "" {
		return platform.PlatformAccount
	}
	return account
}

// memoryBoundary: without a tenant in the session there is nothing.
func memoryBoundary(site platform.Site) iam.Document {
	return iam.Doc(
		allow("UseMemory", "memory tables of this platform, by key, for a tagged session", itemActions, tables(site),
			iam.When("Null", "dynamodb:LeadingKeys", "false"), iam.When("Null", "aws:PrincipalTag/tenant", "false")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

func secretARNs(e platform.Environment, site platform.Site) []string {
	var out []string
	for _, c := range e.Credentials {
		out = append(out, secretARN(e, site, c.Name))
	}
	return out
}

// functionBoundary: interceptors work on keyed items of the environment's own two tables,
// change no switch and no tenant's day, and sign nothing but assertions of calls.
func functionBoundary(site platform.Site) iam.Document {
	keyed := iam.When("Null", "dynamodb:LeadingKeys", "false")
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("UseLedger", "limits, calls and records, by key; nothing is deleted", list("dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
			list(site.TableARN(site.Ledger())), keyed),
		deny("NeverSwitches", "who is stopped or throttled, what is counted, and what a tenant's day has left, is not an interceptor's to see or change", list("dynamodb:*"),
			list(site.TableARN(site.Ledger())), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "COUNT#*", "OPEN#*", "SWITCHES", "TENANT#*", "THROTTLE#*", "WATCH#*", "WIDEN#*")),
		deny("NeverRewriteRecords", "evidence is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"),
			list(site.TableARN(site.Ledger())), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		allow("AttestOwners", "whose a datum is, as a condition", list("dynamodb:ConditionCheckItem"), list(site.TableARN(site.Directory())), keyed),
		tableKeys(site),
		allow("Seal", "arguments and results that wait, for a named tenant", list("kms:Decrypt", "kms:GenerateDataKey"), list(site.ARN("kms", "key/*")), iam.When("Null", "kms:EncryptionContext:tenant", "false")),
		allow("AssertCalls", "assertions of single calls; which key signs for whom is in the key's own policy", list("kms:GetPublicKey", "kms:Sign"), list(site.ARN("kms", "key/*"))),
		neverEscalate, neverAssume, neverInvoke)
}

// sweepBoundary: the sweep works on keyed items of the ledger and the index of what is due.
func sweepBoundary(site platform.Site) iam.Document {
	ledger := site.TableARN(site.Ledger())
	return iam.Doc(lambdaLogs(site), ownTraces,
		allow("UseLedger", "what is due, by key", list("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
			list(ledger, ledger+"/index/due"), iam.When("Null", "dynamodb:LeadingKeys", "false")),
		deny("NeverSwitches", "who is stopped is for operators to see and change, and what is throttled for the watch", list("dynamodb:*"), list(ledger), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "SWITCHES", "THROTTLE#*", "WATCH#*", "WIDEN#*")),
		deny("NeverRewriteRecords", "evidence is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"),
			list(ledger), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		tableKeys(site), neverEscalate, neverAssume, neverInvoke)
}

func reachBoundary(p *platform.Platform, e platform.Environment, site platform.Site) iam.Document {
	statements := []iam.Statement{lambdaLogs(site), ownTraces, neverEscalate, neverInvoke}
	if reached := reachedPatterns(p, e, false); len(reached) > 0 {
		statements = append(statements, allow("AssumeReached", "the roles that lanes reach in resource accounts", list("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"), reached))
	}
	return iam.Doc(statements...)
}

func entryBoundary(site platform.Site) iam.Document {
	return iam.Doc(
		lambdaLogs(site), ownTraces,
		allow("FindLanes", "where lanes register", list("ssm:GetParametersByPath"), registry(site)),
		allow("UseLedger", "executions and days, by key", list("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
			list(site.TableARN(site.Ledger())), iam.When("Null", "dynamodb:LeadingKeys", "false")),
		neverSwitch(site),
		deny("NeverRewriteRecords", "evidence is added, and never changed or removed", list("dynamodb:DeleteItem", "dynamodb:UpdateItem"),
			list(site.TableARN(site.Ledger())), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")),
		neverThrottle(site),
		tableKeys(site),
		allow("Sign", "delegation tokens; which key signs for whom is in the key's own policy", list("kms:GetPublicKey", "kms:Sign"), list(site.ARN("kms", "key/*"))),
		allow("InvokeLanes", "runtimes of this platform", list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"),
			list(site.ARN("bedrock-agentcore", "runtime/"+platform.RuntimePrefix(site.Platform)+"*"))),
		allow("VendMemory", "memory roles of this platform", list("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"), list(site.Role("*", "memory"))),
		deny("NeverStateUsers", "a user is verified, never merely stated; and nobody gets a shell",
			forbidden, everything),
		neverEscalate)
}

// reachedBoundary: a role that others reach reads tables and calls APIs; it takes no role and
// changes no permission.
func reachedBoundary(site platform.Site) iam.Document {
	return iam.Doc(
		allow("ReadTables", "reads of this account's tables, attributes named, in a session tagged for a tool", list("dynamodb:GetItem", "dynamodb:Query"), list(site.ARN("dynamodb", "table/*")),
			iam.When("Null", "dynamodb:Attributes", "false"), iam.When("Null", "aws:PrincipalTag/tool", "false")),
		allow("CallOperations", "this account's APIs, in a session tagged for a tool", list("execute-api:Invoke"), list(site.ARN("execute-api", "*")),
			iam.When("Null", "aws:PrincipalTag/tool", "false")),
		neverEscalate, neverAssume, neverInvoke)
}
