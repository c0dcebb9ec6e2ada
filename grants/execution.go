package grants

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

// execution is the role the agent's own code holds: the ceiling of what it can do,
// whoever invokes it. It may write its logs and traces, pull its image, and as declared
// use its models, its memory by key and its event types. It may not call a tool, a
// runtime, a database or another agent's anything; it may assume no role, unless a reach
// is declared direct. Any code in the agent's machine can read this role's credentials
// (AgentCore developer guide, security-credentials-management), so nothing may be here that the agent itself must not do.
func execution(p *platform.Platform, lane platform.Running) iam.Role {
	statements := []iam.Statement{
		allow("WriteOwnLogs", "the runtime reports to its own log group and reads no one's",
			list("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
			list(lane.RuntimeLogs()+":log-stream:*", lane.RuntimeLogs()+":*")),
		ownTraces,
		allow("PullOwnImage", "AgentCore starts the lane from its own repository",
			list("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
			list(lane.ARN("ecr", "repository/"+lane.Repository()))),
		allow("SignInToRegistry", "a registry token opens nothing by itself; ECR has no narrower resource",
			list("ecr:GetAuthorizationToken"), everything),
	}
	statements = append(statements, models(lane)...)
	if m := lane.Actor.Memory; m != nil && m.Scope == "agent" {
		statements = append(statements, ownMemory(lane)...)
	}
	statements = append(statements, ownEvents(lane)...)
	statements = append(statements, directReach(p, lane)...)
	return role(p, lane.Site, lane.LaneSite.Role("execution"), executionKind(lane), "agents."+lane.Agent,
		byAgentCore("OnlyThisRuntime", "only this lane's runtime runs as this role", lane.Site, lane.RuntimePattern()),
		iam.Doc(statements...))
}

// executionKind is the boundary of the lane's execution role: an agent that uses models or
// reaches directly has a wider one, so that the others' names neither.
func executionKind(lane platform.Running) string {
	if direct(lane) {
		return "execution-direct"
	}
	return "execution"
}

func direct(lane platform.Running) bool {
	return lane.Actor.Models.Via == "direct" || slices.ContainsFunc(lane.Tools, func(t platform.Tool) bool { return t.Reach != nil && t.Reach.Direct != nil })
}

// models is empty with the broker: then the role has no model permission at all, and the
// token budget cannot be walked around.
func models(lane platform.Running) []iam.Statement {
	m := lane.Actor.Models
	if m.Via != "direct" {
		return nil
	}
	statements := []iam.Statement{invokeModels(lane)}
	if len(m.Profiles) == 0 {
		return statements
	}
	var profiles, routed []string
	for _, profile := range m.Profiles {
		geography, model, _ := strings.Cut(profile, ".")
		profiles = append(profiles, lane.ARN("bedrock", "inference-profile/"+profile))
		routed = append(routed, foundationModel(lane.Site, regionsOf(geography), model))
	}
	return append(statements,
		allow("InvokeDeclaredProfiles", "the declared cross-region profiles", useModels, profiles),
		allow("RouteDeclaredProfiles", "a profile routes to its model in regions it chooses; outside a profile this allows nothing",
			useModels, routed, iam.When("StringEquals", "bedrock:InferenceProfileArn", profiles...)))
}

// useModels is what Converse and InvokeModel both ask for (service authorization reference,
// Bedrock).
var useModels = list("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")

func invokeModels(lane platform.Running) iam.Statement {
	var ids []string
	for _, id := range lane.Actor.Models.IDs {
		ids = append(ids, foundationModel(lane.Site, lane.Region, id))
	}
	return allow("InvokeDeclaredModels", "the declared foundation models and no other", useModels, ids)
}

// regionsOf is where a profile's geography routes to. Most geographies begin their regions'
// names; these do not (Bedrock user guide, inference-profiles-support).
func regionsOf(geography string) string {
	if regions, ok := map[string]string{"apac": "ap-*", "jp": "ap-northeast-*", "au": "ap-southeast-*", "global": "*"}[geography]; ok {
		return regions
	}
	return geography + "-*"
}

func foundationModel(site platform.Site, region, id string) string {
	return "arn:" + site.Partition() + ":bedrock:" + region + "::foundation-model/" + id
}

// ownMemory gives the role its agent's keys of its agent's table.
func ownMemory(lane platform.Running) []iam.Statement {
	return []iam.Statement{
		allow("UseOwnMemory", "an agent reads and writes only keys that begin with its own name; a request without keys is refused",
			memoryActions(lane), list(lane.MemoryTableARN()),
			iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "AGENT#"+lane.Agent+"#*"),
			iam.When("Null", "dynamodb:LeadingKeys", "false")),
		memoryKeyUse(lane),
	}
}

// memoryActions are the keyed item actions. Scan and streams know no LeadingKeys (service
// authorization reference, DynamoDB), so no role has them; a lane that may not write reads only.
func memoryActions(lane platform.Running) []string {
	if lane.ReadOnly {
		return list("dynamodb:GetItem", "dynamodb:Query")
	}
	return list("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem")
}

func memoryKeyUse(lane platform.Running) iam.Statement {
	return allow("UseMemoryKey", "the table is encrypted; the key works for this role only through DynamoDB",
		list("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), list(lane.MemoryKeyARN()),
		iam.When("StringEquals", "kms:ViaService", "dynamodb."+lane.Region+".amazonaws.com"))
}

// ownEvents: a lane that may not write publishes nothing either.
func ownEvents(lane platform.Running) []iam.Statement {
	if lane.ReadOnly {
		return nil
	}
	var out []iam.Statement
	for _, events := range lane.Actor.Events {
		bus := lane.Environment.Bus(events.Bus)
		out = append(out, allow("PublishTo"+platform.Pascal(events.Bus), "the declared detail types under the agent's own source, so that no event can be another's",
			list("events:PutEvents"), list(lane.ARN("events", "event-bus/"+bus)),
			iam.When("StringEquals", "events:detail-type", events.DetailTypes...),
			iam.When("StringEquals", "events:source", lane.Platform+"."+lane.Agent)))
	}
	return out
}
