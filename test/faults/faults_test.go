package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// fault is one planted mistake and every rule that must see it, and no other rule may.
type fault struct {
	name  string
	rules string // sorted, by spaces
	plant func(c *verify.Case)
}

// Names of the worked company's prod, as its declaration derives them.
const (
	prodAccount = "333333333333"
	devAccount  = "111111111113"
	execution   = "meridian-prod-loan-processor-stable-execution"
	memoryRole  = "meridian-prod-loan-processor-stable-memory"
	gatewayRole = "meridian-prod-loan-processor-stable-gateway"
	brokerRole  = "meridian-prod-loan-processor-stable-broker"
	requestRole = "meridian-prod-loan-processor-stable-request"
	deployRole  = "meridian-prod-bootstrap-deploy"
	stackRole   = "meridian-prod-bootstrap-execution"
	entryRole   = "meridian-prod-entry"
	sweepRole   = "meridian-prod-sweep"
	approveRole = "meridian-prod-approve"
	closingRole = "meridian-prod-closing"
	operateRole = "meridian-prod-operate"
	operator    = "meridian-prod-operator"
	breakglass  = "meridian-prod-breakglass"
	watchRole   = "meridian-prod-watch"
)

// ofLedger is a grant on items of the ledger whose keys begin so.
func ofLedger(sid, action, leading string) iam.Statement {
	return grant(sid, words(action), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-ledger"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", leading), iam.When("Null", "dynamodb:LeadingKeys", "false"))
}

func roleNamed(c *verify.Case, name string) *iam.Role {
	for i := range c.World.Roles {
		if c.World.Roles[i].ARN.Name() == name {
			return &c.World.Roles[i]
		}
	}
	panic("no role " + name + ": the fault is planted nowhere") // a mistake in the table above
}

func policyOf(c *verify.Case, arn iam.ARN) *iam.Policy {
	for i := range c.World.Policies {
		if c.World.Policies[i].ARN == arn {
			return &c.World.Policies[i]
		}
	}
	panic("no policy " + string(arn))
}

func grant(sid string, actions, resources []string, when ...iam.Condition) iam.Statement {
	return iam.Statement{Sid: sid, Effect: iam.Allow, Actions: iam.Of(actions...), Resources: iam.Of(resources...), When: when}
}

func words(text string) []string { return strings.Fields(text) }

// loose gives a role a statement and lets its boundary allow it, as a careless change would.
func loose(name string, s iam.Statement) func(*verify.Case) {
	return func(c *verify.Case) {
		r := roleNamed(c, name)
		r.Policy.Statements = append(slices.Clone(r.Policy.Statements), s)
		b := policyOf(c, r.Boundary)
		b.Document.Statements = append(slices.DeleteFunc(slices.Clone(b.Document.Statements), func(s iam.Statement) bool { return s.Effect == iam.Deny }), s)
	}
}

// plain gives a role a statement within its boundary.
func plain(name string, s iam.Statement) func(*verify.Case) {
	return func(c *verify.Case) {
		r := roleNamed(c, name)
		r.Policy.Statements = append(slices.Clone(r.Policy.Statements), s)
	}
}

// edit changes one statement of a role's policy or trust.
func edit(name, in, sid string, change func(*iam.Statement)) func(*verify.Case) {
	return func(c *verify.Case) {
		r := roleNamed(c, name)
		d := &r.Policy
		if in == "trust" {
			d = &r.Trust
		}
		d.Statements = slices.Clone(d.Statements)
		for i := range d.Statements {
			if d.Statements[i].Sid == sid {
				change(&d.Statements[i])
				return
			}
		}
		panic("no statement " + sid + " in " + name)
	}
}

func without(op, key string) func(*iam.Statement) {
	return func(s *iam.Statement) {
		s.When = slices.DeleteFunc(slices.Clone(s.When), func(w iam.Condition) bool { return w.Op == op && w.Key == key })
	}
}

func instead(key, value string) func(*iam.Statement) {
	return func(s *iam.Statement) {
		s.When = slices.Clone(s.When)
		for i := range s.When {
			if s.When[i].Key == key && s.When[i].Op != "Null" {
				s.When[i].Values = []string{value}
			}
		}
	}
}

func arnIn(account, name string) string { return "arn:aws:iam::" + account + ":role/remit/" + name }

// runtimePolicy is the policy that closes a lane's runtime or endpoint.
func runtimePolicy(c *verify.Case, kind string) *iam.Policy {
	for i := range c.World.Policies {
		if p := &c.World.Policies[i]; p.Kind == kind && strings.Contains(string(p.ARN), "<meridian-prod-loan-processor-stable.") {
			return p
		}
	}
	panic("no policy on a " + kind)
}

