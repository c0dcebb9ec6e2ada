package grants_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// acme is a small company that has one of everything: a read tool, a write tool, a reach to
// a table and one to an API in another account; two agents, two lanes, one of them a canary.
func acme() *platform.Platform {
	return &platform.Platform{
		Name:   "acme",
		Shared: &platform.Shared{Region: "us-east-1", Accounts: []platform.Account{{Purpose: "pipeline", ID: "999999999999"}}},
		Tools: []platform.Tool{
			{Name: "score", Purpose: "a score", Access: "read"},
			{Name: "file_claim", Purpose: "a claim", Access: "write"},
			{Name: "read_book", Purpose: "past claims", Access: "read", Reach: &platform.Reach{Account: "claims", Actions: []string{"GetItem", "Query"}, Attributes: []string{"id", "outcome"}}},
			{Name: "read_case", Purpose: "one case", Access: "read", Reach: &platform.Reach{Account: "claims", Operations: []string{"GET /cases/{id}/notes", "GET /cases"}}},
		},
		Agents: []platform.Agent{
			{Name: "clerk", Models: platform.Models{Via: "broker"}, Tools: []string{"score", "file_claim", "read_book", "read_case"}, Memory: &platform.Memory{Scope: "tenant"},
				Events: []platform.Events{{Bus: "claims", DetailTypes: []string{"Filed"}}}},
			{Name: "reader", Models: platform.Models{Via: "broker"}, Tools: []string{"score"}},
		},
		Constraints: []platform.Constraint{{ID: "canary-reads", When: platform.When{Lane: "canary"}, Forbid: platform.Forbid{Access: "write"}}},
		Environments: []platform.Environment{{
			Name: "prod", Region: "us-east-1",
			Accounts: []platform.Account{{Purpose: "platform", ID: "111111111111"}, {Purpose: "claims", ID: "222222222222"}, {Purpose: "audit", ID: "333333333333"}},
			Deploy:   platform.Deploy{By: []string{platform.Pipeline}},
			Buses:    []platform.Bus{{Name: "claims", Named: "acme-prod-claims"}},
			Targets: []platform.Target{
				{Tool: "score", Lambda: &platform.LambdaTarget{Function: "score", Alias: "live"}},
				{Tool: "file_claim", APIGateway: &platform.APIGatewayTarget{API: "a1b2c3", Stage: "live", Operation: "POST /claims"}, Credential: "key"},
				{Tool: "read_book", Reach: &platform.ReachTarget{Table: "book"}},
				{Tool: "read_case", Reach: &platform.ReachTarget{API: "d4e5f6", Stage: "v1"}},
			},
			Credentials: []platform.Credential{{Name: "key", Secret: "acme/key"}},
			Lanes: []platform.LaneSet{
				{Agent: "clerk", Lanes: []platform.Lane{{Name: "stable"}, {Name: "canary"}}},
				{Agent: "reader", Lanes: []platform.Lane{{Name: "stable"}}},
			},
		}},
	}
}

// made is the prod of acme after a change.
func made(change ...func(*platform.Platform, *platform.Environment)) iam.World {
	p := acme()
	for _, c := range change {
		c(p, &p.Environments[0])
	}
	return grants.Intended(p, "prod")
}

func agent(p *platform.Platform, name string) *platform.Agent {
	return &p.Agents[slices.IndexFunc(p.Agents, func(a platform.Agent) bool { return a.Name == name })]
}

func tool(p *platform.Platform, name string) *platform.Tool {
	return &p.Tools[slices.IndexFunc(p.Tools, func(t platform.Tool) bool { return t.Name == name })]
}

func target(e *platform.Environment, tool string) *platform.Target {
	return &e.Targets[slices.IndexFunc(e.Targets, func(t platform.Target) bool { return t.Tool == tool })]
}

func role(t *testing.T, w iam.World, name string) iam.Role {
	t.Helper()
	r, ok := w.Role(name)
	if !ok {
		t.Fatalf("role %s does not exist; the lane cannot run", name)
	}
	return r
}

