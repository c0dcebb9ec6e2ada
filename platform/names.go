package platform

import (
	"strings"

	"remit/terms"
)

// Every physical name comes from this file. Names are derived, hash-free, and unique
// without their path, so that a role's ARN can be written before the role exists.
// platform/load refuses a declaration whose derived names collide or are too long.

// Paths of IAM names. Boundaries live on the fence path, which no ordinary deploy role
// may touch; bootstrap roles on theirs, which no deploy role may touch at all.
const (
	RolePath      = "/remit/"
	FencePath     = "/remit/fence/"
	BootstrapPath = "/remit/bootstrap/"
)

// Qualifier marks Remit's own CDK bootstrap, beside the stock one.
const Qualifier = "remit"

// unknownID stands for the ten characters AgentCore appends to a name. Exactly ten
// single-character wildcards cannot match a sibling whose name is longer (CreateAgentRuntime API).
const unknownID = "-??????????"

// Site is one account of one environment, or with an empty Environment one of the
// company's shared accounts. The zero Site is nowhere.
type Site struct {
	Platform, Environment, Purpose string
	Account                        terms.AccountID
	Region                         string
}

// Site is the account that serves a purpose in an environment; without such an account
// the Site has none.
func (p *Platform) Site(e Environment, purpose string) Site {
	site := Site{Platform: p.Name, Environment: e.Name, Purpose: purpose, Region: e.Region}
	for _, a := range e.Accounts {
		if a.Purpose == purpose {
			site.Account = a.ID
		}
	}
	return site
}

// SharedSite is the company's account for a purpose; without one the Site has no account.
func (p *Platform) SharedSite(purpose string) Site {
	site := Site{Platform: p.Name, Purpose: purpose}
	if p.Shared == nil {
		return site
	}
	site.Region = p.Shared.Region
	for _, a := range p.Shared.Accounts {
		if a.Purpose == purpose {
			site.Account = a.ID
		}
	}
	return site
}

// Hooked is the accounts of an environment in which CloudFormation asks before it changes a
// stack: those that only the pipeline deploys to.
func (p *Platform) Hooked(e Environment) []Site {
	if p.Shared == nil || p.Shared.Pipeline == nil || !e.Deploy.OnlyPipeline() {
		return nil
	}
	return p.Sites(e)
}

// SharedSettings stands for an environment where accounts that serve all of them need its
// settings: those of the last one, which is the strictest.
func (p *Platform) SharedSettings() Environment {
	out := Environment{Removal: "retain"}
	for _, e := range p.Environments {
		if e.Deploy.ByPipeline() {
			out.Audit, out.Region, out.Day = e.Audit, e.Region, e.Day
		}
	}
	return out
}

// HookStack holds the hook; an administrator installs it after the bootstrap.
func (s Site) HookStack() string { return s.Named("bootstrap", "hook", s.Purpose) }

// HookFunction answers CloudFormation. Its name is none of the environment's own functions', so
// that no deployment there can change it.
func (s Site) HookFunction() string { return s.Platform + "-hook-" + s.Environment }

// PipelineStage is the CDK stage of the pipeline, which an administrator deploys, as the two
// after it.
func PipelineStage(p *Platform) string { return p.Name + "-" + Pipeline }

// HookStage holds the hooks of every account that has one.
func HookStage(p *Platform) string { return p.Name + "-hooks" }

// OrganizationStage holds what stands above all accounts.
func OrganizationStage(p *Platform) string { return p.Name + "-" + OrganizationAccount }

// OrganizationAccount is the purpose of the shared account that policies are attached from.
const OrganizationAccount = "organization"

// AdministrationAssets is the prefix of an asset bucket that administrators deploy from.
const AdministrationAssets = "administration/"

// SharedSites is the company's own accounts in which something of Remit is deployed.
func (p *Platform) SharedSites() []Site {
	var out []Site
	if site := p.SharedSite(Pipeline); site.Account != "" && p.Shared.Pipeline != nil {
		out = append(out, site)
	}
	if site := p.SharedSite(OrganizationAccount); site.Account != "" {
		out = append(out, site)
	}
	return out
}

// Partition is the AWS partition of the site's region.
func (s Site) Partition() string { return terms.Partition(s.Region) }

// ARN is a regional name in the site.
func (s Site) ARN(service, resource string) string {
	return strings.Join([]string{"arn", s.Partition(), service, s.Region, string(s.Account), resource}, ":")
}

// Global is a name in the site's account without a region, as IAM's are.
func (s Site) Global(service, resource string) string {
	return strings.Join([]string{"arn", s.Partition(), service, "", string(s.Account), resource}, ":")
}

// Named is a physical name: platform, environment and the parts, joined by hyphens.
func (s Site) Named(parts ...string) string {
	all := []string{s.Platform}
	if s.Environment != "" {
		all = append(all, s.Environment)
	}
	return strings.ReplaceAll(strings.Join(append(all, parts...), "-"), "_", "-")
}

