package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/proof"
	"remit/platform"
)

// row is one line of the ceiling: the most that roles of a kind may do, coarser than any
// grant and made without reading one. own is what one lane's role may act on, family what the
// boundary of its kind may name; an empty family is own. In both, words in braces are filled
// from the declaration: see shapes.
type row struct {
	kind        string
	actions     []string
	own, family []string
	why         string
}

func list(words ...string) []string { return words }

var (
	runtimeLogs  = list("arn:{p}:logs:{r}:{a}:log-group:/aws/bedrock-agentcore/runtimes/{runtime}-??????????-{endpoint}:*")
	allRuntimes  = list("arn:{p}:logs:{r}:{a}:log-group:/aws/bedrock-agentcore/runtimes/{runtimes}*")
	functionLogs = list("arn:{p}:logs:{r}:{a}:log-group:/aws/lambda/{lane-name}-*:log-stream:*")
	allFunctions = list("arn:{p}:logs:{r}:{a}:log-group:/aws/lambda/{named}-*:log-stream:*")
	writeLogs    = list("logs:CreateLogStream", "logs:PutLogEvents")
	writeTraces  = list("xray:PutTelemetryRecords", "xray:PutTraceSegments")
	useKeys      = list("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
	useItems     = list("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem")
	takeRole     = list("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")
	memoryOf     = list("arn:{p}:dynamodb:{r}:{a}:table/{agent-name}-memory")
	allMemories  = list("arn:{p}:dynamodb:{r}:{a}:table/{named}-*-memory")
	keys         = list("arn:{p}:kms:{r}:{a}:key/*")

	stepLogs      = list("arn:{p}:logs:{r}:{a}:log-group:/aws/codebuild/{named}-*:log-stream:*")
	takeArtifacts = list("s3:GetObject", "s3:GetObjectVersion")
	useSource     = list("codeconnections:UseConnection", "codestar-connections:UseConnection")
)

// ceilings is the table. A boundary is held to its kind's rows; so is every grant.
var ceilings = []row{
	{kind: "execution", actions: append(list("logs:DescribeLogStreams"), writeLogs...), own: runtimeLogs, family: allRuntimes, why: "its runtime's own log group"},
	{kind: "execution", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "execution", actions: list("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), own: list("arn:{p}:ecr:{r}:{a}:repository/{repository}"), family: list("arn:{p}:ecr:{r}:{a}:repository/{platform}/*"), why: "its own image"},
	{kind: "execution", actions: list("ecr:GetAuthorizationToken"), own: anything, why: "ECR signs in to no resource"},
	{kind: "execution", actions: useItems, own: memoryOf, family: allMemories, why: "its agent's memory"},
	{kind: "execution", actions: useKeys, own: keys, why: "that memory's key, through DynamoDB"},
	{kind: "execution", actions: list("events:PutEvents"), own: list("{buses}"), why: "the declared buses"},
	{kind: "execution", actions: list("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"), own: list("{models}"), family: list("{models}"), why: "the declared models, where they are used directly"},
	{kind: "execution", actions: takeRole, own: list("{reached directly}"), family: list("{all reached directly}"), why: "roles declared for direct reach"},

	{kind: "gateway", actions: list("lambda:InvokeFunction"), own: list("arn:{p}:lambda:{r}:{a}:function:{lane-name}-request:live", "arn:{p}:lambda:{r}:{a}:function:{lane-name}-response:live", "arn:{p}:lambda:{r}:{a}:function:{lane-name}-reach:live", "{target functions}"),
		family: list("arn:{p}:lambda:{r}:{a}:function:{named}-*", "{target functions}"), why: "its interceptors and declared targets"},
	{kind: "gateway", actions: list("bedrock-agentcore:AuthorizeAction", "bedrock-agentcore:GetPolicyEngine", "bedrock-agentcore:PartiallyAuthorizeActions"),
		own:    list("arn:{p}:bedrock-agentcore:{r}:{a}:gateway/{gateway}-??????????", "arn:{p}:bedrock-agentcore:{r}:{a}:policy-engine/{engine}-??????????"),
		family: list("arn:{p}:bedrock-agentcore:{r}:{a}:gateway/{named}-*", "arn:{p}:bedrock-agentcore:{r}:{a}:policy-engine/{engines}*"), why: "its own policy engine"},
	{kind: "gateway", actions: list("bedrock-agentcore:GetResourceApiKey", "bedrock-agentcore:GetWorkloadAccessToken"),
		own: list("arn:{p}:bedrock-agentcore:{r}:{a}:token-vault/default", "arn:{p}:bedrock-agentcore:{r}:{a}:token-vault/default/apikeycredentialprovider/{named}-*",
			"arn:{p}:bedrock-agentcore:{r}:{a}:workload-identity-directory/default", "arn:{p}:bedrock-agentcore:{r}:{a}:workload-identity-directory/default/workload-identity/{named}-*"), why: "its targets' declared credentials"},
	{kind: "gateway", actions: list("secretsmanager:GetSecretValue"), own: list("{secrets}"), why: "the vault reads a declared secret as the gateway"},
	{kind: "gateway", actions: list("execute-api:Invoke"), own: list("{target apis}"), why: "the declared APIs"},

	{kind: "memory", actions: useItems, own: memoryOf, family: allMemories, why: "its agent's memory"},
	{kind: "memory", actions: useKeys, own: keys, why: "that memory's key, through DynamoDB"},

	{kind: "function", actions: writeLogs, own: functionLogs, family: allFunctions, why: "its own log group"},
	{kind: "function", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "function", actions: list("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), own: list("{ledger}"), why: "it reserves and settles"},
	{kind: "function", actions: list("dynamodb:ConditionCheckItem"), own: list("{directory}"), why: "it asks whose a datum is, and is not told"},
	{kind: "function", actions: useKeys, own: keys, why: "the ledger's key, and the one that seals what waits"},
	{kind: "function", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{call key}"), family: keys, why: "assertions of single calls"},

	{kind: "broker", actions: writeLogs, own: functionLogs, family: allFunctions, why: "its own log group"},
	{kind: "broker", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "broker", actions: list("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"), own: list("{brokered models}"), family: list("{brokered models}"), why: "the declared models, where they are reached through it"},
	{kind: "broker", actions: list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), own: list("{ledger}"), why: "it reserves and settles calls of models"},
	{kind: "broker", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "reach", actions: writeLogs, own: functionLogs, family: allFunctions, why: "its own log group"},
	{kind: "reach", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "reach", actions: takeRole, own: list("{reached}"), family: list("{all reached}"), why: "the lane's role in each resource account"},

	{kind: "reached", actions: list("dynamodb:GetItem", "dynamodb:Query"), own: list("arn:{p}:dynamodb:{r}:{a}:table/*"), why: "reads of the account's tables, by declared attributes"},
	{kind: "reached", actions: list("execute-api:Invoke"), own: list("arn:{p}:execute-api:{r}:{a}:*"), why: "the account's declared operations"},

	{kind: "sweep", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "sweep", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "sweep", actions: append(list("dynamodb:ConditionCheckItem"), useItems...), own: list("{ledger}", "{ledger}/index/due"), why: "what is due"},
	{kind: "sweep", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "watch", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "watch", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "watch", actions: list("ssm:GetParametersByPath"), own: list("arn:{p}:ssm:{r}:{a}:parameter{registry}*", "arn:{p}:ssm:{r}:{a}:parameter{registry path}"), why: "where lanes register"},
	{kind: "watch", actions: list("dynamodb:PutItem", "dynamodb:Query"), own: list("{ledger}"), why: "it adds up counts, and throttles"},
	{kind: "watch", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "approve", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "approve", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "approve", actions: list("ssm:GetParametersByPath"), own: list("arn:{p}:ssm:{r}:{a}:parameter{registry}*", "arn:{p}:ssm:{r}:{a}:parameter{registry path}"), why: "where lanes register"},
	{kind: "approve", actions: useItems, own: list("{ledger}"), why: "what waits, and the executions that run it"},
	{kind: "approve", actions: useKeys, own: keys, why: "the ledger's key, and opening what is sealed"},
	{kind: "approve", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{delegation key}"), family: keys, why: "it signs the token of an approved call"},

	{kind: "closing", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "closing", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "closing", actions: list("dynamodb:DeleteItem", "dynamodb:GetItem"), own: list("{ledger}"), why: "it frees keys"},
	{kind: "closing", actions: list("dynamodb:GetItem"), own: list("{directory}"), why: "it looks up owners"},
	{kind: "closing", actions: list("sqs:SendMessage"), own: list("arn:{p}:sqs:{r}:{a}:{named}-*"), why: "events that could not be used are kept"},
	{kind: "closing", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "operate", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "operate", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "operate", actions: list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"), own: list("{ledger}"), why: "it stops, and widens for two people"},
	{kind: "operate", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "operator", actions: list("lambda:InvokeFunction", "lambda:InvokeFunctionUrl"), own: list("{operate}"), why: "a person calls the one address"},
	{kind: "operator", actions: list("ssm:GetParameter"), own: list("{operate address}"), why: "and looks up where it is"},
	{kind: "meter", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "meter", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "meter", actions: list("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), own: list("{ledger}"), why: "it charges executions and lanes"},
	{kind: "meter", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},

	{kind: "entry", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "entry", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "entry", actions: list("ssm:GetParametersByPath"), own: list("arn:{p}:ssm:{r}:{a}:parameter{registry}*", "arn:{p}:ssm:{r}:{a}:parameter{registry path}"), why: "where lanes register"},
	{kind: "entry", actions: list("bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:StopRuntimeSession"), own: list("arn:{p}:bedrock-agentcore:{r}:{a}:runtime/{runtimes}*"), why: "it opens executions"},
	{kind: "entry", actions: append(list("dynamodb:ConditionCheckItem"), useItems...), own: list("{ledger}"), why: "it opens and closes executions"},
	{kind: "entry", actions: useKeys, own: keys, why: "the ledger's key, through DynamoDB"},
	{kind: "entry", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{delegation key}", "{call key}"), family: keys, why: "it signs delegations and publishes both keys"},
	{kind: "entry", actions: takeRole, own: list("arn:{p}:iam::{a}:role/remit/{named}-*-memory"), why: "it vends memory for a verified user"},
}

// pipelineCeilings are those of the pipeline, its gate and its hooks.
var pipelineCeilings = []row{
	{kind: "pipeline", actions: list("codebuild:BatchGetBuilds", "codebuild:StartBuild"), own: list("arn:{p}:codebuild:{r}:{a}:project/{named}-*"), why: "its own steps"},
	{kind: "pipeline", actions: useSource, own: list("{connection}"), why: "the declared source"},
	{kind: "pipeline", actions: list("s3:GetBucketVersioning", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"), own: list("{artifacts}", "{artifacts}/*"), why: "what steps hand on"},
	{kind: "pipeline", actions: list("sns:Publish"), own: list("arn:{p}:sns:{r}:{a}:{named}-waits"), why: "it says that it waits"},

	{kind: "step-test", actions: writeLogs, own: stepLogs, family: stepLogs, why: "its own log group"},
	{kind: "step-test", actions: takeArtifacts, own: list("{artifacts}/*"), why: "the commit"},
	{kind: "step-test", actions: useSource, own: list("{connection}"), why: "the declared source"},
	{kind: "step-test", actions: list("ecr:GetAuthorizationToken"), own: anything, why: "ECR signs in to no resource"},
	{kind: "step-test", actions: list("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"), own: list("arn:{p}:ecr:{r}:{a}:repository/{platform}/*"), why: "images, whose tags never move"},

	{kind: "step-judge", actions: writeLogs, own: stepLogs, family: stepLogs, why: "its own log group"},
	{kind: "step-judge", actions: append(list("s3:PutObject"), takeArtifacts...), own: list("{artifacts}/*"), why: "the release that it hands on"},
	{kind: "step-judge", actions: useSource, own: list("{connection}"), why: "who wrote what"},
	{kind: "step-judge", actions: list("s3:GetObject", "s3:ListBucket"), own: list("{releases}", "{releases}/*"), why: "what runs, and what was measured"},
	{kind: "step-judge", actions: list("s3:PutObject"), own: list("{releases}/releases/*", "{releases}/attestations/*"), family: list("{releases}", "{releases}/*"), why: "it attests"},
	{kind: "step-judge", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{judge key}"), family: keys, why: "in its own name"},
	{kind: "step-judge", actions: list("kms:Verify"), own: list("{judge key}", "{evaluator key}"), family: keys, why: "what was said before"},

	{kind: "step-evaluate", actions: writeLogs, own: stepLogs, family: stepLogs, why: "its own log group"},
	{kind: "step-evaluate", actions: takeArtifacts, own: list("{artifacts}/*"), why: "the release"},
	{kind: "step-evaluate", actions: useSource, own: list("{connection}"), why: "what evaluates"},
	{kind: "step-evaluate", actions: list("s3:GetObject", "s3:ListBucket", "s3:PutObject"), own: list("{releases}", "{releases}/evaluations/*"), family: list("{releases}", "{releases}/*"), why: "what it measured"},
	{kind: "step-evaluate", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{evaluator key}"), family: keys, why: "in its own name"},

	{kind: "step-fence", actions: writeLogs, own: stepLogs, family: stepLogs, why: "its own log group"},
	{kind: "step-fence", actions: takeArtifacts, own: list("{artifacts}/*"), why: "the release"},
	{kind: "step-fence", actions: useSource, own: list("{connection}"), why: "the pinned Remit"},
	{kind: "step-fence", actions: list("s3:GetObject", "s3:ListBucket"), own: list("{releases}", "{releases}/*"), why: "what lets it in"},
	{kind: "step-fence", actions: list("kms:Verify"), own: keys, why: "who let it in"},
	{kind: "step-fence", actions: list("sts:AssumeRole"), own: list("{enter fence}"), why: "the roles that deploy boundaries"},

	{kind: "step-deploy", actions: writeLogs, own: stepLogs, family: stepLogs, why: "its own log group"},
	{kind: "step-deploy", actions: takeArtifacts, own: list("{artifacts}/*"), why: "the release"},
	{kind: "step-deploy", actions: useSource, own: list("{connection}"), why: "the pinned Remit"},
	{kind: "step-deploy", actions: list("s3:GetObject", "s3:ListBucket"), own: list("{releases}", "{releases}/*"), why: "what lets it in"},
	{kind: "step-deploy", actions: list("s3:PutObject"), own: list("{releases}/deployed/*"), family: list("{releases}", "{releases}/*"), why: "it notes what runs"},
	{kind: "step-deploy", actions: list("kms:Verify"), own: keys, why: "who let it in"},
	{kind: "step-deploy", actions: list("sts:AssumeRole"), own: list("{enter stacks}"), why: "the roles that deploy everything else"},

	{kind: "gate", actions: writeLogs, own: allFunctions, why: "its own log group"},
	{kind: "gate", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "gate", actions: list("s3:GetObject", "s3:ListBucket"), own: list("{releases}", "{releases}/*"), why: "what was judged, and who agreed"},
	{kind: "gate", actions: list("s3:PutObject"), own: list("{releases}/admissions/*", "{releases}/approvals/*"), family: list("{releases}", "{releases}/*"), why: "who agreed, and what is let in"},
	{kind: "gate", actions: list("kms:GetPublicKey", "kms:Sign"), own: list("{gate key}"), family: keys, why: "in its own name"},
	{kind: "gate", actions: list("kms:Verify"), own: list("{gate key}", "{judge key}"), family: keys, why: "what was judged"},
	{kind: "gate", actions: list("codepipeline:GetPipelineState", "codepipeline:PutApprovalResult"), own: list("arn:{p}:codepipeline:{r}:{a}:{named}", "arn:{p}:codepipeline:{r}:{a}:{named}/*/approve-*"),
		family: list("arn:{p}:codepipeline:{r}:{a}:{named}", "arn:{p}:codepipeline:{r}:{a}:{named}/*"), why: "it answers where the pipeline waits"},

	{kind: "approver", actions: list("lambda:InvokeFunction", "lambda:InvokeFunctionUrl"), own: list("{gate}"), why: "a person calls the one address"},
	{kind: "approver", actions: list("ssm:GetParameter"), own: list("{gate address}"), why: "and looks up where it is"},

	{kind: "hook", actions: list("logs:CreateLogStream", "logs:PutLogEvents"), own: list("arn:{p}:logs:{r}:{a}:log-group:/aws/lambda/{hook}:log-stream:*"), why: "its own log group"},
	{kind: "hook", actions: writeTraces, own: anything, why: "X-Ray knows no resource"},
	{kind: "hook", actions: list("s3:GetObject"), own: list("{assets}/*"), why: "what was attested, and what templates take"},
	{kind: "hook", actions: list("kms:Verify"), own: list("{pipeline keys}"), why: "who signed"},
	{kind: "hook-caller", actions: list("lambda:InvokeFunction"), own: list("arn:{p}:lambda:{r}:{a}:function:{hook}:live"), why: "CloudFormation asks the hook"},
}

func init() { ceilings = append(ceilings, pipelineCeilings...) }

// pipelineShapes is the words of the pipeline's account.
func (c *court) pipelineShapes(site platform.Site) shapes {
	bucket := func(name string) []string { return list("arn:" + site.Partition() + ":s3:::" + name) }
	out := shapes{
		"p": list(site.Partition()), "r": list(site.Region), "a": list(string(site.Account)), "named": list(site.Named()), "platform": list(site.Platform),
		"artifacts": bucket(site.ArtifactBucket()), "releases": bucket(site.ShelfBucket()), "connection": list(c.Platform.Shared.Pipeline.Connection),
		"judge key": list(site.KeyARN(platform.SignerKeyID("judge"))), "gate key": list(site.KeyARN(platform.SignerKeyID("gate"))), "evaluator key": list(site.KeyARN(platform.SignerKeyID("evaluator"))),
		"gate": list(site.ARN("lambda", "function:"+site.Named("gate")+":"+platform.Live)), "gate address": list(site.ARN("ssm", "parameter"+platform.GateURL(site))),
		"enter fence": nil, "enter stacks": nil,
	}
	for _, e := range c.Platform.Environments {
		if !e.Deploy.ByPipeline() {
			continue
		}
		for _, there := range c.lookup.sites[e.Name] {
			out["enter fence"] = append(out["enter fence"], there.BootstrapRole("fence-deploy"), there.BootstrapRole("fence-assets"), there.BootstrapRole("lookup"))
			out["enter stacks"] = append(out["enter stacks"], there.BootstrapRole("deploy"), there.BootstrapRole("assets"), there.BootstrapRole("lookup"))
		}
	}
	return out
}

// ceilingKind is whose rows hold a role: interceptors share theirs, and so do people.
func (d duty) ceilingKind() string {
	switch d.kind {
	case "request", "response":
		return "function"
	case "breakglass":
		return "operator"
	}
	return d.kind
}

// rowsOf is a kind's part of the table; rows is a copy with one left out in tests.
func rowsOf(rows []row, kind string) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.kind != kind })
}