func sids(d iam.Document) string {
	var out []string
	for _, s := range d.Statements {
		out = append(out, s.Sid)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func sid(t *testing.T, d iam.Document, sid string) iam.Statement {
	t.Helper()
	i := slices.IndexFunc(d.Statements, func(s iam.Statement) bool { return s.Sid == sid })
	if i < 0 {
		t.Fatalf("no statement %s; have %s", sid, sids(d))
	}
	return d.Statements[i]
}

// values of a condition, joined, or "".
func values(s iam.Statement, op, key string) string {
	for _, c := range s.When {
		if c.Op == op && c.Key == key {
			return strings.Join(c.Values, " ")
		}
	}
	return ""
}

func same(t *testing.T, harm, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n  got  %s\n  want %s", harm, got, want)
	}
}

func TestMemoryIsKeptApartByItsDeclaredScope(t *testing.T) {
	for _, c := range []struct {
		scope            string
		execution, roles string // statements of the execution role beside the usual ones; the lane's roles
		keys             string
		condition        string
		recall           string // the statement of the memory role
	}{
		{"agent", "UseMemoryKey UseOwnMemory", "broker execution gateway reach request response", "AGENT#clerk#*", "", ""},
		{"tenant", "", "broker execution gateway memory reach request response", "TENANT#${aws:PrincipalTag/tenant}#*", "aws:PrincipalTag/tenant", "RecallOneTenant"},
		{"user", "", "broker execution gateway memory reach request response", "TENANT#${aws:PrincipalTag/tenant}#USER#${aws:PrincipalTag/user}#*", "aws:PrincipalTag/tenant aws:PrincipalTag/user", "RecallOneUser"},
		{"none", "", "broker execution gateway reach request response", "", "", ""},
	} {
		t.Run(c.scope, func(t *testing.T) {
			w := made(func(p *platform.Platform, _ *platform.Environment) {
				agent(p, "clerk").Memory = &platform.Memory{Scope: c.scope}
				if c.scope == "none" {
					agent(p, "clerk").Memory = nil
				}
			})
			same(t, "the lane's roles are not those its memory needs", kinds(w, "acme-prod-clerk-stable-"), c.roles)
			execution := role(t, w, "acme-prod-clerk-stable-execution").Policy
			usual := "PublishToClaims PullOwnImage SignInToRegistry"
			same(t, "what the agent's own code may do to memory is not what was declared", sids(execution), strings.TrimSpace(usual+" "+c.execution)+" WriteOwnLogs WriteTraces")
			bearer, statement := execution, "UseOwnMemory"
			if strings.Contains(c.roles, "memory") {
				bearer, statement = role(t, w, "acme-prod-clerk-stable-memory").Policy, c.recall
			}
			if c.keys == "" {
				none := iam.World{Roles: []iam.Role{role(t, w, "acme-prod-clerk-stable-execution")}}
				noneWith(t, none, "clerk", "dynamodb:", "kms:")
				return
			}
			s := sid(t, bearer, statement)
			same(t, "items of others can be reached", values(s, "ForAllValues:StringLike", "dynamodb:LeadingKeys"), c.keys)
			same(t, "ForAllValues holds when a request names no key, so a scan-like request would pass", values(s, "Null", "dynamodb:LeadingKeys"), "false")
			for key := range strings.FieldsSeq(c.condition) {
				same(t, "a session without "+key+" would match keys with an empty part", values(s, "Null", key), "false")
			}
			same(t, "the role reaches another table", strings.Join(s.Resources.Of, " "), "arn:aws:dynamodb:us-east-1:111111111111:table/acme-prod-clerk-memory")
		})
	}
}

// kinds is the kinds of role whose names begin so.
func kinds(w iam.World, prefix string) string {
	var out []string
	for _, r := range w.Roles {
		if kind, ok := strings.CutPrefix(r.ARN.Name(), prefix); ok && r.ARN.Account() == "111111111111" {
			out = append(out, kind)
		}
	}
	return strings.Join(out, " ")
}

// noneWith fails if any role or key of the agent has an action that begins so.
func noneWith(t *testing.T, w iam.World, agent string, prefixes ...string) {
	t.Helper()
	for _, a := range atoms(w) {
		for _, prefix := range prefixes {
			if a.effect == iam.Allow && strings.HasPrefix(a.action, prefix) && strings.Contains(a.where, "acme-prod-"+agent) && !strings.Contains(a.where, "-reached") {
				t.Errorf("%s may %s without memory being declared", a.where, a.action)
			}
		}
	}
}

func TestOnlyTheEntryVendsMemoryAndOnlyWithTheTagsOfTheScope(t *testing.T) {
	for scope, tags := range map[string][]string{"tenant": {"aws:RequestTag/tenant"}, "user": {"aws:RequestTag/tenant", "aws:RequestTag/user"}} {
		w := made(func(p *platform.Platform, _ *platform.Environment) {
			agent(p, "clerk").Memory = &platform.Memory{Scope: scope}
		})
		enter := sid(t, role(t, w, "acme-prod-clerk-stable-memory").Trust, "OnlyTheEntry")
		same(t, "someone else vends memory credentials", values(enter, "ArnEquals", "aws:PrincipalArn"), "arn:aws:iam::111111111111:role/remit/acme-prod-entry")
		for _, tag := range append(tags, "sts:SourceIdentity") {
			same(t, scope+": a session can be opened without "+tag, values(enter, "Null", tag), "false")
		}
	}
}

func TestALaneForbiddenWritesReadsMemoryAndPublishesNothing(t *testing.T) {
	for _, scope := range []string{"agent", "tenant"} {
		w := made(func(p *platform.Platform, _ *platform.Environment) {
			agent(p, "clerk").Memory = &platform.Memory{Scope: scope}
		})
		bearer, statement := "acme-prod-clerk-canary-execution", "UseOwnMemory"
		if scope == "tenant" {
			bearer, statement = "acme-prod-clerk-canary-memory", "RecallOneTenant"
		}
		same(t, scope+": the canary can change what stable remembers", strings.Join(sid(t, role(t, w, bearer).Policy, statement).Actions.Of, " "), "dynamodb:GetItem dynamodb:Query")
		if got := sids(role(t, w, "acme-prod-clerk-canary-execution").Policy); strings.Contains(got, "Publish") {
			t.Errorf("the canary publishes events: %s", got)
		}
		if got := sids(role(t, w, "acme-prod-clerk-canary-gateway").Policy); strings.Contains(got, "FileClaim") {
			t.Errorf("the canary's gateway can still call the write tool: %s", got)
		}
		sid(t, role(t, w, "acme-prod-clerk-stable-gateway").Policy, "CallFileClaim") // stable still can
	}
}

func TestADirectReachIsOnTheExecutionRoleAndInTheTrust(t *testing.T) {
	direct := func(p *platform.Platform, _ *platform.Environment) {
		tool(p, "read_book").Reach.Direct = &platform.Direct{Why: "batch", Until: "2027-01-01"}
	}
	for name, w := range map[string]iam.World{"through the gateway": made(), "direct": made(direct)} {
		reached := role(t, w, "acme-prod-clerk-stable-reached")
		pins, execution := "arn:aws:iam::111111111111:role/remit/acme-prod-clerk-stable-reach", false
		if name == "direct" {
			pins, execution = "arn:aws:iam::111111111111:role/remit/acme-prod-clerk-stable-execution "+pins, true
		}
		for _, s := range []string{"OnlyThisLane", "TagsOfThisLane"} {
			same(t, name+": who enters the resource account is not who was declared", values(sid(t, reached.Trust, s), "ArnEquals", "aws:PrincipalArn"), pins)
		}
		if got := strings.Contains(sids(role(t, w, "acme-prod-clerk-stable-execution").Policy), "AssumeReached"); got != execution {
			t.Errorf("%s: the agent's own code can assume the reached role: %v, want %v", name, got, execution)
		}
		kind := "acme-prod-execution"
		if execution {
			kind = "acme-prod-execution-direct"
			same(t, "one direct reach widened the boundary of every other agent", fmt.Sprint(boundaryOf(t, w, "acme-prod-execution")), fmt.Sprint(boundaryOf(t, made(), "acme-prod-execution")))
		}
		same(t, name+": the execution role stands in another kind's boundary", role(t, w, "acme-prod-clerk-stable-execution").Boundary.Name(), kind)
		boundary := sids(boundaryOf(t, w, kind))
		if strings.Contains(boundary, "NeverAssume") == execution || strings.Contains(boundary, "AssumeReached") != execution {
			t.Errorf("%s: the execution boundary says %s", name, boundary)
		}
	}
}

func boundaryOf(t *testing.T, w iam.World, name string) iam.Document {
	t.Helper()
	for _, p := range w.Policies {
		if p.ARN.Name() == name && p.Kind == "managed" {
			return p.Document
		}
	}
	t.Fatalf("boundary %s does not exist", name)
	return iam.Document{}
}

func TestTwoReachToolsInOneAccountShareARoleAndNoGrant(t *testing.T) {
	w := made()
	reached := role(t, w, "acme-prod-clerk-stable-reached")
	same(t, "one account has one role per lane, with one statement per tool", sids(reached.Policy), "ReachReadBook ReachReadCase")
	for tool, s := range map[string]iam.Statement{"read_book": sid(t, reached.Policy, "ReachReadBook"), "read_case": sid(t, reached.Policy, "ReachReadCase")} {
		same(t, "a session for one tool can use the other's grant", values(s, "StringEquals", "aws:PrincipalTag/tool"), tool)
	}
	book := sid(t, reached.Policy, "ReachReadBook")
	same(t, "more is read than declared", strings.Join(book.Actions.Of, " "), "dynamodb:GetItem dynamodb:Query")
	same(t, "other attributes are read", values(book, "ForAllValues:StringEquals", "dynamodb:Attributes"), "id outcome")
	same(t, "ForAllValues holds when no attribute is named, and then all are read", values(book, "Null", "dynamodb:Attributes"), "false")
	same(t, "the reach role goes elsewhere", strings.Join(sid(t, role(t, w, "acme-prod-clerk-stable-reach").Policy, "AssumeReached").Resources.Of, " "), string(reached.ARN))
}

func TestAnAPIReachIsItsDeclaredOperations(t *testing.T) {
	s := sid(t, role(t, made(), "acme-prod-clerk-stable-reached").Policy, "ReachReadCase")
	same(t, "the lane can call other operations of that API", strings.Join(s.Resources.Of, " "),
		"arn:aws:execute-api:us-east-1:222222222222:d4e5f6/v1/GET/cases arn:aws:execute-api:us-east-1:222222222222:d4e5f6/v1/GET/cases/*/notes")
	same(t, "it can do more than call", strings.Join(s.Actions.Of, " "), "execute-api:Invoke")
}

func TestATargetInAnotherAccountIsThatFunctionThere(t *testing.T) {
	w := made(func(_ *platform.Platform, e *platform.Environment) { target(e, "score").Lambda.Account = "claims" })
	want := "arn:aws:lambda:us-east-1:222222222222:function:score:live"
	same(t, "the gateway calls a function of the same name in its own account", strings.Join(sid(t, role(t, w, "acme-prod-clerk-stable-gateway").Policy, "CallScore").Resources.Of, " "), want)
	if functions := sid(t, boundaryOf(t, w, "acme-prod-gateway"), "CallFunctions").Resources.Of; !slices.Contains(functions, want) {
		t.Errorf("the boundary refuses the declared target, in silence; it admits %v", functions)
	}
}

var partition = regexp.MustCompile(`arn:([^:]*):`)

func TestEveryARNIsInThePartitionOfItsRegion(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		w := made(func(p *platform.Platform, e *platform.Environment) {
			e.Region, p.Shared.Region = region, region
			agent(p, "reader").Models = platform.Models{Via: "direct", IDs: []string{"a.m"}, Profiles: []string{"us.a.m"}}
			tool(p, "read_book").Reach.Direct = &platform.Direct{}
			agent(p, "reader").Memory = &platform.Memory{Scope: "agent"}
		})
		seen := 0
		for _, text := range texts(w) {
			for _, m := range partition.FindAllStringSubmatch(text, -1) {
				seen++
				if m[1] != want {
					t.Fatalf("%s: an ARN of partition %q means nothing there, so the grant is dead: %s", region, m[1], text)
				}
			}
		}
		if seen < 100 {
			t.Errorf("%s: only %d ARNs were looked at", region, seen)
		}
	}
}

