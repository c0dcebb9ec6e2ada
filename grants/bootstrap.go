package grants

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

// Bootstrap is the roles that deploy to one account, and their boundary: what an
// administrator installs once, before any stack. The stock CDK bootstrap gives its
// execution role AdministratorAccess and its deploy role other accounts' buckets
// (aws-cdk CLI, bootstrap-template.yaml); these can create only what Remit creates, in their own account.
//
// Two sets of three deploy: fence-assets, fence-deploy and fence-execution own the
// boundaries and nothing else; assets, deploy and execution own everything but the
// boundaries. None can change itself, the other set or the bootstrap, and neither can
// write the templates the other deploys.
//
// IAM bounds a role's inline policy at 10,240 characters, which the execution role of a
// platform account is over: what makes roles, and what makes what serves requests, are managed
// policies.
func Bootstrap(p *platform.Platform, e platform.Environment, site platform.Site) iam.World {
	from := "environments." + e.Name + ".deploy"
	made := func(kind string, trust iam.Document, statements ...iam.Statement) iam.Role {
		return iam.Role{ARN: iam.ARN(site.BootstrapRole(kind)), Boundary: iam.ARN(site.BootstrapBoundary()), Trust: trust, Policy: iam.Doc(statements...), From: place(p, from)}
	}
	execution := made("execution", byCloudFormation, execute(site)...)
	var parts []iam.Policy
	if site.Purpose == platform.PlatformAccount {
		for name, statements := range map[string][]iam.Statement{"serving": executeServing(e, site), "roles": fencedRoles(site, true)} {
			execution.Policy.Statements = append(execution.Policy.Statements, statements...)
			parts = append(parts, iam.Policy{ARN: iam.ARN(site.BootstrapPolicy(name)), Kind: "managed", Document: iam.Doc(statements...), From: place(p, from)})
		}
	}
	if policy, taken := imagesFromPipeline(p, e, site); taken {
		parts = append(parts, policy)
	}
	return iam.World{
		Roles: []iam.Role{
			made("deploy", byDeployers(p, e, "deploy"), stackDeployment(site, "execution", "*")...),
			made("fence-deploy", byDeployers(p, e, "fence"), fenceDeployment(site)...),
			made("assets", byDeployers(p, e, "deploy"), publishAssets(site, platform.StackAssets)...),
			made("fence-assets", byDeployers(p, e, "fence"), publishAssets(site, platform.FenceAssets)...),
			made("lookup", byDeployers(p, e, "deploy", "fence"), lookUp(e, site)...),
			execution,
			made("fence-execution", byCloudFormation, executeFence(site)...),
		},
		Policies: append(parts,
			iam.Policy{ARN: iam.ARN(site.BootstrapBoundary()), Kind: "managed", Document: bootstrapBoundary(e, site), From: place(p, from)},
			iam.Policy{ARN: iam.ARN("arn:" + site.Partition() + ":s3:::" + site.AssetBucket()), Kind: "AWS::S3::Bucket", Account: string(site.Account), Document: bucketPolicy(site), From: place(p, from)}),
	}.Canonical()
}

// imagesFromPipeline admits copies of the pipeline's images, and of nobody else's, into the
// repositories of this platform that are there already. It is the registry's one policy.
func imagesFromPipeline(p *platform.Platform, e platform.Environment, site platform.Site) (iam.Policy, bool) {
	pipeline := p.SharedSite(platform.Pipeline)
	if site.Purpose != platform.PlatformAccount || !e.Deploy.ByPipeline() || p.Shared.Pipeline == nil {
		return iam.Policy{}, false
	}
	s := allow("ImagesFromPipeline", "what the pipeline built is copied here by digest", list("ecr:ReplicateImage"), list(site.ARN("ecr", "repository/"+site.Platform+"/*")))
	s.Principals = iam.Principals{AWS: list(accountPrincipal(iam.ARN(pipeline.Role(platform.Pipeline))))}
	return iam.Policy{ARN: iam.ARN(site.ARN("ecr", "repository")), Kind: "AWS::ECR::RegistryPolicy", Document: iam.Doc(s), From: place(p, "shared.pipeline")}, true
}

