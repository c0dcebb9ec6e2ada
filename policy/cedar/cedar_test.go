package cedar

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"remit/platform"
	"remit/platform/load"
	"remit/policy"
	"remit/terms"
)

var update = flag.Bool("update", false, "rewrite the golden files instead of comparing with them")

const today = terms.Date("2026-11-23")

const someGateway = "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/some-gateway-abcdefghij"

func company(t *testing.T, name string) *platform.Platform {
	t.Helper()
	p, err := load.Dir(filepath.Join("../../environments", name), today)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// arn is the gateway's ARN as AgentCore would complete it.
func arn(l platform.Running) string {
	return strings.ReplaceAll(l.GatewayPattern(), "??????????", "abcdefghij")
}

func loaded(t *testing.T, b policy.Bundle) *policy.Bundle {
	t.Helper()
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	out, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rendered(t *testing.T, b *policy.Bundle, gateway string) []Policy {
	t.Helper()
	policies, err := Render(b, gateway)
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

// small has two roles of which one is a part of the other's name, and a constraint of
// every kind that is rendered.
func small() policy.Bundle {
	tool := func(target string, access terms.Access, callers ...string) *policy.Tool {
		return &policy.Tool{Target: target, Access: access, DataClass: "PII", Callers: callers, Allow: []string{"$.x"}, Audit: policy.Audit{Input: "hash", Output: "hash"},
			Input: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}`)}
	}
	return policy.Bundle{
		Format: policy.Format, Lane: terms.Lane{Platform: "acme", Environment: "dev", Agent: "desk", Name: "stable"}, Day: "UTC",
		Callers: []string{"lead", "team_lead"}, Purposes: []string{"sales", "care", "help"},
		Tools: map[string]*policy.Tool{"look_up": tool("look-up", terms.Read, "lead", "team_lead"), "file": tool("file", terms.Write, "lead")},
		Constraints: []policy.Constraint{
			{ID: "no-sales-writes", When: policy.When{Purpose: "sales"}, Forbid: policy.Forbid{Access: terms.Write}},
			{ID: "no-leads-in-care", When: policy.When{UserRole: "team_lead", UserRoles: []string{"team_lead"}, Purpose: "care"}, Forbid: policy.Forbid{DataClass: "PII"}},
			{ID: "at-night", When: policy.When{Hours: terms.Hours{From: "22:00", To: "06:00"}}, Forbid: policy.Forbid{Access: terms.Write}},
			{ID: "elsewhere", When: policy.When{Lane: "canary"}, Forbid: policy.Forbid{Access: terms.Write}},
		},
	}
}

func TestPoliciesOfEveryKindAreTheReviewedOnes(t *testing.T) {
	b := small()
	golden(t, "acme-dev-desk-stable.cedar", page(rendered(t, &b, someGateway), Gaps(&b)))
}

func TestTheWorkedCompaniesPoliciesAreTheReviewedOnes(t *testing.T) {
	for _, name := range []string{"meridian", "lumen"} {
		p := company(t, name)
		e, _ := p.Environment("prod")
		for _, l := range p.Lanes(e) {
			if l.Lane != "stable" {
				continue
			}
			b := p.Bundle(l)
			file := l.Named(l.Agent, l.Lane)
			golden(t, file+".cedar", page(rendered(t, &b, arn(l)), Gaps(&b)))
			text, err := Schema(&b)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file+".cedarschema", madeBy+string(text))
		}
	}
}

const madeBy = "// made by: go test ./policy/cedar -run Reviewed -update\n"

func page(policies []Policy, gaps []Gap) string {
	var out strings.Builder
	out.WriteString(madeBy)
	for _, p := range policies {
		fmt.Fprintf(&out, "\n// %s (%d bytes)\n// from %s\n%s\n", p.Name, len(p.Statement), p.Why, p.Statement)
	}
	out.WriteString("\n// What the engine does not hold and the interceptors do:\n")
	for _, g := range gaps {
		fmt.Fprintf(&out, "//   %s: %s\n", g.Rule, g.Why)
	}
	return out.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile(path)
	if string(want) != got {
		t.Errorf("%s is not what was reviewed (-update rewrites it)\ngot:\n%s", path, got)
	}
}

// invalid is what Cedar's strict validator says against the policies under the bundle's
// own schema.
func invalid(t *testing.T, b *policy.Bundle, policies []Policy) error {
	t.Helper()
	text, err := Schema(b)
	if err != nil {
		t.Fatal(err)
	}
	var s schema.Schema
	if err := s.UnmarshalCedar(text); err != nil {
		t.Fatalf("the schema does not parse: %v\n%s", err, text)
	}
	resolved, err := s.Resolve()
	if err != nil {
		t.Fatalf("the schema does not resolve: %v\n%s", err, text)
	}
	v := validate.New(resolved)
	var faults []error
	for _, p := range policies {
		var parsed cedar.Policy
		if err := parsed.UnmarshalCedar([]byte(p.Statement)); err != nil {
			t.Fatalf("%s does not parse: %v\n%s", p.Name, err, p.Statement)
		}
		faults = append(faults, v.Policy(p.Name, (*ast.Policy)(parsed.AST())))
	}
	return errors.Join(faults...)
}

func TestEveryCompanysPoliciesSatisfyTheSchemaOfTheirGateway(t *testing.T) {
	for _, name := range []string{"meridian", "lumen"} {
		p := company(t, name)
		for _, e := range p.Environments {
			for _, l := range p.Lanes(e) {
				b := p.Bundle(l)
				if err := invalid(t, &b, rendered(t, &b, arn(l))); err != nil {
					t.Errorf("%s: AgentCore would refuse:\n%v", l.Term(), err)
				}
			}
		}
	}
	b := small()
	if err := invalid(t, &b, rendered(t, &b, someGateway)); err != nil {
		t.Error(err)
	}
}

var toolAction = regexp.MustCompile(`action "[^"]*___([^"]*)" in \["CallTool"\]`)

func TestTheSchemaHasAnActionForEveryTargetAndForNoOther(t *testing.T) {
	for _, name := range []string{"meridian", "lumen"} {
		p := company(t, name)
		for _, e := range p.Environments {
			for _, l := range p.Lanes(e) {
				b := p.Bundle(l)
				text, err := Schema(&b)
				if err != nil {
					t.Fatal(err)
				}
				var served, want []string
				for _, match := range toolAction.FindAllStringSubmatch(string(text), -1) {
					served = append(served, match[1])
				}
				for _, tool := range l.Tools {
					want = append(want, tool.Name)
				}
				slices.Sort(want)
				if !slices.Equal(served, want) {
					t.Errorf("%s: policies may name %v and the gateway has targets for %v", l.Term(), served, want)
				}
			}
		}
	}
}

func TestAnArgumentHasItsCedarTypeAndOneOfNoSingleTypeIsLeftOut(t *testing.T) {
	b := small()
	b.Tools["file"].Input = json.RawMessage(`{"type":"object","required":["s","o"],"properties":{
		"s":{"type":"string"},"i":{"type":"integer"},"b":{"type":"boolean"},"n":{"type":"number"},
		"a":{"type":"array","items":{"type":"integer"}},"o":{"type":"object","properties":{"in \"side":{"type":"string"}}},
		"two":{"type":["string","null"]},"any":true,"bare":{"type":"array"},"ref":{"$ref":"#/x"},"enum":{"enum":[1]}}}`)
	text, err := Schema(&b)
	want := `{ "input": { "a"?: Set<Long>, "b"?: Bool, "i"?: Long, "n"?: decimal, "o": { "in \"side"?: String }, "s": String } }`
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("want %s in (%v)\n%s", want, err, text)
	}
	if err := invalid(t, &b, rendered(t, &b, someGateway)); err != nil {
		t.Error(err)
	}
	b.Tools["file"].Input = json.RawMessage(`[]`)
	if _, err := Schema(&b); !errors.Is(err, ErrUnsayable) {
		t.Errorf("an input that is no schema became one (%v)", err)
	}
}

var policyName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func TestNamesAreShortStableAndNeverShared(t *testing.T) {
	seen := map[string]string{}
	for _, agent := range []string{"a", "a-b", "a_b", strings.Repeat("long-", 9) + "er", strings.Repeat("long-", 9) + "es"} {
		for _, tool := range []string{"x", "x-y", "x_y", "may", strings.Repeat("tool_", 9) + "one", strings.Repeat("tool_", 9) + "two"} {
			for _, verb := range []string{"may", "never"} {
				l := lane{Bundle: &policy.Bundle{Lane: terms.Lane{Platform: "p", Environment: "e", Agent: agent, Name: "s"}}}
				name, of := l.name(verb, tool), agent+" "+verb+" "+tool
				if !policyName.MatchString(name) || len(name) > MaxName {
					t.Errorf("%s: AgentCore would refuse the name %s (%d characters)", of, name, len(name))
				}
				if seen[name] != "" {
					t.Errorf("%s and %s are both named %s, and one would replace the other", of, seen[name], name)
				}
				seen[name] = of
			}
		}
	}
	l := lane{Bundle: &policy.Bundle{Lane: terms.Lane{Platform: "meridian", Environment: "prod", Agent: "loan-processor", Name: "stable"}}}
	for tool, want := range map[string]string{"pull_credit_report": "prod_loan_proc_may_pull_credit_report_z25rlarax7", "read_loan_book": "prod_loan_processo_may_read_loan_book_gh5l622vyq"} {
		if got := l.name("may", tool); got != want {
			t.Errorf("%s: its policy is renamed from %s to %s, so the engine would lose and gain one", tool, want, got)
		}
	}
}

// many is a bundle of n tools with as many roles each.
func many(tools, roles int, role string) policy.Bundle {
	b := small()
	b.Constraints, b.Callers, b.Tools = nil, nil, map[string]*policy.Tool{}
	for i := range roles {
		b.Callers = append(b.Callers, fmt.Sprintf("%s%d", role, i))
	}
	for i := range tools {
		tool := *small().Tools["file"]
		tool.Callers, tool.Target = b.Callers, fmt.Sprintf("t%d", i)
		b.Tools[fmt.Sprintf("t%d", i)] = &tool
	}
	return b
}

func TestWhatAgentCoreWouldNotTakeIsRefusedHere(t *testing.T) {
	spoil := func(change func(*policy.Bundle)) policy.Bundle {
		b := small()
		change(&b)
		return b
	}
	for name, c := range map[string]struct {
		bundle  policy.Bundle
		gateway string
		says    string
	}{
		"no lane":                   {policy.Bundle{}, someGateway, "names no lane"},
		"no gateway":                {small(), "", "exact ARN"},
		"a pattern for the gateway": {small(), "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/g-??????????", "exact ARN"},
		"a role with a dot":         {spoil(func(b *policy.Bundle) { b.Callers = []string{"a.b"} }), someGateway, "holds a dot"},
		"a caller with a dot":       {spoil(func(b *policy.Bundle) { b.Tools["file"].Callers = []string{"a.b"} }), someGateway, "holds a dot"},
		"a constraint with a dot":   {spoil(func(b *policy.Bundle) { b.Constraints[1].When.UserRoles = []string{"a.b"} }), someGateway, "holds a dot"},
		"a role of nobody":          {spoil(func(b *policy.Bundle) { b.Constraints[1].When.UserRoles = nil }), someGateway, "nobody is at or above"},
		"an empty role":             {spoil(func(b *policy.Bundle) { b.Callers = []string{""} }), someGateway, "no word"},
		"an empty purpose":          {spoil(func(b *policy.Bundle) { b.Purposes = []string{""} }), someGateway, "no word"},
		"text that is no UTF-8":     {spoil(func(b *policy.Bundle) { b.Purposes = []string{"\xff"} }), someGateway, "no word"},
		"a tool that is null":       {spoil(func(b *policy.Bundle) { b.Tools["file"] = nil }), someGateway, "is null"},
		"an action of 257":          {spoil(func(b *policy.Bundle) { b.Tools["file"].Target = strings.Repeat("x", 250) }), someGateway, "257 characters"},
		"a statement too large":     {many(1, 150, strings.Repeat("r", 40)), someGateway, "name fewer user roles"},
		"1001 policies":             {many(1001, 1, "r"), someGateway, "1001 policies"},
		"too much for one gateway":  {many(200, 12, strings.Repeat("r", 30)), someGateway, "bytes of policies"},
	} {
		if policies, err := Render(&c.bundle, c.gateway); policies != nil || !errors.Is(err, ErrUnsayable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %d policies and %v, want an error that says %q", name, len(policies), err, c.says)
		}
	}
}

func TestAConstraintOverManyToolsStaysWithinEveryLimit(t *testing.T) {
	b := many(150, 2, "r")
	b.Constraints = []policy.Constraint{{ID: "all", When: policy.When{Purpose: "sales"}, Forbid: policy.Forbid{Access: terms.Write}}}
	policies := rendered(t, &b, someGateway)
	forbidden := 0
	for _, p := range policies {
		if len(p.Name) > MaxName || !policyName.MatchString(p.Name) || len(p.Statement) > MaxStatement {
			t.Errorf("%s: %d bytes", p.Name, len(p.Statement))
		}
		if strings.HasPrefix(p.Statement, "forbid") {
			forbidden += strings.Count(p.Statement, "AgentCore::Action::")
		}
	}
	if forbidden != 150 {
		t.Errorf("the constraint refuses %d tools, want 150", forbidden)
	}
}

func TestATokenThatStandsForTheGatewayIsLeftAsItIs(t *testing.T) {
	b := small()
	const token = "${Token[TOKEN.20]}"
	for _, p := range rendered(t, &b, token) {
		if !strings.Contains(p.Statement, `resource == AgentCore::Gateway::"`+token+`"`) {
			t.Errorf("CloudFormation would not find the gateway's ARN in\n%s", p.Statement)
		}
	}
}

func TestAToolThatConstraintsTakeFromEverybodyIsNotNamed(t *testing.T) {
	for name, when := range map[string][]policy.When{
		"on the lane":       {{Lane: "stable"}},
		"for its access":    {{Access: terms.Write}},
		"for every purpose": {{Purpose: "sales"}, {Purpose: "care"}, {Purpose: "help"}},
		"for every caller":  {{UserRole: "lead", UserRoles: []string{"lead", "team_lead"}}},
	} {
		b := small()
		b.Constraints = nil
		for i, w := range when {
			b.Constraints = append(b.Constraints, policy.Constraint{ID: fmt.Sprint("c", i), When: w, Forbid: policy.Forbid{Tools: []string{"file"}}})
		}
		for _, p := range rendered(t, &b, someGateway) {
			if strings.Contains(p.Statement, "file___file") {
				t.Errorf("%s: AgentCore would refuse a policy after which nobody can call the tool:\n%s", name, p.Statement)
			}
		}
	}
}

func TestWhatTheEngineDoesNotHoldIsListed(t *testing.T) {
	b := small()
	b.Tools["file"].Datum = &policy.Datum{Directory: "d", Argument: "id"}
	b.Tools["file"].Never, b.Tools["file"].PerUserDay = []string{"secret"}, 3
	b.Tools["file"].Confirmation, b.Tools["file"].Once = &policy.Confirmation{Seconds: 1}, &policy.Once{Seconds: 1}
	var got []string
	for _, g := range Gaps(&b) {
		got = append(got, g.Rule)
	}
	want := []string{"agents.desk", "constraints.at-night", "environments.dev.limits.tools.file", "tools.file.confirmation", "tools.file.datum", "tools.file.idempotency",
		"tools.file.response", "tools.file.response.never", "tools.look_up.response"}
	if !slices.Equal(got, want) {
		t.Errorf("an operator would believe the engine holds more than it does\ngot  %v\nwant %v", got, want)
	}
}