// shapes fills what braces stand for. A word that stands for several gives several; one that
// stands for none gives none.
type shapes map[string][]string

func (c *court) shapes(d duty) shapes {
	lane, out := d.lane, maps.Clone(c.base[d.site])
	if lane.Agent == "" {
		return out
	}
	out["lane-name"], out["agent-name"] = list(lane.LaneSite.Stack()), list(lane.AgentSite.Stack())
	out["runtime"], out["endpoint"], out["repository"] = list(lane.Runtime()), list(lane.Endpoint()), list(lane.Repository())
	out["gateway"], out["engine"] = list(strings.ToLower(lane.Gateway())), list(lane.Engine())
	c.reachedBy(out, lane.Environment, lane, "reached", "reached directly")
	out["models"], out["brokered models"] = modelsOf(lane, "direct"), modelsOf(lane, "broker")
	return out
}

// siteShapes is what is the same for all lanes of a site.
func (c *court) siteShapes(e platform.Environment, site platform.Site) shapes {
	out := shapes{
		"p": list(site.Partition()), "r": list(site.Region), "a": list(string(site.Account)), "named": list(site.Named()), "platform": list(site.Platform),
		"runtimes": list(platform.RuntimePrefix(site.Platform)), "engines": list(platform.EnginePrefix(site)),
		"registry": list(platform.RegistryPath(site)), "registry path": list(strings.TrimSuffix(platform.RegistryPath(site), "/")),
		"ledger": list(site.TableARN(site.Ledger())), "directory": list(site.TableARN(site.Directory())), "secrets": nil,
		"operate": list(site.ARN("lambda", "function:"+site.Function("operate")+":"+platform.Live)), "operate address": list(site.ARN("ssm", "parameter"+platform.OperateURL(site))),
		"call key": list(site.KeyARN(platform.CallKeyID)), "delegation key": list(site.KeyARN(platform.DelegationKeyID)),
		"hook": list(site.HookFunction()), "assets": list("arn:" + site.Partition() + ":s3:::" + site.AssetBucket()), "pipeline keys": nil,
		"buses": nil, "models": nil, "brokered models": nil, "target functions": nil, "target apis": nil, "reached": nil, "reached directly": nil, "all reached": nil, "all reached directly": nil,
	}
	if shared := c.Platform.SharedSite(platform.Pipeline); shared.Account != "" {
		out["pipeline keys"] = list(shared.ARN("kms", "key/*"))
	}
	for _, bus := range e.Buses {
		out["buses"] = append(out["buses"], site.ARN("events", "event-bus/"+bus.Named))
	}
	for _, credential := range e.Credentials {
		out["secrets"] = append(out["secrets"], site.ARN("secretsmanager", "secret:"+credential.Secret+"-??????"))
	}
	for _, t := range e.Targets {
		switch {
		case t.Lambda != nil:
			out["target functions"] = append(out["target functions"], c.siteOf(e, t.Lambda.Account).ARN("lambda", "function:"+t.Lambda.Function+":"+t.Lambda.Alias))
		case t.APIGateway != nil:
			out["target apis"] = append(out["target apis"], c.siteOf(e, t.APIGateway.Account).ARN("execute-api", t.APIGateway.API+"/"+t.APIGateway.Stage+"/*"))
		}
	}
	for _, l := range c.lanes[e.Name] {
		c.reachedBy(out, e, l, "all reached", "all reached directly")
	}
	for word, values := range out {
		slices.Sort(values)
		out[word] = slices.Compact(values)
	}
	return out
}