var faults = []fault{
	{"a role loses its boundary", "boundary", func(c *verify.Case) { roleNamed(c, execution).Boundary = "" }},
	{"a role stands in another kind's boundary", "beyond-boundary boundary", func(c *verify.Case) {
		r := roleNamed(c, requestRole)
		r.Boundary = roleNamed(c, memoryRole).Boundary
	}},
	{"a boundary document is gone", "boundary", func(c *verify.Case) {
		arn := roleNamed(c, requestRole).Boundary
		c.World.Policies = slices.DeleteFunc(c.World.Policies, func(p iam.Policy) bool { return p.ARN == arn })
	}},
	{"a boundary is widened", "ceiling-of-boundary", func(c *verify.Case) {
		b := policyOf(c, roleNamed(c, execution).Boundary)
		b.Document.Statements = append(slices.Clone(b.Document.Statements), grant("More", words("s3:GetObject"), words("arn:aws:s3:::anything/*")))
	}},
	{"a role nobody declared", "undeclared", func(c *verify.Case) {
		r := *roleNamed(c, requestRole)
		r.ARN += "2"
		c.World.Roles = append(c.World.Roles, r)
	}},
	{"a tenant's prefix is one of a sibling's", "memory", edit(memoryRole, "policy", "RecallOneTenant", instead("dynamodb:LeadingKeys", "TENANT#${aws:PrincipalTag/tenant}*"))},
	{"a tenant's prefix is everyone's", "memory", edit(memoryRole, "policy", "RecallOneTenant", instead("dynamodb:LeadingKeys", "TENANT#*"))},
	{"the execution role reads the whole memory", "beyond-boundary", plain(execution, grant("ScanAll", words("dynamodb:Scan"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-loan-processor-memory")))},
	{"a memory role trusts the account without a pin", "trust-account", edit(memoryRole, "trust", "OnlyTheEntry", without("ArnEquals", "aws:PrincipalArn"))},
	{"an interceptor spends for any lane", "ledger", edit(requestRole, "policy", "ReserveCalls", instead("dynamodb:LeadingKeys", "EXEC#*"))},
	{"an interceptor spends for a lane whose name its own begins", "ledger", edit(requestRole, "policy", "ReserveCalls", instead("dynamodb:LeadingKeys", "EXEC#loan-processor--stable*"))},
	{"a broker spends for any lane", "ledger", edit(brokerRole, "policy", "ReserveCalls", instead("dynamodb:LeadingKeys", "EXEC#*"))},
	{"an interceptor proposes in another lane's name", "ledger", edit(requestRole, "policy", "ReserveCalls", instead("dynamodb:LeadingKeys", "CONFIRM#loan-processor--canary#*"))},
	{"an interceptor claims another agent's key", "ledger", edit(requestRole, "policy", "ClaimKeys", instead("dynamodb:LeadingKeys", "ONCE#read_loan_book/*"))},
	{"an interceptor forges another lane's record", "ledger", edit("meridian-prod-loan-processor-stable-response", "policy", "WriteRecords", instead("dynamodb:LeadingKeys", "RECORD#loan-processor--canary--*"))},
	{"a memory role trusts any role like the entry", "trust-account", edit(memoryRole, "trust", "OnlyTheEntry", instead("aws:PrincipalArn", arnIn(prodAccount, "meridian-prod-ent*")))},
	{"a foreign root is trusted", "trust-account trust-foreign", func(c *verify.Case) {
		r := roleNamed(c, memoryRole)
		r.Trust.Statements = append(slices.Clone(r.Trust.Statements), iam.Statement{Sid: "Partner", Effect: iam.Allow, Principals: iam.Principals{AWS: words("arn:aws:iam::999999999999:root")}, Actions: iam.Of("sts:AssumeRole")})
	}},
	{"another customer's runtime may take the execution role", "trust-service", edit(execution, "trust", "OnlyThisRuntime", func(s *iam.Statement) { s.When = nil })},
	{"a sibling runtime's name matches the source", "trust-service", edit(execution, "trust", "OnlyThisRuntime", instead("aws:SourceArn", "arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":runtime/meridian__loan_processor__stable*"))},
	{"a deploy role edits the fence's policies", "escalation fence", loose(deployRole, grant("Edit", words("iam:CreatePolicyVersion"), words("arn:aws:iam::"+prodAccount+":policy/remit/fence/*")))},
	{"the agent updates gateways", "ceiling ceiling-of-boundary compromise-agent escalation", loose(execution, grant("Loosen", words("bedrock-agentcore:UpdateGateway"), words("arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":gateway/*")))},
	{"an interceptor hands over any role", "ceiling ceiling-of-boundary compromise-request-interceptor fence pass-role wildcard", loose(requestRole, grant("Pass", words("iam:PassRole"), words("*")))},
	{"the gateway's role reads a table", "ceiling ceiling-of-boundary compromise-gateway", loose(gatewayRole, grant("Read", words("dynamodb:GetItem"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/loans")))},
	{"the sweep calls a tool", "ceiling ceiling-of-boundary compromise-sweep", loose(sweepRole, grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
	{"the entry calls a tool", "ceiling ceiling-of-boundary compromise-entry", loose(entryRole, grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
	{"the approvals start an agent", "ceiling ceiling-of-boundary compromise-approve", loose(approveRole, grant("Start", words("bedrock-agentcore:InvokeAgentRuntime"), words("arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":runtime/meridian__*")))},
	{"the approvals free an idempotency key", "compromise-approve", loose(approveRole, grant("Free", words("dynamodb:DeleteItem"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-ledger"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "ONCE#*"), iam.When("Null", "dynamodb:LeadingKeys", "false")))},
	{"the approvals forge a record", "compromise-approve", loose(approveRole, grant("Forge", words("dynamodb:PutItem"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-ledger"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "RECORD#*"), iam.When("Null", "dynamodb:LeadingKeys", "false")))},
	{"the approvals answer past their address", "resource-open", func(c *verify.Case) {
		d := &policyOf(c, "arn:aws:lambda:us-east-1:"+prodAccount+":function:meridian-prod-approve:live").Document
		d.Statements = slices.Clone(d.Statements)
		d.Statements[len(d.Statements)-1].When = nil
	}},
	{"closing events free the keys of any tool", "ledger", edit(closingRole, "policy", "FreeKeys", instead("dynamodb:LeadingKeys", "ONCE#*"))},
	{"closing events end an execution", "compromise-closing ledger", loose(closingRole, grant("End", words("dynamodb:DeleteItem"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-ledger"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "EXEC#*"), iam.When("Null", "dynamodb:LeadingKeys", "false")))},
	{"closing events forge a record", "ceiling ceiling-of-boundary compromise-closing ledger operations", loose(closingRole, grant("Forge", words("dynamodb:PutItem"), words("arn:aws:dynamodb:us-east-1:"+prodAccount+":table/meridian-prod-ledger")))},
	{"the watch reads executions", "ledger", loose(watchRole, ofLedger("Read", "dynamodb:Query", "EXEC#*"))},
	{"the watch lifts a switch", "compromise-watch ledger operations", loose(watchRole, ofLedger("Lift", "dynamodb:PutItem", "SWITCHES"))},
	{"the watch makes up what a lane did", "compromise-watch", loose(watchRole, ofLedger("MakeUp", "dynamodb:PutItem", "COUNT#*"))},
	{"the watch forges a record", "compromise-watch ledger", loose(watchRole, ofLedger("Forge", "dynamodb:PutItem", "RECORD#*"))},
	{"the sweep throttles a lane", "compromise-sweep", loose(sweepRole, ofLedger("Throttle", "dynamodb:PutItem", "THROTTLE#*"))},
	{"the entry changes what throttling is judged by", "compromise-entry", loose(entryRole, ofLedger("Forget", "dynamodb:PutItem", "WATCH#*"))},
	{"an interceptor counts calls that were not made", "compromise-request-interceptor ledger", loose(requestRole, ofLedger("Count", "dynamodb:PutItem", "COUNT#*"))},
	{"any rule starts the watch", "resource-open", func(c *verify.Case) {
		d := &policyOf(c, "arn:aws:lambda:us-east-1:"+prodAccount+":function:meridian-prod-watch:live").Document
		d.Statements = slices.Clone(d.Statements)
		d.Statements[0].When = nil
	}},
	{"any rule starts the closing events", "resource-open", func(c *verify.Case) {
		d := &policyOf(c, "arn:aws:lambda:us-east-1:"+prodAccount+":function:meridian-prod-closing:live").Document
		d.Statements = slices.Clone(d.Statements)
		d.Statements[0].When = nil
	}},
	{"any service fills the queue of failed events", "resource-open", func(c *verify.Case) {
		d := &policyOf(c, "arn:aws:sqs:us-east-1:"+prodAccount+":meridian-prod-closing-failed").Document
		d.Statements = slices.Clone(d.Statements)
		d.Statements[0].When = nil
	}},
	{"the pipeline's other step may deploy", "compromise-pipeline halves", edit(deployRole, "trust", "OnlyThePipeline", instead("aws:PrincipalArn", "arn:aws:iam::333333333301:role/remit/meridian-pipeline-fence"))},
	{"a misspelt action", "beyond-boundary dead-action", edit(execution, "policy", "WriteTraces", func(s *iam.Statement) {
		s.Actions = iam.Of(append(slices.Clone(s.Actions.Of), "xray:PutTraceSegmentz")...)
	})},
	{"a condition that never holds", "never", edit(memoryRole, "policy", "RecallOneTenant", func(s *iam.Statement) {
		s.When = append(slices.Clone(s.When), iam.When("StringEquals", "aws:PrincipalTag/tenant", "a"), iam.When("StringNotEquals", "aws:PrincipalTag/tenant", "a"))
	})},
	{"a runtime refuses nobody", "runtime", func(c *verify.Case) {
		p := runtimePolicy(c, "AWS::BedrockAgentCore::Runtime")
		p.Document.Statements = slices.DeleteFunc(slices.Clone(p.Document.Statements), func(s iam.Statement) bool { return s.Effect == iam.Deny })
	}},
	{"an endpoint has no policy", "runtime", func(c *verify.Case) {
		arn := runtimePolicy(c, "AWS::BedrockAgentCore::RuntimeEndpoint").ARN
		c.World.Policies = slices.DeleteFunc(c.World.Policies, func(p iam.Policy) bool { return p.ARN == arn })
	}},
	{"a memory table admits a stranger", "resource-open", func(c *verify.Case) {
		arn := iam.ARN("arn:aws:dynamodb:us-east-1:" + prodAccount + ":table/meridian-prod-loan-processor-memory")
		c.World.Policies = append(c.World.Policies, iam.Policy{ARN: arn, Kind: "AWS::DynamoDB::Table", Account: prodAccount, Document: iam.Doc(
			iam.Statement{Sid: "Shared", Effect: iam.Allow, Principals: iam.Principals{AWS: words("arn:aws:iam::999999999999:root")}, Actions: iam.Of("dynamodb:GetItem"), Resources: iam.Of(string(arn))})})
	}},
	{"a part was not readable", "unreadable", func(c *verify.Case) {
		c.Unreadable = append(c.Unreadable, verify.Unreadable{Stack: "s", LogicalID: "X", What: "AWS::IAM::User", Why: "not read"})
	}},
	{"an attached policy's text is unknown", "unseen", func(c *verify.Case) {
		roleNamed(c, requestRole).Managed = []iam.ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	}},
}

// planted is every fault there is.
func planted() []fault {
	return slices.Concat(faults, more(), interventions(), metering(), promotions())
}

// healthy is the worked company's whole world, which is clean before anything is planted.
func healthy(t *testing.T) verify.Case {
	t.Helper()
	p := declared(t, "../../environments/meridian")
	p.Environments = slices.DeleteFunc(p.Environments, func(e platform.Environment) bool { return e.Name == "stage" }) // two are enough to cross
	return verify.Case{World: intendedOf(p), Platform: p, Today: today}
}

func rulesIn(found []verify.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, f.Rule)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func TestEveryPlantedFaultIsSeenByItsRulesAndByNoOther(t *testing.T) {
	for _, f := range planted() {
		t.Run(f.name, func(t *testing.T) {
			c := healthy(t)
			f.plant(&c)
			report := verify.Judge(c)
			if got := rulesIn(report.Findings); got != f.rules {
				t.Errorf("a planted fault is seen by other rules than it breaks\n  got  %s\n  want %s\n%s", got, f.rules, texts(report.Findings))
			}
			for _, found := range report.Findings {
				if found.Witness.Action != "" && !found.Confirmed {
					t.Errorf("the witness is not allowed by the evaluator, so the finding cannot be believed:\n%s", found.Text(nil))
				}
				if found.Unproven != "" && f.rules != "unreadable" && f.rules != "unseen" {
					t.Errorf("the question was not decided:\n%s", found.Text(nil))
				}
			}
		})
	}
}

func texts(found []verify.Finding) string {
	var out strings.Builder
	for _, f := range found {
		fmt.Fprintln(&out, f.Text(nil))
	}
	return out.String()
}

func TestEveryRuleHasAPlantedFault(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range planted() {
		for rule := range strings.FieldsSeq(f.rules) {
			seen[rule] = true
		}
	}
	for _, r := range verify.Rules {
		if !seen[r.ID] {
			t.Errorf("no planted fault breaks rule %s, so nobody knows whether it is awake", r.ID)
		}
		delete(seen, r.ID)
	}
	for rule := range seen {
		t.Errorf("faults break rule %s, which does not exist", rule)
	}
}

func TestWithoutARuleExactlyItsFindingsEscape(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range planted() {
		for rule := range strings.FieldsSeq(f.rules) {
			if shown[rule] {
				continue
			}
			shown[rule] = true
			c := healthy(t)
			f.plant(&c)
			var want []string
			for _, found := range verify.Judge(c).Findings {
				if found.Rule != rule {
					want = append(want, found.Digest)
				}
			}
			others := slices.DeleteFunc(slices.Clone(verify.Rules), func(r verify.Rule) bool { return r.ID == rule })
			var got []string
			for _, found := range verify.Judge(c, others...).Findings {
				got = append(got, found.Digest)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: without rule %s other findings come or go", f.name, rule)
			}
		}
	}
}
