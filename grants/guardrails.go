package grants

import (
	"slices"

	"remit/iam"
	"remit/platform"
)

// Guardrail is a service control policy over the accounts of one environment: what nobody
// there may do, whatever their own account gives them. It binds every role and user of those
// accounts, their root users included; it binds neither the organization's management account
// nor service-linked roles, nor anyone who acts from an account that it is not over
// (Organizations User Guide, orgs_manage_policies_scps).
type Guardrail struct {
	Name     string // physical, unique in the organization
	Says     string
	Accounts []string
	Document iam.Document
}

// MaxGuardrail is the most characters that a service control policy may have (Organizations
// User Guide, orgs_reference_limits).
const MaxGuardrail = 5120

// Guardrails are what stands above the accounts of an environment. Each refusal leaves out the
// one role whose work it is, by name; a role of another account is never meant. What the
// bootstrap itself is, an administrator installs and could change: it is left to them.
func Guardrails(p *platform.Platform, e platform.Environment) []Guardrail {
	g := guard{p: p, e: e, site: p.Site(e, platform.PlatformAccount)}
	out := []Guardrail{
		g.rail("fence", "boundaries and roles change only as reviewed stacks", g.fence()...),
		g.rail("agents", "agents run, and their gateways decide, as deployed", append(g.agents(), g.intervention()...)...),
		g.rail("evidence", "what was recorded stays", slices.Concat(g.evidence(), g.switches(), g.modelLogs())...),
	}
	if e.Deploy.OnlyPipeline() {
		out = append(out, g.rail("deployment", "stacks change only through the pipeline", g.deployment()...))
	}
	return out
}

// Control is the guardrail as evaluation takes it, beside the FullAWSAccess that AWS attaches
// to every account.
func (g Guardrail) Control() iam.Control {
	full := iam.Doc(allow("FullAWSAccess", "a service control policy gives nothing; without this one it would leave nothing", everything, everything))
	return iam.Control{Level: g.Name, Accounts: g.Accounts, Documents: []iam.Document{full, g.Document}}
}

// guard is an environment whose accounts are all meant: "*" stands for each of them.
type guard struct {
	p    *platform.Platform
	e    platform.Environment
	site platform.Site
}

func (g guard) rail(name, says string, statements ...iam.Statement) Guardrail {
	out := Guardrail{Name: g.site.Named("guardrail", name), Says: says, Document: iam.Doc(statements...)}
	for _, a := range g.e.Accounts {
		out.Accounts = append(out.Accounts, string(a.ID))
	}
	return out
}

// any is a name in whichever of the environment's accounts, in its region.
func (g guard) any(service, resource string) string {
	return "arn:" + g.site.Partition() + ":" + service + ":" + g.site.Region + ":*:" + resource
}

// anyGlobal is a name of IAM in whichever of the environment's accounts.
func (g guard) anyGlobal(resource string) string {
	return "arn:" + g.site.Partition() + ":iam::*:" + resource
}

// but leaves out roles, in whichever of the environment's accounts they are.
func (g guard) but(roles ...string) iam.Condition {
	return iam.When("ArnNotLike", "aws:PrincipalArn", roles...)
}

func (g guard) bootstrapRole(kind string) string {
	return g.anyGlobal("role" + platform.BootstrapPath + g.site.Named("bootstrap", kind))
}

func (g guard) fence() []iam.Statement {
	roles, fence := g.anyGlobal("role"+platform.RolePath+g.site.Named("*")), g.anyGlobal("policy"+platform.FencePath+g.site.Named("*"))
	out := []iam.Statement{
		deny("KeepBoundaries", "a boundary is given when a role is made, and nobody takes or exchanges it",
			list("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"), list(g.anyGlobal("role"+platform.RolePath+"*"))),
		deny("KeepTheFence", "only the fence's own deployment writes boundaries",
			list("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"), list(fence), g.but(g.bootstrapRole("fence-execution"))),
		deny("KeepRoles", "only a deployment makes, changes or removes Remit's roles",
			list("iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"),
			list(roles), g.but(g.bootstrapRole("execution"))),
	}
	if elsewhere := g.rolesElsewhere(); elsewhere != nil {
		out = append(out, deny("StayInside", "nobody here becomes anyone in another environment's accounts", list("sts:AssumeRole"), elsewhere))
	}
	return out
}

// rolesElsewhere are all roles of the other environments' accounts. They are named: a refusal
// of every account but these would stop people's other work, and one by aws:ResourceAccount the
// prover would not see through.
func (g guard) rolesElsewhere() []string {
	var out []string
	for _, e := range g.p.Environments {
		for _, a := range e.Accounts {
			if e.Name != g.e.Name {
				out = append(out, "arn:"+g.site.Partition()+":iam::"+string(a.ID)+":role/*")
			}
		}
	}
	return out
}

// intervention: an administrator of the account could call the operating function past its
// address, and say themselves who calls.
func (g guard) intervention() []iam.Statement {
	if g.e.Operations == nil {
		return nil
	}
	function := g.any("lambda", "function:"+g.site.Function("operate"))
	return []iam.Statement{deny("OnlyPeopleIntervene", "what is stopped and resumed is asked for by people whom AWS signed in, in their two roles",
		list("lambda:InvokeFunction", "lambda:InvokeFunctionUrl"), list(function, function+":*"), g.but(g.ownRole("operator"), g.ownRole("breakglass")))}
}

// modelLogs: usage of models that agents use directly is known from the account's own log.
func (g guard) modelLogs() []iam.Statement {
	if g.e.ModelLogs == nil {
		return nil
	}
	return []iam.Statement{deny("KeepModelLogs", "what agents use of models directly is metered by the account's log of invocations, which stays as it was set before",
		list("bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration"), everything)}
}