func (c *court) siteOf(e platform.Environment, account string) platform.Site {
	if account == "" {
		account = platform.PlatformAccount
	}
	return c.Platform.Site(e, account)
}

func (c *court) reachedBy(out shapes, e platform.Environment, lane platform.Running, all, direct string) {
	for _, t := range lane.Tools {
		if t.Reach == nil {
			continue
		}
		role := c.Platform.Site(e, t.Reach.Account).Role(lane.Agent, lane.Lane, "reached")
		if strings.HasPrefix(all, "all ") {
			role = c.Platform.Site(e, t.Reach.Account).Role("*", "reached") // a boundary names the family
		}
		out[all] = append(out[all], role)
		if t.Reach.Direct != nil {
			out[direct] = append(out[direct], role)
		}
	}
}

// modelsOf is any region's copy of the models that are declared for a way to them, and their
// declared profiles here.
func modelsOf(lane platform.Running, via string) []string {
	if lane.Actor.Models.Via != via {
		return nil
	}
	var out []string
	for _, id := range lane.Actor.Models.IDs {
		out = append(out, "arn:"+lane.Partition()+":bedrock:*::foundation-model/"+id)
	}
	for _, profile := range lane.Actor.Models.Profiles {
		out = append(out, lane.ARN("bedrock", "inference-profile/"+profile))
	}
	return out
}