func texts(w iam.World) []string {
	var out []string
	for _, r := range w.Roles {
		out = append(out, string(r.ARN), string(r.Boundary))
		for _, s := range append(slices.Clone(r.Trust.Statements), r.Policy.Statements...) {
			out = append(out, string(iam.Doc(s).JSON()))
		}
	}
	for _, p := range w.Policies {
		out = append(out, string(p.ARN))
		for _, s := range p.Document.Statements {
			out = append(out, string(iam.Doc(s).JSON()))
		}
	}
	return out
}

func TestNamedDeployersAreTheOnlyOnesWhoDeploy(t *testing.T) {
	by := []string{"arn:aws:iam::111111111111:role/Dev", "arn:aws:iam::444444444444:role/Ops", "arn:aws:iam::111111111111:role/Lead"}
	w := made(func(_ *platform.Platform, e *platform.Environment) { e.Deploy.By = by })
	for _, kind := range []string{"deploy", "fence-deploy", "assets", "lookup"} {
		trust := role(t, w, "acme-prod-bootstrap-"+kind).Trust
		same(t, kind+": one statement", sids(trust), "NamedDeployers")
		s, want := sid(t, trust, "NamedDeployers"), slices.Sorted(slices.Values(by))
		same(t, kind+": someone else deploys", values(s, "ArnEquals", "aws:PrincipalArn"), strings.Join(want, " "))
		same(t, kind+": another account is trusted", strings.Join(s.Principals.AWS, " "), "arn:aws:iam::111111111111:root arn:aws:iam::444444444444:root")
	}
	for _, kind := range []string{"execution", "fence-execution"} {
		same(t, "a person can take the role that only CloudFormation takes", sids(role(t, w, "acme-prod-bootstrap-"+kind).Trust), "OnlyCloudFormation")
	}
}