// Role is the ARN of a role on [RolePath].
func (s Site) Role(parts ...string) string {
	return s.Global("iam", "role"+RolePath+s.Named(parts...))
}

// Boundary is the ARN of a permissions boundary on [FencePath].
func (s Site) Boundary(kind string) string {
	return s.Global("iam", "policy"+FencePath+s.Named(kind))
}

// BootstrapRole is the ARN of one of the roles that deploy to the site.
func (s Site) BootstrapRole(kind string) string {
	return s.Global("iam", "role"+BootstrapPath+s.Named("bootstrap", kind))
}

// BootstrapBoundary is the boundary of the bootstrap roles. It lives in the bootstrap
// stack, because the fence stack is deployed by one of them.
func (s Site) BootstrapBoundary() string {
	return s.Global("iam", "policy"+BootstrapPath+s.Named("bootstrap"))
}

// BootstrapPolicy is a managed policy of a bootstrap role that one inline policy cannot hold.
func (s Site) BootstrapPolicy(kind string) string {
	return s.Global("iam", "policy"+BootstrapPath+s.Named("bootstrap", kind))
}

// AssetBucket is the bucket the bootstrap makes for templates and code.
func (s Site) AssetBucket() string {
	return Qualifier + "-assets-" + string(s.Account) + "-" + s.Region
}

// Prefixes of the asset bucket: what the fence's roles deploy, and what all others do.
const (
	FenceAssets = "fence/"
	StackAssets = "stacks/"
)

// BootstrapParameter is where the CDK CLI reads the bootstrap's version.
func (s Site) BootstrapParameter() string { return "/cdk-bootstrap/" + Qualifier + "/version" }

// FenceStack holds the site's boundaries; AccountStack what the purpose needs besides.
func (s Site) FenceStack() string   { return s.Named("fence", s.Purpose) }
func (s Site) AccountStack() string { return s.Named(s.Purpose) }

// ShelfBucket holds releases and what is said of them; ArtifactBucket what steps of the pipeline
// hand on. Both are in the pipeline's account.
func (s Site) ShelfBucket() string {
	return Qualifier + "-releases-" + string(s.Account) + "-" + s.Region
}
func (s Site) ArtifactBucket() string {
	return Qualifier + "-artifacts-" + string(s.Account) + "-" + s.Region
}

// SignerAlias is the alias of the key of one who signs, such as judge, and the only name by
// which other accounts know it.
func (s Site) SignerAlias(signer string) string {
	return s.ARN("kms", "alias/"+s.Named("signer", signer))
}

// SignerKeyID is the logical id of that key.
func SignerKeyID(signer string) string { return Pascal(signer) + "Key" }

// GateURL is where the address of the gate is registered, in the pipeline's account.
func GateURL(s Site) string { return "/remit/" + s.Platform + "/gate/url" }

// Symbol is the physical name that CloudFormation will choose for a resource: what Ref
// answers for it, or with an attribute what Fn::GetAtt answers.
func Symbol(stack, logicalID string) string { return "<" + stack + "." + logicalID + ">" }

// AgentSite is an agent in the platform account of an environment: what its lanes share.
type AgentSite struct {
	Site
	Agent string
}

// Stack holds what all lanes of the agent share.
func (a AgentSite) Stack() string { return a.Named(a.Agent) }

// MemoryTable is the name of the agent's memory table.
func (a AgentSite) MemoryTable() string { return a.Named(a.Agent, "memory") }

// MemoryTableARN is its ARN.
func (a AgentSite) MemoryTableARN() string { return a.ARN("dynamodb", "table/"+a.MemoryTable()) }

// Ids of the keys in the platform account's own stack.
const (
	LedgerKeyID     = "LedgerKey"     // encrypts the ledger's and the directory's tables
	SealKeyID       = "SealKey"       // seals arguments and results that the ledger keeps
	DelegationKeyID = "DelegationKey" // signs delegation tokens
	CallKeyID       = "CallKey"       // signs assertions of single calls
)

// KeyARN is one of the account's own keys; KMS chooses its id.
func (s Site) KeyARN(id string) string { return s.ARN("kms", "key/"+Symbol(s.AccountStack(), id)) }

// Ledger and Directory are the tables of the environment: limits and records, and owners.
func (s Site) Ledger() string    { return s.Named("ledger") }
func (s Site) Directory() string { return s.Named("directory") }

// TableARN is a table of the site by its name.
func (s Site) TableARN(name string) string { return s.ARN("dynamodb", "table/"+name) }

// Function is the name of a function that serves all lanes, such as entry.
func (s Site) Function(kind string) string { return s.Named(kind) }

// CredentialProvider is what AgentCore's token vault calls a declared credential.
func (s Site) CredentialProvider(credential string) string { return s.Named(credential) }

// MemoryKeyID is the logical id of the memory key in the agent's stack.
const MemoryKeyID = "MemoryKey"

// MemoryKeyARN is the key of the memory table; KMS chooses its id.
func (a AgentSite) MemoryKeyARN() string {
	return a.ARN("kms", "key/"+Symbol(a.Stack(), MemoryKeyID))
}