// byCloudFormation lets CloudFormation take an execution role. It sends no source, so who
// may hand it the role is decided by the deploy role's iam:PassRole.
var byCloudFormation = iam.Doc(iam.Statement{
	Sid: "OnlyCloudFormation", Why: "changes reach the account as stacks, never as calls", Effect: iam.Allow,
	Principals: iam.Principals{Service: list("cloudformation.amazonaws.com")}, Actions: iam.Of("sts:AssumeRole"),
})

// byDeployers admits whom the environment's deploy rule names: its own people, and the named
// steps of the pipeline, whose step for the fence is another than its step for stacks.
func byDeployers(p *platform.Platform, e platform.Environment, steps ...string) iam.Document {
	who := e.Deploy.People()
	if e.Deploy.ByPipeline() {
		for _, step := range steps {
			who = append(who, p.SharedSite(platform.Pipeline).Role(platform.Pipeline, step))
		}
	}
	sid, why := "NamedDeployers", "whom the environment names deploys with their own credentials"
	if e.Deploy.OnlyPipeline() {
		sid, why = "OnlyThePipeline", "what runs here came through the pipeline's gates"
	}
	s := byRole(sid, why, who[0], list("sts:AssumeRole"))
	s.When, s.Principals.AWS = []iam.Condition{iam.When("ArnEquals", "aws:PrincipalArn", who...)}, nil
	for _, account := range principalAccounts(who) {
		s.Principals.AWS = append(s.Principals.AWS, accountPrincipal(iam.ARN(inAccount(who, account)[0])))
	}
	return iam.Doc(s)
}