func TestOnlyThePipelineDeploysWhereItIsDeclaredAndItsFenceStepIsAnother(t *testing.T) {
	w := made()
	pipeline := "arn:aws:iam::999999999999:role/remit/acme-pipeline-"
	for kind, who := range map[string]string{
		"deploy": pipeline + "deploy", "assets": pipeline + "deploy", "fence-deploy": pipeline + "fence", "fence-assets": pipeline + "fence",
		"lookup": pipeline + "deploy " + pipeline + "fence",
	} {
		s := sid(t, role(t, w, "acme-prod-bootstrap-"+kind).Trust, "OnlyThePipeline")
		same(t, kind+" can be taken by another step or person", values(s, "ArnEquals", "aws:PrincipalArn"), who)
	}
}

func TestNobodyWritesTheTemplatesThatTheOtherSetDeploys(t *testing.T) {
	w := made()
	for kind, prefix := range map[string]string{"assets": "stacks/", "fence-assets": "fence/"} {
		writes := ""
		for _, s := range role(t, w, "acme-prod-bootstrap-"+kind).Policy.Statements {
			if slices.Contains(s.Actions.Of, "s3:PutObject") {
				writes += strings.Join(s.Resources.Of, " ")
			}
		}
		same(t, kind+" could swap a template after its review", writes, "arn:aws:s3:::remit-assets-111111111111-us-east-1/"+prefix+"*")
	}
}

