package verify

import (
	"fmt"
	"strings"

	"remit/iam"
)

var memory = Rule{
	ID: "memory", Declared: true,
	Sentence: "A memory table is reached only by key, each role only under its own agent's, tenant's or user's prefix.",
	Why:      "One agent, tenant or user would read what another told.",
	Source:   "agentcore-facts §6.6; requirements R1, R42; service authorization reference, dynamodb:LeadingKeys",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			tables := c.memories[a.ARN.Account()]
			if len(tables) == 0 || !a.words.mayBe(itemReads) {
				continue
			}
			if f, found := c.can(a, want(itemReads, tables), ownKeys(a.duty)...); found {
				f.Sentence = "it reads or writes items of a memory that are not its own"
				out = append(out, f)
			}
		}
		return out
	},
}

var managedMemory = Rule{
	ID:       "agentcore-memory",
	Sentence: "A role that reads or writes an AgentCore memory is held to an actor or a namespace.",
	Why:      "One memory holds what all its users told; without the condition a role reads all of them.",
	Source:   "agentcore-facts §5; service authorization reference, bedrock-agentcore:actorId, namespace; AgentCore developer guide, memory",
	judge: func(c *court) []Finding {
		return c.everyone(
			"it reads or writes a memory of any actor, in any namespace", want(scopable, anything, iam.When("Null", "bedrock-agentcore:actorId", "true"), iam.When("Null", "bedrock-agentcore:namespace", "true"), iam.When("Null", "bedrock-agentcore:namespacePath", "true")),
			"it reads or deletes records of a memory by actions that no actor or namespace can limit", want(unscopable, anything),
		)
	},
}

// scopable take an actor or a namespace as a condition; unscopable take neither.
var (
	scopable   = list("bedrock-agentcore:CreateEvent", "bedrock-agentcore:DeleteEvent", "bedrock-agentcore:GetEvent", "bedrock-agentcore:ListEvents", "bedrock-agentcore:ListMemoryRecords", "bedrock-agentcore:ListSessions", "bedrock-agentcore:RetrieveMemoryRecords")
	unscopable = list("bedrock-agentcore:BatchDeleteMemoryRecords", "bedrock-agentcore:DeleteMemoryRecord", "bedrock-agentcore:GetMemoryRecord", "bedrock-agentcore:ListActors")
)

// itemReads is every action that shows, changes or copies items (service authorization
// reference, DynamoDB).
var itemReads = []string{
	"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:ExportTableToPointInTime", "dynamodb:GetItem", "dynamodb:GetRecords",
	"dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFromBackup", "dynamodb:Scan", "dynamodb:UpdateItem",
}

// ownKeys is what a role may touch of its agent's table, by the declared scope: the prefix
// ends in its delimiter, so that no sibling's begins with it, and a request without keys or
// a session without its tag is not meant.
func ownKeys(d duty) []iam.Document {
	m := d.lane.Actor.Memory
	if m == nil {
		return nil
	}
	prefix, when := "", []iam.Condition{iam.When("Null", "dynamodb:LeadingKeys", "false")}
	switch {
	case d.kind == "execution" && m.Scope == "agent":
		prefix = "AGENT#" + d.lane.Agent + "#*"
	case d.kind == "memory" && m.Scope == "tenant":
		prefix = "TENANT#${aws:PrincipalTag/tenant}#*"
		when = append(when, iam.When("Null", "aws:PrincipalTag/tenant", "false"))
	case d.kind == "memory" && m.Scope == "user":
		prefix = "TENANT#${aws:PrincipalTag/tenant}#USER#${aws:PrincipalTag/user}#*"
		when = append(when, iam.When("Null", "aws:PrincipalTag/tenant", "false"), iam.When("Null", "aws:PrincipalTag/user", "false"))
	default:
		return nil
	}
	return []iam.Document{want(keyed, []string{d.lane.MemoryTableARN()}, append(when, iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", prefix))...)}
}

var keyed = []string{"dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}

var gatewayRule = Rule{
	ID:       "gateway",
	Sentence: "Every gateway asks a policy engine in ENFORCE, admits only authenticated callers, and runs both interceptors, failing closed.",
	Why:      "LOG_ONLY writes down what it should have refused; without interceptors no limit, tenant or record exists.",
	Source:   "AgentCore developer guide, policy-enforcement-modes, gateway-inbound-auth; agentcore-facts §1",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, g := range c.World.Of("AWS::BedrockAgentCore::Gateway") {
			for _, sentence := range gatewayFaults(g) {
				out = append(out, Finding{Role: g.ARN, Sentence: sentence, At: g.From})
			}
		}
		return out
	},
}

func gatewayFaults(g iam.Resource) []string {
	var out []string
	note := func(bad bool, sentence string) {
		if bad {
			out = append(out, sentence)
		}
	}
	for _, path := range []string{"PolicyEngineConfiguration", "AuthorizerType", "InterceptorConfigurations", "WafConfiguration"} {
		note(g.Unknown(path), path+" is known only when it is deployed")
	}
	mode, known := g.Setting("PolicyEngineConfiguration.Mode"), !g.Unknown("PolicyEngineConfiguration")
	note(known && len(g.Settings["PolicyEngineConfiguration.Arn"]) == 0, "it asks no policy engine")
	note(known && mode != "" && mode != "ENFORCE", "its policy mode is "+mode+": it refuses nothing")
	note(known && mode == "" && len(g.Settings["PolicyEngineConfiguration.Arn"]) > 0, "it says no policy mode")
	auth := g.Setting("AuthorizerType")
	note(!g.Unknown("AuthorizerType") && auth != "CUSTOM_JWT" && auth != "AWS_IAM", fmt.Sprintf("its authorizer is %q: it decides about no caller", auth))
	points := strings.Join(g.Settings["InterceptorConfigurations.InterceptionPoints"], " ")
	if !g.Unknown("InterceptorConfigurations") {
		note(!strings.Contains(points, "REQUEST"), "no interceptor sees its requests")
		note(!strings.Contains(points, "RESPONSE"), "no interceptor sees its responses")
	}
	note(g.Setting("WafConfiguration.FailureMode") == "FAIL_OPEN", "its firewall lets calls pass when it fails")
	note(g.Setting("ExceptionLevel") == "DEBUG", "it tells callers its errors in detail")
	return out
}

var engineRule = Rule{
	ID:       "policy-engine",
	Sentence: "Every policy engine holds a policy, and every policy is validated when it is made.",
	Why:      "An engine whose policies were never checked against its tools may permit what nobody meant.",
	Source:   "AgentCore developer guide, policy-create",
	judge: func(c *court) []Finding {
		var out []Finding
		policies := c.World.Of("AWS::BedrockAgentCore::Policy")
		for _, p := range policies {
			if mode := p.Setting("ValidationMode"); mode == "IGNORE_ALL_FINDINGS" {
				out = append(out, Finding{Role: p.ARN, Sentence: "its findings are ignored when it is made", At: p.From})
			}
		}
		for _, e := range c.World.Of("AWS::BedrockAgentCore::PolicyEngine") {
			if len(policies) == 0 {
				out = append(out, Finding{Role: e.ARN, Sentence: "no policy is in it here", At: e.From})
			}
		}
		return out
	},
}