// fill writes shapes out.
func (s shapes) fill(patterns []string) []string {
	var out []string
	for _, pattern := range patterns {
		filled := list(pattern)
		for word, values := range s {
			if strings.Contains(pattern, "{"+word+"}") {
				var next []string
				for _, text := range filled {
					for _, v := range values {
						next = append(next, strings.ReplaceAll(text, "{"+word+"}", v))
					}
				}
				filled = next
			}
		}
		for _, text := range filled {
			if !strings.Contains(strings.ReplaceAll(text, "${", ""), "{") {
				out = append(out, text)
			}
		}
	}
	return out
}

// most is the ceiling as a document.
func (c *court) most(rows []row, of shapes, family bool) iam.Document {
	var d iam.Document
	for _, r := range rows {
		shape := r.own
		if family && r.family != nil {
			shape = r.family
		}
		if resources := of.fill(shape); resources != nil {
			d.Statements = append(d.Statements, iam.Statement{Sid: platform.Pascal(r.kind), Effect: iam.Allow, Actions: iam.Of(r.actions...), Resources: iam.Of(resources...)})
		}
	}
	return d
}

var ceiling = Rule{
	ID: "ceiling", Declared: true,
	Sentence: "No declared role may do more than the ceiling of its kind.",
	Why:      "The grants are derived from the declaration; this table is not derived from the grants, and must still contain them.",
	Source:   "design §3, §8; requirements R1",
	judge:    func(c *court) []Finding { return c.underCeiling(ceilings) },
}