func principalAccounts(arns []string) []string {
	var out []string
	for _, arn := range arns {
		out = append(out, iam.ARN(arn).Account())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func inAccount(arns []string, account string) []string {
	return slices.DeleteFunc(slices.Clone(arns), func(arn string) bool { return iam.ARN(arn).Account() != account })
}

func stacks(site platform.Site, name string) string {
	return site.ARN("cloudformation", "stack/"+site.Named(name)+"/*")
}

var stackActions = list("cloudformation:ContinueUpdateRollback", "cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
	"cloudformation:DescribeChangeSet", "cloudformation:DescribeEvents", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet",
	"cloudformation:GetTemplate", "cloudformation:ListStackResources", "cloudformation:RollbackStack", "cloudformation:UpdateStack", "cloudformation:UpdateTerminationProtection")

// stackDeployment drives stacks and hands CloudFormation one role. Fence stacks are the
// other pair's; a stack's name cannot make it both.
func stackDeployment(site platform.Site, executionKind, name string) []iam.Statement {
	return []iam.Statement{
		allow("DriveStacks", "stacks of this platform and environment", stackActions, list(stacks(site, name))),
		deny("NeverTheFence", "boundaries are deployed by the fence's own role, the bootstrap by an administrator", stackActions, list(stacks(site, "bootstrap"), stacks(site, "fence-*"))),
		allow("ValidateTemplates", "reading a template before it is a stack; CloudFormation has no narrower resource", list("cloudformation:ValidateTemplate"), everything),
		allow("HandOverExecution", "CloudFormation acts as the execution role and as no other",
			list("iam:PassRole"), list(site.BootstrapRole(executionKind)), iam.When("StringEquals", "iam:PassedToService", "cloudformation.amazonaws.com")),
		readVersion(site), readAssets(site),
	}
}

func fenceDeployment(site platform.Site) []iam.Statement {
	return slices.DeleteFunc(stackDeployment(site, "fence-execution", "fence-*"), func(s iam.Statement) bool { return s.Effect == iam.Deny })
}

func readVersion(site platform.Site) iam.Statement {
	return allow("ReadBootstrapVersion", "the CDK CLI asks whether the bootstrap is new enough",
		list("ssm:GetParameter", "ssm:GetParameters"), list(site.ARN("ssm", "parameter"+site.BootstrapParameter())))
}

func bucketARNs(site platform.Site) []string {
	bucket := "arn:" + site.Partition() + ":s3:::" + site.AssetBucket()
	return list(bucket, bucket+"/*")
}

func inAccountOf(site platform.Site) iam.Condition {
	return iam.When("StringEquals", "aws:ResourceAccount", string(site.Account))
}

func readAssets(site platform.Site) iam.Statement {
	return allow("ReadAssets", "templates and code of this account's own bucket, and of no bucket that took its name",
		list("s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"), bucketARNs(site), inAccountOf(site))
}

// publishAssets writes templates and code below one prefix of this account's own bucket. It
// deletes nothing, and the bucket keeps every version; the other prefix is the other set's.
func publishAssets(site platform.Site, prefix string) []iam.Statement {
	bucket := bucketARNs(site)[0]
	return []iam.Statement{
		allow("FindAssets", "the CLI publishes only what is not there yet",
			list("s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:ListBucket"), list(bucket), inAccountOf(site)),
		allow("PublishAssets", "what this set of roles deploys, and nothing the other set does",
			list("s3:GetObject", "s3:PutObject"), list(bucket+"/"+prefix+"*"), inAccountOf(site)),
		readVersion(site),
	}
}

// lookUp reads what a comparison compares with (cdk diff, remit compare); it reads no data.
func lookUp(e platform.Environment, site platform.Site) []iam.Statement {
	roles := list(site.Role("*"), site.Global("iam", "role"+platform.BootstrapPath+site.Named("bootstrap", "*")))
	policies := list(site.Boundary("*"), site.BootstrapBoundary())
	out := []iam.Statement{
		allow("ReadStacks", "a diff compares with what is deployed", list("cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudformation:ListStackResources"), list(stacks(site, "*"))),
		allow("ListRolesAndPolicies", "a role that nobody intended is found only by listing; IAM lists with no narrower resource", list("iam:ListPolicies", "iam:ListRoles"), everything),
		allow("ReadRoles", "Remit's own roles, to compare them with what was intended", list("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"), roles),
		allow("ReadBoundaries", "their boundaries likewise", list("iam:GetPolicyVersion"), policies),
		allow("ReadTables", "settings of tables, and no item of them", list("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"),
			list(site.TableARN(site.Directory()), site.TableARN(site.Ledger()), site.ARN("dynamodb", "table/"+site.Named("*", "memory")))),
		allow("ReadKeys", "policies of keys; using a key is not part of that", list("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"), list(site.ARN("kms", "key/*"))),
		readVersion(site),
	}
	if len(readsLogging(e, site)) > 0 {
		out = append(out, allow("ReadModelLogging", "whether invocations of models are logged, and where to; Bedrock has no narrower resource", readsLogging(e, site), everything))
	}
	return out
}

// readsLogging is for an account whose own logging of invocations is adopted.
func readsLogging(e platform.Environment, site platform.Site) []string {
	if e.ModelLogs == nil || site.Purpose != platform.PlatformAccount {
		return nil
	}
	return list("bedrock:GetModelInvocationLoggingConfiguration")
}

// executeFence creates boundaries and nothing else.
func executeFence(site platform.Site) []iam.Statement {
	return []iam.Statement{
		allow("OwnBoundaries", "the boundaries of this platform and environment",
			list("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyTags", "iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion", "iam:TagPolicy", "iam:UntagPolicy"),
			list(site.Boundary("*"))),
		readVersion(site), readAssets(site),
	}
}

// fenced pairs the names of roles with the boundary that holds such roles, in the
// platform account and in a resource account. A role of one kind never gets another's.
var fenced = map[bool][]struct {
	names             []string
	boundary, service string
}{
	true: {
		{list("*-execution"), "execution", "bedrock-agentcore.amazonaws.com"},
		{list("*-execution"), "execution-direct", "bedrock-agentcore.amazonaws.com"},
		{list("*-gateway"), "gateway", "bedrock-agentcore.amazonaws.com"},
		{list("*-memory"), "memory", ""},
		{list("*-request", "*-response"), "function", "lambda.amazonaws.com"},
		{list("*-broker"), "broker", "lambda.amazonaws.com"},
		{list("*-reach"), "reach", "lambda.amazonaws.com"},
		{list("entry"), "entry", "lambda.amazonaws.com"},
		{list("approve"), "approve", "lambda.amazonaws.com"},
		{list("closing"), "closing", "lambda.amazonaws.com"},
		{list("meter"), "meter", "lambda.amazonaws.com"},
		{list("sweep"), "sweep", "lambda.amazonaws.com"},
		{list("operate"), "operate", "lambda.amazonaws.com"},
		{list("operator", "breakglass"), "operator", ""},
		{list("watch"), "watch", "lambda.amazonaws.com"},
	},
	false: {{list("*-reached"), "reached", ""}},
}

// execute is what CloudFormation needs to make Remit's stacks: each service's own names,
// and roles only inside the fence boundary of their kind, which it cannot exchange.
func execute(site platform.Site) []iam.Statement {
	roles := list(site.Role("*"))
	statements := []iam.Statement{
		allow("ChangeFencedRoles", "these change or remove a role that exists, and one exists here only inside the fence; IAM is not known to send the boundary with them",
			list("iam:DeleteRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"), roles),
		allow("ReadRoles", "CloudFormation reads what it made",
			list("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags"), roles),
		allow("TagRoles", "labels of Remit only: a role's tags are its principal tags, and grants look at tenant and tool",
			list("iam:TagRole", "iam:UntagRole"), roles, iam.When("ForAllValues:StringLike", "aws:TagKeys", "remit:*")),
		deny("NeverTheFence", "boundaries belong to the fence's own role, the bootstrap to an administrator",
			list("iam:*"), list(site.Boundary("*"), site.Global("iam", "role"+platform.BootstrapPath+"*"), site.Global("iam", "policy"+platform.BootstrapPath+"*"))),
		deny("NeverExchangeBoundaries", "a boundary is given when a role is made, and stays",
			list("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"), everything),
		deny("NeverTheBootstrap", "the bootstrap's own stack and bucket are an administrator's",
			list("cloudformation:*", "s3:DeleteBucket*", "s3:PutBucket*", "s3:PutEncryptionConfiguration"), append(bucketARNs(site), site.ARN("cloudformation", "stack/"+site.BootstrapStack()+"/*"))),
		readVersion(site), readAssets(site),
	}
	inPlatform := site.Purpose == platform.PlatformAccount
	if inPlatform {
		return append(statements, executePlatform(site)...)
	}
	return append(statements, fencedRoles(site, false)...)
}

// fencedRoles makes roles of each kind inside the boundary of that kind, and hands them to
// the one service that runs as them.
func fencedRoles(site platform.Site, inPlatform bool) []iam.Statement {
	var out []iam.Statement
	services := map[string][]string{}
	for _, kind := range fenced[inPlatform] {
		var roles []string
		for _, name := range kind.names {
			roles = append(roles, site.Role(name))
		}
		out = append(out, allow("Own"+platform.Pascal(kind.boundary)+"Roles", "roles of this kind, made and changed only inside their own boundary",
			list("iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"), roles,
			iam.When("ArnEquals", "iam:PermissionsBoundary", site.Boundary(kind.boundary))))
		if kind.service != "" {
			services[kind.service] = append(services[kind.service], roles...)
		}
	}
	for service, roles := range services {
		name, _, _ := strings.Cut(service, ".")
		out = append(out, allow("HandOverTo"+platform.Pascal(name), "the roles this service runs as, and to no other service", list("iam:PassRole"), roles,
			iam.When("StringEquals", "iam:PassedToService", service)))
	}
	return out
}

// executePlatform is what only the platform account's stacks contain.
func executePlatform(site platform.Site) []iam.Statement {
	runtimes := site.ARN("bedrock-agentcore", "runtime/"+platform.RuntimePrefix(site.Platform)+"*")
	directory := site.ARN("bedrock-agentcore", "workload-identity-directory/default")
	return []iam.Statement{
		allow("CreateRuntimes", "AgentCore names a runtime only after it exists, so creating has no narrower resource; the role handed over is fenced",
			list("bedrock-agentcore:CreateAgentRuntime"), everything),
		allow("OwnRuntimes", "runtimes of this platform, their endpoints and who may call them",
			list("bedrock-agentcore:CreateAgentRuntimeEndpoint", "bedrock-agentcore:DeleteAgentRuntime", "bedrock-agentcore:DeleteAgentRuntimeEndpoint", "bedrock-agentcore:DeleteResourcePolicy",
				"bedrock-agentcore:GetAgentRuntime", "bedrock-agentcore:GetAgentRuntimeEndpoint", "bedrock-agentcore:GetResourcePolicy", "bedrock-agentcore:ListTagsForResource", "bedrock-agentcore:PutResourcePolicy", "bedrock-agentcore:TagResource",
				"bedrock-agentcore:UntagResource", "bedrock-agentcore:UpdateAgentRuntime", "bedrock-agentcore:UpdateAgentRuntimeEndpoint"), list(runtimes)),
		allow("LookUp", "CloudFormation looks some things up by listing, which has no narrower resource",
			list("bedrock-agentcore:ListAgentRuntimeEndpoints", "bedrock-agentcore:ListAgentRuntimes", "logs:DescribeIndexPolicies"), everything),
		allow("OwnIdentities", "AgentCore makes a workload identity for each runtime",
			list("bedrock-agentcore:CreateWorkloadIdentity", "bedrock-agentcore:DeleteWorkloadIdentity", "bedrock-agentcore:GetWorkloadIdentity"), list(directory, directory+"/workload-identity/"+platform.RuntimePrefix(site.Platform)+"*")),
		allow("PlaceRuntimes", "runtimes in a VPC get network interfaces by a service-linked role", list("iam:CreateServiceLinkedRole"),
			list(site.Global("iam", "role/aws-service-role/network.bedrock-agentcore.amazonaws.com/*"), site.Global("iam", "role/aws-service-role/runtime-identity.bedrock-agentcore.amazonaws.com/*")),
			iam.When("StringEquals", "iam:AWSServiceName", "network.bedrock-agentcore.amazonaws.com", "runtime-identity.bedrock-agentcore.amazonaws.com")),
		allow("OwnTables", "tables of this platform",
			list("dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeContributorInsights",
				"dynamodb:DescribeKinesisStreamingDestination", "dynamodb:DescribeTable", "dynamodb:GetResourcePolicy", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource",
				"dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"), list(site.ARN("dynamodb", "table/"+site.Named("*")))),
		allow("CreateKeys", "KMS names a key only after it exists; the tag says whose it is", list("kms:CreateKey"), everything, iam.When("StringEquals", "aws:RequestTag/remit:platform", site.Platform)),
		allow("TagKeys", "a new key is labelled as it is made; no grant looks at a key's label", list("kms:TagResource"), list(site.ARN("kms", "key/*")), iam.When("StringEquals", "aws:RequestTag/remit:platform", site.Platform)),
		allow("EncryptTables", "DynamoDB checks that whoever makes a table may use its key; each key's own policy says which account and service",
			list("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"), list(site.ARN("kms", "key/*")),
			iam.When("StringEquals", "kms:ViaService", "dynamodb."+site.Region+".amazonaws.com")),
		allow("OwnLogs", "log groups of this platform's runtimes",
			list("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:GetDataProtectionPolicy", "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"),
			list(site.ARN("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+platform.RuntimePrefix(site.Platform)+"*"))),
		allow("FindLogs", "CloudFormation looks a log group up by its prefix", list("logs:DescribeLogGroups"), list(site.ARN("logs", "log-group:*"))),
		allow("RegisterLanes", "lanes make themselves known to the entry, and the entry its address",
			list("ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParameters", "ssm:ListTagsForResource", "ssm:PutParameter", "ssm:RemoveTagsFromResource"),
			list(site.ARN("ssm", "parameter"+platform.RegistryPath(site)+"*"))),
		allow("OwnRepositories", "image repositories of this platform's agents; pushing images is not part of that",
			list("ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource", "ecr:UntagResource"),
			list(site.ARN("ecr", "repository/"+site.Platform+"/*"))),
	}
}

// executeServing is what CloudFormation needs to make the functions, gateways and policy
// engines that serve requests. It changes functions of this platform and can call none; it
// invokes gateways only because AgentCore wants that of whoever writes their policies
// (AgentCore developer guide, policy-permissions).
func executeServing(e platform.Environment, site platform.Site) []iam.Statement {
	functions := site.ARN("lambda", "function:"+site.Named("*"))
	gateways, engines := site.ARN("bedrock-agentcore", "gateway/"+site.Named("*")), site.ARN("bedrock-agentcore", "policy-engine/"+platform.EnginePrefix(site)+"*")
	directory, vault := site.ARN("bedrock-agentcore", "workload-identity-directory/default"), site.ARN("bedrock-agentcore", "token-vault/default")
	out := []iam.Statement{
		allow("OwnFunctions", "functions of this environment, their versions, aliases and addresses; calling them is not part of that",
			list("lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:CreateFunctionUrlConfig", "lambda:DeleteAlias", "lambda:DeleteFunction", "lambda:DeleteFunctionEventInvokeConfig", "lambda:DeleteFunctionUrlConfig",
				"lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:GetFunctionEventInvokeConfig", "lambda:GetFunctionUrlConfig", "lambda:GetPolicy", "lambda:GetRuntimeManagementConfig", "lambda:ListTags", "lambda:ListVersionsByFunction",
				"lambda:PublishVersion", "lambda:PutFunctionEventInvokeConfig", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig", "lambda:UpdateFunctionUrlConfig"),
			list(functions)),
		allow("OwnSchedules", "the schedules that start the sweep and the watch, and the rules that pass closing events on",
			list("events:DeleteRule", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource"),
			append(closingRuleNames(e, site), site.ARN("events", "rule/"+site.Function("sweep")), site.ARN("events", "rule/"+site.Function("watch")))),
		allow("OwnDashboard", "the environment's dashboard, by its name", list("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"), list(dashboard(site))),
		allow("OwnFailures", "the queue of events that could not be used, and the alarm on it; reading events is not part of that",
			list("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
				"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
			list(FailedEvents(site), site.ARN("cloudwatch", "alarm:"+site.Named("*")))),
		allow("OwnFunctionLogs", "their log groups",
			list("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"),
			list(site.ARN("logs", "log-group:/aws/lambda/"+site.Named("*")))),
		allow("CreateGateways", "AgentCore names a gateway or an engine only after it exists, so creating has no narrower resource; the role handed over is fenced",
			list("bedrock-agentcore:CreateGateway", "bedrock-agentcore:CreatePolicyEngine", "bedrock-agentcore:ListGateways", "bedrock-agentcore:ListPolicyEngines"), everything),
		allow("OwnGateways", "gateways of this environment and their targets",
			list("bedrock-agentcore:CreateGatewayTarget", "bedrock-agentcore:DeleteGateway", "bedrock-agentcore:DeleteGatewayTarget", "bedrock-agentcore:GetGateway", "bedrock-agentcore:GetGatewayTarget",
				"bedrock-agentcore:InvokeGateway", "bedrock-agentcore:ListGatewayTargets", "bedrock-agentcore:ListTagsForResource", "bedrock-agentcore:ManageResourceScopedPolicy", "bedrock-agentcore:SynchronizeGatewayTargets",
				"bedrock-agentcore:TagResource", "bedrock-agentcore:UntagResource", "bedrock-agentcore:UpdateGateway", "bedrock-agentcore:UpdateGatewayTarget"),
			list(gateways)),
		allow("OwnPolicies", "policy engines of this environment and what is in them; of policies over any gateway, none",
			list("bedrock-agentcore:CreatePolicy", "bedrock-agentcore:DeletePolicy", "bedrock-agentcore:DeletePolicyEngine", "bedrock-agentcore:GetPolicy", "bedrock-agentcore:GetPolicyEngine",
				"bedrock-agentcore:ListPolicies", "bedrock-agentcore:ListTagsForResource", "bedrock-agentcore:TagResource", "bedrock-agentcore:UntagResource", "bedrock-agentcore:UpdatePolicy", "bedrock-agentcore:UpdatePolicyEngine"),
			list(engines, engines+"/policy/*")),
		allow("OwnGatewayIdentities", "AgentCore makes a workload identity for each gateway",
			list("bedrock-agentcore:CreateWorkloadIdentity", "bedrock-agentcore:DeleteWorkloadIdentity", "bedrock-agentcore:GetWorkloadIdentity"), list(directory, directory+"/workload-identity/"+site.Named("*"))),
	}
	if e.ModelLogs != nil {
		group := modelLogs(e, site)
		out = append(out, allow("SubscribeToModelLogs", "the meter hears of what is logged; the group itself, and what the account logs, stay their owner's",
			list("logs:DeleteSubscriptionFilter", "logs:DescribeSubscriptionFilters", "logs:PutSubscriptionFilter"), list(group, group+":*")))
	}
	if len(e.Credentials) > 0 {
		out = append(out, allow("OwnCredentials", "the vault's names for declared credentials; the keys themselves stay in their secrets",
			list("bedrock-agentcore:CreateApiKeyCredentialProvider", "bedrock-agentcore:DeleteApiKeyCredentialProvider", "bedrock-agentcore:GetApiKeyCredentialProvider", "bedrock-agentcore:UpdateApiKeyCredentialProvider"),
			list(vault, vault+"/apikeycredentialprovider/"+site.Named("*"))))
	}
	return out
}

func dashboard(site platform.Site) string {
	return site.Global("cloudwatch", "dashboard/"+Dashboard(site))
}

// closingRuleNames is the rules on every bus the environment names: which of them has one is
// the declaration's, and the bootstrap is installed before.
func closingRuleNames(e platform.Environment, site platform.Site) []string {
	var out []string
	for _, bus := range e.Buses {
		out = append(out, site.ARN("events", "rule/"+bus.Named+"/"+site.Function("closing")))
	}
	return out
}

// bootstrapBoundary holds all six roles to the services Remit deploys, and away from users,
// keys of people, other boundaries, and themselves.
func bootstrapBoundary(e platform.Environment, site platform.Site) iam.Document {
	return iam.Doc(
		allow("Deploy", "the services that Remit's stacks are made of, in this account",
			list("bedrock-agentcore:*", "cloudformation:*", "cloudwatch:*", "dynamodb:*", "ecr:*", "events:*", "kms:*", "lambda:*", "logs:*", "sqs:*", "ssm:*"),
			list(site.ARN("bedrock-agentcore", "*"), site.ARN("cloudformation", "*"), site.ARN("dynamodb", "table/"+site.Named("*")), site.ARN("ecr", "repository/"+site.Platform+"/*"),
				site.ARN("events", "rule/"+site.Named("*")), site.ARN("kms", "*"), site.ARN("lambda", "function:"+site.Named("*")), site.ARN("logs", "*"), site.ARN("ssm", "parameter/*"),
				site.ARN("events", "rule/*/"+site.Named("*")), site.ARN("cloudwatch", "alarm:"+site.Named("*")), dashboard(site), site.ARN("sqs", site.Named("*")))),
		allow("CreateAndList", "what has no name before it exists, and lists that know no narrower resource", append(list("bedrock-agentcore:CreateAgentRuntime", "bedrock-agentcore:CreateGateway", "bedrock-agentcore:CreatePolicyEngine", "bedrock-agentcore:ListAgentRuntimeEndpoints", "bedrock-agentcore:ListAgentRuntimes", "bedrock-agentcore:ListGateways", "bedrock-agentcore:ListPolicyEngines", "cloudformation:ValidateTemplate", "iam:ListPolicies", "iam:ListRoles", "kms:CreateKey", "logs:DescribeIndexPolicies"), readsLogging(e, site)...), everything),
		allow("Assets", "this account's own asset bucket", list("s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:GetObject", "s3:ListBucket", "s3:PutObject"), bucketARNs(site)),
		allow("Roles", "roles and boundaries of Remit, by path", list("iam:*"),
			list(site.Role("*"), site.Boundary("*"), site.BootstrapBoundary(), site.Global("iam", "role"+platform.BootstrapPath+"*"), site.Global("iam", "role/aws-service-role/*"))),
		deny("NeverUnfence", "no deployment exchanges or removes a boundary, changes the bootstrap, opens memory, signs, or calls what it deploys",
			list("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan",
				"dynamodb:BatchGetItem", "dynamodb:PartiQL*", "dynamodb:ExportTableToPointInTime", "bedrock-agentcore:InvokeAgentRuntime*", "kms:Sign", "lambda:Invoke*", "sqs:ReceiveMessage", "sqs:SendMessage"), everything),
		deny("NeverTheBootstrap", "the bootstrap is an administrator's",
			list("iam:Add*", "iam:Create*", "iam:Delete*", "iam:Put*", "iam:Set*", "iam:Tag*", "iam:Untag*", "iam:Update*"),
			list(site.Global("iam", "role"+platform.BootstrapPath+"*"), site.Global("iam", "policy"+platform.BootstrapPath+"*"))),
	)
}

// bucketPolicy closes the asset bucket to other accounts and to plain HTTP, so that no other
// account's stock bootstrap can read or replace what is deployed here; and inside the
// account each prefix to every writer but its own.
func bucketPolicy(site platform.Site) iam.Document {
	others := deny("NoOtherAccount", "what is deployed here is read and written from here", list("s3:*"), bucketARNs(site),
		iam.When("StringNotEquals", "aws:PrincipalAccount", string(site.Account)), iam.When("BoolIfExists", "aws:PrincipalIsAWSService", "false"))
	plain := deny("NoPlainHTTP", "templates are not readable on the way", list("s3:*"), bucketARNs(site), iam.When("Bool", "aws:SecureTransport", "false"))
	stacks, fence := onlyWriter(site, "OnlyStackAssets", platform.StackAssets, "assets"), onlyWriter(site, "OnlyFenceAssets", platform.FenceAssets, "fence-assets")
	statements := []iam.Statement{others, plain, stacks, fence}
	for i := range statements {
		statements[i].Principals = iam.Principals{AWS: everything}
	}
	return iam.Doc(statements...)
}

// onlyWriter keeps whoever else in the account has S3 permissions from replacing, after it
// was reviewed, what will be deployed.
func onlyWriter(site platform.Site, sid, prefix, kind string) iam.Statement {
	return deny(sid, "what was reviewed is what is deployed: one role writes here", list("s3:DeleteObject*", "s3:PutObject*"), list(bucketARNs(site)[0]+"/"+prefix+"*"),
		iam.When("ArnNotEquals", "aws:PrincipalArn", site.BootstrapRole(kind)))
}