func TestAToolAnEnvironmentGoesWithoutIsGrantedToNobody(t *testing.T) {
	for tool, sids := range map[string][]string{
		"score": {"CallScore"}, "file_claim": {"CallFileClaim", "CredentialFileClaim", "IdentifyFileClaim", "SecretFileClaim"}, "read_book": {"CallReadBook", "ReachReadBook"}, "read_case": {"CallReadCase", "ReachReadCase"},
	} {
		before, after := made(), made(func(_ *platform.Platform, e *platform.Environment) { e.Without = []string{tool} })
		for _, s := range sids {
			if !hasSid(before, s) {
				t.Errorf("%s is not granted at all, so its absence would show nothing", s)
			}
			if hasSid(after, s) {
				t.Errorf("prod goes without %s, and %s is still granted", tool, s)
			}
		}
	}
	if w := made(func(_ *platform.Platform, e *platform.Environment) { e.Without = []string{"read_book", "read_case"} }); len(w.In("222222222222").Roles) > 0 {
		t.Errorf("nothing reaches the claims account, and roles are made there: %s", w.In("222222222222").Roles[0].ARN)
	}
}

func hasSid(w iam.World, sid string) bool {
	return slices.ContainsFunc(w.Roles, func(r iam.Role) bool {
		return slices.ContainsFunc(r.Policy.Statements, func(s iam.Statement) bool { return s.Sid == sid })
	})
}