func (c *court) underCeiling(table []row) []Finding {
	var out []Finding
	for _, a := range c.actors {
		rows := rowsOf(table, a.duty.ceilingKind())
		if !slices.ContainsFunc(ceilings, func(r row) bool { return r.kind == a.duty.ceilingKind() }) {
			continue
		}
		most := []iam.Document{c.most(rows, c.shapes(a.duty), false)}
		for _, s := range a.within[0].Statements {
			if f, found := c.above(a, s, most); found {
				f.Sentence = fmt.Sprintf("it may do more than any %s role", a.duty.kind)
				out = append(out, f)
			}
		}
	}
	return out
}

// above looks for a request that one statement allows, whatever else holds the role, and the
// ceiling does not. Statement by statement, because what a role may do is the union of them.
func (c *court) above(a *actor, s iam.Statement, most []iam.Document) (Finding, bool) {
	if s.Effect != iam.Allow || plainly(s, most[0]) {
		return Finding{}, false
	}
	most, _ = about(iam.Doc(s), most)
	alone := proof.Search{Within: []iam.Document{iam.Doc(s)}, Beyond: most, Where: c.as(a)}
	if alone.Run().Yes {
		return Finding{}, false // and its boundary only narrows it
	}
	within, possible := about(iam.Doc(s), a.within)
	if !possible {
		return Finding{}, false // its boundary refuses all of it
	}
	return c.search(a, append([]iam.Document{iam.Doc(s)}, within...), most)
}