// Repository is the ECR repository of the agent's images.
func (a AgentSite) Repository() string { return strings.ReplaceAll(a.Platform+"/"+a.Agent, "_", "-") }

// Image is the URI of one image, by digest.
func (a AgentSite) Image(code terms.Digest) string {
	suffix := "amazonaws.com"
	if a.Partition() == "aws-cn" {
		suffix += ".cn"
	}
	return string(a.Account) + ".dkr.ecr." + a.Region + "." + suffix + "/" + a.Repository() + "@" + string(code)
}

// LaneSite is one lane in the platform account of an environment.
type LaneSite struct {
	AgentSite
	Lane string
}

// Stack holds what belongs to the lane alone.
func (l LaneSite) Stack() string { return l.Named(l.Agent, l.Lane) }

// Term is the lane as decisions and tokens name it.
func (l LaneSite) Term() terms.Lane {
	return terms.Lane{Platform: l.Platform, Environment: l.Environment, Agent: l.Agent, Name: l.Lane}
}

// Role is the ARN of one of the lane's roles, such as execution.
func (l LaneSite) Role(kind string) string { return l.Site.Role(l.Agent, l.Lane, kind) }

// Function is the name of one of the lane's Lambda functions, such as request.
func (l LaneSite) Function(kind string) string { return l.Named(l.Agent, l.Lane, kind) }

// Live is the alias under which functions are called.
const Live = "live"

// FunctionARN is a function of the lane under its live alias.
func (l LaneSite) FunctionARN(kind string) string {
	return l.ARN("lambda", "function:"+l.Function(kind)+":"+Live)
}

// Runtime is the AgentCore runtime's name. AgentCore allows letters, digits and
// underscores; parts are walled by two underscores, which no declared name contains.
func (l LaneSite) Runtime() string {
	return RuntimePrefix(l.Platform) + underscored(l.Agent) + "__" + underscored(l.Lane)
}

// RuntimePrefix begins the name of every runtime of a platform and of no other platform.
func RuntimePrefix(platform string) string { return underscored(platform) + "__" }

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// RuntimePattern is the runtime's ARN before AgentCore has appended its id.
func (l LaneSite) RuntimePattern() string {
	return l.ARN("bedrock-agentcore", "runtime/"+l.Runtime()+unknownID)
}

// RuntimeLogs is the ARN pattern of the log groups AgentCore writes for the runtime.
func (l LaneSite) RuntimeLogs() string {
	return l.ARN("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+l.Runtime()+unknownID+"-"+l.Endpoint())
}

// Endpoint is the runtime's named endpoint. DEFAULT moves with every update, so nothing
// uses it (AgentCore developer guide, agent-runtime-versioning).
func (l LaneSite) Endpoint() string { return underscored(l.Lane) }

// Gateway is the lane's gateway. Gateways reject underscores (CreateGateway API).
func (l LaneSite) Gateway() string { return l.Named(l.Agent, l.Lane) }

// GatewayPattern is the gateway's ARN before AgentCore has appended its id.
func (l LaneSite) GatewayPattern() string {
	return l.ARN("bedrock-agentcore", "gateway/"+strings.ToLower(l.Gateway())+unknownID)
}

// Engine is the lane's policy engine. Engines reject hyphens (CreatePolicyEngine API).
func (l LaneSite) Engine() string { return underscored(l.Gateway()) }

// EnginePattern is the engine's ARN before AgentCore has appended its id.
func (l LaneSite) EnginePattern() string {
	return l.ARN("bedrock-agentcore", "policy-engine/"+l.Engine()+unknownID)
}

// TargetName is a tool's gateway target; the tool on the wire is target___tool.
func TargetName(tool string) string { return strings.ReplaceAll(tool, "_", "-") }

// Registration is the SSM parameter where the lane makes itself known to the entry.
func (l LaneSite) Registration() string {
	return RegistrationPath(l.Site) + l.Agent + "/" + l.Lane
}

// RegistryPath is where everything of an environment makes itself known at run time.
func RegistryPath(s Site) string { return "/remit/" + s.Platform + "/" + s.Environment + "/" }

// RegistrationPath is where all lanes of an environment register.
func RegistrationPath(s Site) string { return RegistryPath(s) + "lanes/" }

// DoorURL is where the front door's own address is registered.
func DoorURL(s Site) string { return RegistryPath(s) + "door/url" }

// OperateURL is where the address is registered at which people intervene.
func OperateURL(s Site) string { return RegistryPath(s) + "operate/url" }

// EnginePrefix begins the name of every policy engine of an environment.
func EnginePrefix(s Site) string { return underscored(s.Named()) + "_" }

// BootstrapStack is the stack an administrator installs once in the site.
func (s Site) BootstrapStack() string { return s.Named("bootstrap") }

// Pascal is a name as logical ids and Sids take it: letters and digits only, each part
// capitalised.
func Pascal(name string) string {
	var out strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' }) {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}