func TestADirectAgentInvokesExactlyItsModelsAndABrokeredOneNone(t *testing.T) {
	w := made(func(p *platform.Platform, _ *platform.Environment) {
		agent(p, "reader").Models = platform.Models{Via: "direct", IDs: []string{"a.m-v1:0"}, Profiles: []string{"eu.a.m-v1:0"}}
		agent(p, "clerk").Models = platform.Models{Via: "broker", IDs: []string{"a.n-v1:0"}}
	})
	reader := role(t, w, "acme-prod-reader-stable-execution").Policy
	same(t, "another model can be called", strings.Join(sid(t, reader, "InvokeDeclaredModels").Resources.Of, " "), "arn:aws:bedrock:us-east-1::foundation-model/a.m-v1:0")
	same(t, "another profile can be called", strings.Join(sid(t, reader, "InvokeDeclaredProfiles").Resources.Of, " "), "arn:aws:bedrock:us-east-1:111111111111:inference-profile/eu.a.m-v1:0")
	route := sid(t, reader, "RouteDeclaredProfiles")
	same(t, "the model can be called in regions outside the profile's", strings.Join(route.Resources.Of, " "), "arn:aws:bedrock:eu-*::foundation-model/a.m-v1:0")
	same(t, "the routed model can be called without the profile", values(route, "StringEquals", "bedrock:InferenceProfileArn"), "arn:aws:bedrock:us-east-1:111111111111:inference-profile/eu.a.m-v1:0")
	for _, r := range w.Roles {
		for _, s := range r.Policy.Statements {
			if r.ARN.Name() == "acme-prod-clerk-stable-broker" && s.Sid == "InvokeDeclaredModels" {
				same(t, "the broker calls another model", strings.Join(s.Resources.Of, " "), "arn:aws:bedrock:us-east-1::foundation-model/a.n-v1:0")
			} else if strings.Contains(r.ARN.Name(), "-clerk-stable-") && strings.Contains(strings.Join(s.Actions.Of, " "), "bedrock:") {
				t.Errorf("%s may use a model past its broker", r.ARN)
			}
		}
	}
}

// A profile's first word is its geography, and regions are not named after it: apac routes
// to ap-…, global anywhere (Bedrock user guide, inference-profiles-support).
func TestAProfileRoutesToRegionsThatExist(t *testing.T) {
	for geography, region := range map[string]string{"us": "us-*", "eu": "eu-*", "apac": "ap-*", "jp": "ap-northeast-*", "au": "ap-southeast-*", "us-gov": "us-gov-*", "global": "*"} {
		w := made(func(p *platform.Platform, _ *platform.Environment) {
			agent(p, "reader").Models = platform.Models{Via: "direct", IDs: []string{"a.m"}, Profiles: []string{geography + ".a.m"}}
		})
		got := sid(t, role(t, w, "acme-prod-reader-stable-execution").Policy, "RouteDeclaredProfiles").Resources.Of
		same(t, "no region is called like that, so the declared profile cannot route and every call fails", strings.Join(got, " "), "arn:aws:bedrock:"+region+"::foundation-model/a.m")
	}
}

func TestAddingALaneChangesNothingThatIsThere(t *testing.T) {
	before := made()
	after := made(func(_ *platform.Platform, e *platform.Environment) {
		e.Lanes[0].Lanes = append(e.Lanes[0].Lanes, platform.Lane{Name: "next"})
	})
	onlyNew(t, before, after, "acme-prod-clerk-next")
}

func TestAddingAnAgentChangesNothingThatIsThere(t *testing.T) {
	before := made()
	after := made(func(p *platform.Platform, e *platform.Environment) {
		p.Agents = append(p.Agents, platform.Agent{Name: "scribe", Models: platform.Models{Via: "broker"}, Tools: []string{"score", "read_book"}, Memory: &platform.Memory{Scope: "agent"}})
		e.Lanes = append(e.Lanes, platform.LaneSet{Agent: "scribe", Lanes: []platform.Lane{{Name: "stable"}}})
	})
	onlyNew(t, before, after, "acme-prod-scribe")
}

// The first direct agent brings the boundary that direct agents share, and changes nothing.
func TestAddingADirectAgentChangesNothingThatIsThere(t *testing.T) {
	before := made()
	after := made(func(p *platform.Platform, e *platform.Environment) {
		p.Agents = append(p.Agents, platform.Agent{Name: "scribe", Models: platform.Models{Via: "direct", IDs: []string{"a.m"}}})
		e.Lanes = append(e.Lanes, platform.LaneSet{Agent: "scribe", Lanes: []platform.Lane{{Name: "stable"}}})
	})
	for _, d := range iam.Diff(before, after) {
		if !strings.Contains(string(d.Where), "acme-prod-scribe") && !strings.HasSuffix(string(d.Where), "fence/acme-prod-execution-direct") {
			t.Errorf("adding an agent changed what was there: %s", d)
		}
	}
}