var ceilingOfBoundary = Rule{
	ID: "ceiling-of-boundary", Declared: true,
	Sentence: "No boundary of the fence allows more than its kind's ceiling.",
	Why:      "A wide boundary is a limit that stops nothing.",
	Source:   "design §8; requirements R2",
	judge:    func(c *court) []Finding { return c.boundariesUnder(ceilings) },
}

func (c *court) boundariesUnder(table []row) []Finding {
	kinds := c.declaredBoundaries()
	var out []Finding
	for _, arn := range slices.Sorted(maps.Keys(kinds)) {
		d := kinds[arn]
		document, exists := c.managed[arn]
		if rows := rowsOf(table, d.ceilingKind()); exists && slices.ContainsFunc(ceilings, func(r row) bool { return r.kind == d.ceilingKind() }) {
			of := c.shapes(d)
			of["models"], of["brokered models"] = c.models[d.site.Environment+" direct"], c.models[d.site.Environment+" broker"]
			if f, found := c.search(&actor{}, []iam.Document{document}, []iam.Document{c.most(rows, of, true)}); found {
				f.Role = arn
				f.Sentence = fmt.Sprintf("the boundary of %s roles allows more than such a role may ever do", d.kind)
				if isRequest(f.Witness) { // a boundary allows nobody anything by itself, so this is no request of anyone's
					f.Sentence += fmt.Sprintf(": %s on %s", f.Witness.Action, f.Witness.Resource)
					f.Witness = iam.Request{}
				}
				f.Declared = c.Platform.Places.Of(d.path)
				out = append(out, f)
			}
		}
	}
	return out
}