// switches: an administrator of the account could write them.
func (g guard) switches() []iam.Statement {
	if g.e.Operations == nil {
		return nil
	}
	return []iam.Statement{deny("OnlyOneHandSwitches", "whoever writes a switch can lift it, and whoever writes a widening is two people",
		list("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem"),
		list(g.any("dynamodb", "table/"+g.site.Ledger())), iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "SWITCHES", "WIDEN#*"), g.but(g.ownRole("operate")))}
}

func (g guard) ownRole(kind string) string {
	return g.anyGlobal("role" + platform.RolePath + g.site.Named(kind))
}

func (g guard) agents() []iam.Statement {
	runtimes := g.any("bedrock-agentcore", "runtime/"+platform.RuntimePrefix(g.site.Platform)+"*")
	gateways := g.any("bedrock-agentcore", "gateway/"+g.site.Named("*"))
	engines := g.any("bedrock-agentcore", "policy-engine/"+platform.EnginePrefix(g.site)+"*")
	return []iam.Statement{
		deny("NoStatedUser", "a user is verified and never merely stated; nobody gets a shell", forbidden, list(runtimes)),
		deny("OnlyTheEntry", "executions are opened at the front door alone",
			list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"), list(runtimes), g.but(g.ownRole("entry"))),
		deny("KeepEnforcing", "whether a gateway enforces its policies is no condition key of AWS, so nobody but the deployment changes a gateway, its targets, its policies or who may call a runtime",
			list("bedrock-agentcore:CreateGatewayTarget", "bedrock-agentcore:CreatePolicy", "bedrock-agentcore:DeleteGateway", "bedrock-agentcore:DeleteGatewayTarget", "bedrock-agentcore:DeletePolicy", "bedrock-agentcore:DeletePolicyEngine",
				"bedrock-agentcore:DeleteResourcePolicy", "bedrock-agentcore:ManageAdminPolicy", "bedrock-agentcore:PutResourcePolicy", "bedrock-agentcore:UpdateAgentRuntime*", "bedrock-agentcore:UpdateGateway*", "bedrock-agentcore:UpdatePolicy*"),
			list(gateways, engines, runtimes), g.but(g.bootstrapRole("execution"))),
		deny("KeepFunctions", "interceptors decide what a tool is asked, so nobody but the deployment changes a function or who may call it",
			list("lambda:AddPermission", "lambda:DeleteFunction", "lambda:RemovePermission", "lambda:UpdateAlias", "lambda:UpdateFunctionCode*", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionUrlConfig"),
			list(g.any("lambda", "function:"+g.site.Named("*"))), g.but(g.bootstrapRole("execution"))),
	}
}

func (g guard) evidence() []iam.Statement {
	ledger := list(g.any("dynamodb", "table/"+g.site.Ledger()))
	records := iam.When("ForAnyValue:StringLike", "dynamodb:LeadingKeys", "RECORD#*")
	return []iam.Statement{
		deny("KeepRecords", "a record is put once; nobody changes or removes it",
			list("dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate", "dynamodb:UpdateItem"), ledger, records),
		deny("OnlyRemitRecords", "evidence comes from Remit's own functions",
			list("dynamodb:BatchWriteItem", "dynamodb:PartiQLInsert", "dynamodb:PutItem"), ledger, records, g.but(g.anyGlobal("role"+platform.RolePath+g.site.Named("*")))),
		deny("KeepTheLedger", "only a deployment changes or removes the ledger's table",
			list("dynamodb:DeleteTable", "dynamodb:PutResourcePolicy", "dynamodb:RestoreTableToPointInTime", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"), ledger, g.but(g.bootstrapRole("execution"))),
		deny("KeepTrails", "who did what to an account is recorded, whoever would rather not",
			list("cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:PutInsightSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail"), everything),
		deny("KeepLogs", "only a deployment removes logs of agents and functions, or shortens them",
			list("logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"),
			list(g.any("logs", "log-group:/aws/lambda/"+g.site.Named("*")), g.any("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+platform.RuntimePrefix(g.site.Platform)+"*")), g.but(g.bootstrapRole("execution"))),
	}
}

// deployment names stacks by their beginnings and leaves the bootstrap's out: an administrator
// installs that.
func (g guard) deployment() []iam.Statement {
	var stacks []string
	for _, name := range g.stackNames() {
		stacks = append(stacks, g.any("cloudformation", "stack/"+name+"/*"))
	}
	return []iam.Statement{
		deny("OnlyThePipeline", "what runs here passed the pipeline's gates: its two deploying roles change stacks, and people do not",
			list("cloudformation:CancelUpdateStack", "cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:ExecuteChangeSet",
				"cloudformation:RollbackStack", "cloudformation:SetStackPolicy", "cloudformation:UpdateStack", "cloudformation:UpdateTerminationProtection"),
			stacks, g.but(g.bootstrapRole("deploy"), g.bootstrapRole("fence-deploy"))),
		deny("OnlyItsArtifacts", "what is deployed was put there by the pipeline's publishing roles",
			list("s3:DeleteObject*", "s3:PutObject*"), list("arn:"+g.site.Partition()+":s3:::"+platform.Qualifier+"-assets-*"), g.but(g.bootstrapRole("assets"), g.bootstrapRole("fence-assets"))),
	}
}

func (g guard) stackNames() []string {
	out := list(g.site.Named("fence-*"))
	for _, a := range g.e.Accounts {
		out = append(out, g.site.Named(a.Purpose))
	}
	for _, set := range g.e.Lanes {
		out = append(out, g.site.Named(set.Agent), g.site.Named(set.Agent, "*"))
	}
	return out
}