func onlyNew(t *testing.T, before, after iam.World, name string) {
	t.Helper()
	added := 0
	for _, d := range iam.Diff(before, after) {
		if d.Want != "" || !strings.Contains(string(d.Where), name) {
			t.Errorf("adding %s changed what was there, so a reviewer of the addition has not seen it all: %s", name, d)
		}
		added++
	}
	if added == 0 {
		t.Error("nothing was added, so nothing was shown")
	}
}

// atom is the smallest thing a statement allows: one principal, action and resource under
// one choice of pinned principals, all other conditions kept.
type atom struct {
	where, in, sid                          string
	effect                                  iam.Effect
	principal, action, resource, conditions string
}

func atoms(w iam.World) []atom {
	var out []atom
	add := func(where iam.ARN, in string, d iam.Document) {
		for _, s := range d.Statements {
			out = append(out, atomsOf(string(where), in, s)...)
		}
	}
	for _, r := range w.Roles {
		add(r.ARN, "trust", r.Trust)
		add(r.ARN, "policy", r.Policy)
	}
	for _, p := range w.Policies {
		add(p.ARN, p.Kind, p.Document)
	}
	return out
}

func atomsOf(where, in string, s iam.Statement) (out []atom) {
	var rest []string
	pins := []string{""}
	for _, c := range s.When {
		if c.Op == "ArnEquals" && c.Key == "aws:PrincipalArn" {
			pins = c.Values
			continue
		}
		rest = append(rest, fmt.Sprint(c))
	}
	principals := append(append(slices.Clone(s.Principals.AWS), s.Principals.Service...), "")
	resources := append(slices.Clone(s.Resources.Of), "")
	for _, pin := range pins {
		for _, principal := range principals[:max(1, len(principals)-1)] {
			for _, action := range s.Actions.Of {
				for _, resource := range resources[:max(1, len(resources)-1)] {
					out = append(out, atom{where, in, s.Sid, s.Effect, principal + " " + pin, action, resource, strings.Join(rest, " and ")})
				}
			}
		}
	}
	return out
}

// TestTakingAwayNeverGrants takes away tools, targets, lanes, agents' tools and directness at
// random: nothing may be allowed afterwards that was not before, and of the roles and
// policies that remain none may lose a refusal.
func TestTakingAwayNeverGrants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := acme()
		e := &p.Environments[0]
		if rapid.Bool().Draw(t, "direct reach") {
			tool(p, "read_book").Reach.Direct = &platform.Direct{}
		}
		agent(p, "clerk").Memory.Scope = rapid.SampledFrom([]string{"agent", "tenant", "user"}).Draw(t, "scope")
		if rapid.Bool().Draw(t, "direct models") {
			agent(p, "reader").Models = platform.Models{Via: "direct", IDs: []string{"a.m", "a.n"}, Profiles: []string{"us.a.m"}}
		}
		before := grants.Intended(p, "prod")
		takeAway(t, p, e)
		noMore(t, before, grants.Intended(p, "prod"))
	})
}

func takeAway(t *rapid.T, p *platform.Platform, e *platform.Environment) {
	some := func(what string) func(string) bool {
		return func(name string) bool { return rapid.IntRange(0, 2).Draw(t, what+" "+name) == 0 }
	}
	e.Targets = slices.DeleteFunc(e.Targets, func(x platform.Target) bool { return some("target")(x.Tool) })
	for i := range p.Agents {
		p.Agents[i].Tools = slices.DeleteFunc(p.Agents[i].Tools, some("tool of "+p.Agents[i].Name))
		if rapid.IntRange(0, 4).Draw(t, "memory") == 0 {
			p.Agents[i].Memory = nil
		}
	}
	p.Tools = slices.DeleteFunc(p.Tools, func(x platform.Tool) bool { return some("tool")(x.Name) })
	for i := range e.Lanes {
		e.Lanes[i].Lanes = slices.DeleteFunc(e.Lanes[i].Lanes, func(l platform.Lane) bool { return some("lane")(e.Lanes[i].Agent + " " + l.Name) })
	}
	for _, x := range p.Tools {
		if some("without")(x.Name) {
			e.Without = append(e.Without, x.Name)
		}
	}
}