// declaredBoundaries is every boundary of the declaration with the kind of role it is for,
// whether a role stands in it or not.
func (c *court) declaredBoundaries() map[iam.ARN]duty {
	kinds := map[iam.ARN]duty{}
	if c.Platform == nil {
		return kinds
	}
	for _, e := range c.Platform.Environments {
		for _, site := range c.lookup.sites[e.Name] {
			path := "environments." + e.Name + ".accounts." + site.Purpose
			for _, r := range ceilings {
				kinds[iam.ARN(site.Boundary(r.kind))] = duty{kind: r.kind, site: site, path: path}
			}
			kinds[iam.ARN(site.Boundary("execution-direct"))] = duty{kind: "execution", site: site, path: path}
		}
	}
	if site := c.Platform.SharedSite(platform.Pipeline); c.Platform.Shared != nil && c.Platform.Shared.Pipeline != nil {
		for _, r := range pipelineCeilings {
			kinds[iam.ARN(site.Boundary(r.kind))] = duty{kind: r.kind, site: site, path: "shared.pipeline"}
		}
	}
	return kinds
}

var beyondBoundary = Rule{
	ID:       "beyond-boundary",
	Sentence: "No role is granted what its boundary refuses.",
	Why:      "Such a grant does nothing, and whoever reads the policy believes it.",
	Source:   "IAM User Guide, access_policies_boundaries",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			if !a.held {
				continue
			}
			for _, s := range a.within[0].Statements {
				if s.Effect != iam.Allow {
					continue
				}
				if f, found := c.refusedPart(a, s); found {
					out = append(out, f)
				}
			}
		}
		return out
	},
}