type failer interface{ Fatalf(string, ...any) }

func noMore(t failer, before, after iam.World) {
	had := map[atom]bool{}
	for _, a := range atoms(before) {
		had[a] = true
	}
	has := map[atom]bool{}
	remains := map[string]bool{}
	for _, a := range atoms(after) {
		has[a], remains[a.where] = true, true
		if a.effect == iam.Allow && !had[a] {
			t.Fatalf("taking something away granted something: %+v", a)
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(had), func(a, b atom) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		if a.effect == iam.Deny && remains[a.where] && !has[a] {
			t.Fatalf("taking something away lifted a refusal: %+v", a)
		}
	}
}

type record struct{ said string }

func (r *record) Fatalf(format string, args ...any) {
	if r.said == "" {
		r.said = fmt.Sprintf(format, args...)
	}
}

func TestNoMoreSeesAGrantAndALiftedRefusal(t *testing.T) {
	for name, change := range map[string]func(*iam.Statement){
		"another action":   func(s *iam.Statement) { s.Actions.Of = append(s.Actions.Of, "s3:GetObject") },
		"another resource": func(s *iam.Statement) { s.Resources.Of = append(s.Resources.Of, "*") },
		"no condition":     func(s *iam.Statement) { s.When = nil },
		"no refusal":       func(s *iam.Statement) { s.Effect = iam.Allow },
	} {
		after := made()
		for i, p := range after.Policies {
			if name == "no refusal" && p.Kind == "managed" || name != "no refusal" && p.ARN.Name() == "acme-prod-memory" {
				for j := range p.Document.Statements {
					change(&after.Policies[i].Document.Statements[j])
				}
			}
		}
		r := &record{}
		noMore(r, made(), after)
		if r.said == "" {
			t.Errorf("%s would pass as taking away", name)
		}
	}
}

func TestAnUndeclaredEnvironmentIntendsNothing(t *testing.T) {
	if w := grants.Intended(acme(), "staging"); len(w.Roles)+len(w.Policies) > 0 {
		t.Errorf("an environment nobody declared has %d roles", len(w.Roles))
	}
	if w := grants.Intended(&platform.Platform{}, ""); len(w.Roles) > 0 {
		t.Errorf("the zero platform has %d roles", len(w.Roles))
	}
}

func TestWhatAGrantIsForCanBeFound(t *testing.T) {
	p := acme()
	p.Places = platform.Places{"agents.clerk": terms.Pos{File: "platform.yaml", Line: 7}, "environments.prod.lanes": terms.Pos{File: "prod.yaml", Line: 9}, "environments": terms.Pos{File: "prod.yaml", Line: 1}, "agents": terms.Pos{File: "platform.yaml", Line: 1}, "tools": terms.Pos{File: "platform.yaml", Line: 2}}
	for _, r := range grants.Intended(p, "prod").Roles {
		if r.From.Line == 0 {
			t.Errorf("%s exists for no declared line; a finding about it could not point anywhere", r.ARN)
		}
	}
}

// A role that nobody may hand to its service is one that cannot be deployed, which no emulator
// that allows everyone everything would notice.
func TestTheDeploymentHandsEachServiceItsRoles(t *testing.T) {
	w := made(func(*platform.Platform, *platform.Environment) {})
	for _, r := range w.Roles {
		for _, s := range r.Trust.Statements {
			for _, service := range s.Principals.Service {
				if service != "lambda.amazonaws.com" && service != "bedrock-agentcore.amazonaws.com" {
					continue
				}
				hand := iam.ARN(strings.ReplaceAll(string(r.ARN), r.ARN.Name(), "bootstrap/acme-prod-bootstrap-execution"))
				asked := iam.Request{Principal: hand, Action: "iam:PassRole", Resource: string(r.ARN), Context: map[string][]string{"iam:PassedToService": {service}}}
				if v := w.Eval(asked); v != iam.Allowed {
					t.Errorf("%s may not hand %s to %s (%s), so it cannot be deployed", hand.Name(), r.ARN.Name(), service, v)
				}
			}
		}
	}
}