// refusedPart looks for a request that a statement grants and the boundary does not. It is no
// witness of something allowed, so it stands in the sentence.
func (c *court) refusedPart(a *actor, s iam.Statement) (Finding, bool) {
	if plainly(s, a.within[1]) {
		return Finding{}, false
	}
	boundary, possible := about(iam.Doc(s), a.within[1:])
	if !possible {
		return Finding{Role: a.ARN, Sid: s.Sid, Sentence: "its boundary refuses all of " + label(s)}, true
	}
	f, found := c.search(a, []iam.Document{iam.Doc(s)}, boundary)
	f.Sid, f.Sentence = s.Sid, "whether its boundary allows all of "+label(s)+" is open"
	if isRequest(f.Witness) {
		f.Sentence = fmt.Sprintf("its boundary refuses part of %s: %s on %s", label(s), f.Witness.Action, f.Witness.Resource)
		f.Witness = iam.Request{}
	}
	return f, found
}

// CeilingLines names the lines of the ceiling, in order, for tests that show each is needed.
func CeilingLines() []string {
	var out []string
	for _, r := range ceilings {
		out = append(out, r.kind+": "+r.why)
	}
	return out
}

// CeilingWithout is the rules of the ceiling with one line of the table left out. A table with
// a line that nothing needs is wider than what it is for.
func CeilingWithout(line int) []Rule {
	table := slices.Delete(slices.Clone(ceilings), line, line+1)
	role, fence := ceiling, ceilingOfBoundary
	role.judge = func(c *court) []Finding { return c.underCeiling(table) }
	fence.judge = func(c *court) []Finding { return c.boundariesUnder(table) }
	return []Rule{role, fence}
}
