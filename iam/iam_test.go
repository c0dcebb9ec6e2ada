package iam

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestZeroValuesDeny(t *testing.T) {
	if (Statement{}).Effect != Deny {
		t.Error("a zero statement must deny")
	}
	if (Verdict)(0) != Denied || Verdict(9).String() != "unknown" {
		t.Error("a zero verdict must deny, and an unheard-of one must not allow")
	}
	if got := string((Document{}).JSON()); got != `{"Statement":[],"Version":"2012-10-17"}` {
		t.Errorf("a zero document must grant nothing, got %s", got)
	}
	if d := Diff(World{}, World{}); d != nil {
		t.Errorf("two empty worlds differ: %v", d)
	}
}

func memoryReader() Role {
	return Role{
		ARN:      "arn:aws:iam::111111111111:role/remit/reader",
		Boundary: "arn:aws:iam::111111111111:policy/remit/fence/agent",
		Session:  15 * time.Minute,
		Trust: Doc(Statement{Sid: "Runtime", Why: "only the runtime", Effect: Allow, Principals: Principals{Service: []string{"bedrock-agentcore.amazonaws.com"}},
			Actions: Of("sts:AssumeRole"), When: []Condition{When("StringEquals", "aws:SourceAccount", "111111111111")}}),
		Policy: Doc(
			Statement{Sid: "ReadMemory", Why: "an agent recalls its tenant's memories and nothing else", Effect: Allow,
				Actions: Of("dynamodb:Query", "dynamodb:GetItem"), Resources: Of("arn:aws:dynamodb:us-east-1:111111111111:table/memory"),
				When: []Condition{When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "AGENT#a#*"), When("Null", "dynamodb:LeadingKeys", "false")}},
			Statement{Sid: "NoEscalation", Why: "it may not become anyone", Effect: Deny, Actions: Of("iam:*", "sts:AssumeRole"), Resources: Of("*")}),
	}
}

func TestARoleReadsLikeProse(t *testing.T) {
	got := World{Roles: []Role{memoryReader()}}.Text(View{Title: "# dev / platform", Names: map[string]string{"111111111111": "platform"}})
	want := `# dev / platform

role /remit/reader                                                session 15m   policy 404 of 10240 characters
  boundary  agent
  trusted by
    service bedrock-agentcore.amazonaws.com                               Runtime
      for   sts:AssumeRole
      when  aws:SourceAccount = platform
      why   only the runtime
  may
    dynamodb:GetItem, dynamodb:Query                                      ReadMemory
      on    arn:aws:dynamodb:us-east-1:platform:table/memory
      when  each dynamodb:LeadingKeys like AGENT#a#*
            dynamodb:LeadingKeys is present
      why   an agent recalls its tenant's memories and nothing else
  may never
    iam:*, sts:AssumeRole                                                 NoEscalation
      on    *
      why   it may not become anyone
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestEverySingleChangeToARoleIsADifference(t *testing.T) {
	for name, change := range map[string]func(*Role){
		"boundary dropped":     func(r *Role) { r.Boundary = "" },
		"session lengthened":   func(r *Role) { r.Session = time.Hour },
		"trust condition lost": func(r *Role) { r.Trust.Statements[0].When = nil },
		"trust opened":         func(r *Role) { r.Trust.Statements[0].Principals.AWS = []string{"*"} },
		"action added": func(r *Role) {
			r.Policy.Statements[0].Actions.Of = append(r.Policy.Statements[0].Actions.Of, "dynamodb:Scan")
		},
		"effect flipped":        func(r *Role) { r.Policy.Statements[1].Effect = Allow },
		"negation flipped":      func(r *Role) { r.Policy.Statements[0].Resources.Not = true },
		"statement repeated":    func(r *Role) { r.Policy.Statements = append(r.Policy.Statements, r.Policy.Statements[0]) },
		"statement dropped":     func(r *Role) { r.Policy.Statements = r.Policy.Statements[:1] },
		"managed policy added":  func(r *Role) { r.Managed = []ARN{"arn:aws:iam::aws:policy/AdministratorAccess"} },
		"older policy language": func(r *Role) { r.Policy.Version = "2008-10-17" },
	} {
		changed := memoryReader()
		change(&changed)
		if got := Diff(World{Roles: []Role{memoryReader()}}, World{Roles: []Role{changed}}); len(got) != 1 {
			t.Errorf("%s: want one difference, got %v", name, got)
		}
	}
}

func TestAMissingRoleIsOneDifferenceNotOnePerStatement(t *testing.T) {
	got := Diff(World{Roles: []Role{memoryReader()}}, World{})
	if len(got) != 1 || got[0].What != "role" {
		t.Errorf("got %v", got)
	}
}

func TestOrderAndRepetitionAreNotDifferences(t *testing.T) {
	shuffled := memoryReader()
	shuffled.Policy.Statements[0], shuffled.Policy.Statements[1] = shuffled.Policy.Statements[1], shuffled.Policy.Statements[0]
	shuffled.Policy.Statements[1].Actions = Of("dynamodb:GetItem", "dynamodb:Query", "dynamodb:GetItem")
	if got := Diff(World{Roles: []Role{memoryReader()}}, World{Roles: []Role{shuffled}}); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestAnUnknownElementIsAnErrorAndNeverDropped(t *testing.T) {
	for name, text := range map[string]string{
		"unknown element":          `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Conditon":{}}}`,
		"unknown top element":      `{"Statment":[]}`,
		"unknown effect":           `{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`,
		"no effect":                `{"Statement":{"Action":"*","Resource":"*"}}`,
		"unknown principal kind":   `{"Statement":{"Effect":"Allow","Principal":{"Robot":"x"},"Action":"*"}}`,
		"intrinsic left unsolved":  `{"Statement":{"Effect":"Allow","Action":"*","Resource":{"Ref":"X"}}}`,
		"condition of wrong shape": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":["a"]}}}`,
		"not an object":            `[]`,
		"not JSON":                 `{`,
		"too large":                `"` + strings.Repeat("x", MaxDocument) + `"`,
	} {
		if d, err := ParseDocument([]byte(text)); err == nil {
			t.Errorf("%s was read as %v", name, d)
		}
	}
}

func TestADocumentWithoutAVersionIsTheOldLanguage(t *testing.T) {
	d, err := ParseDocument([]byte(`{"Statement":[]}`))
	if err != nil || d.Version != "2008-10-17" {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestParsingWhatWasPrintedGivesTheSameDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDocument(t).Canonical()
		back, err := ParseDocument(d.JSON())
		if err != nil {
			t.Fatalf("%s: %v", d.JSON(), err)
		}
		if back = back.Canonical(); !reflect.DeepEqual(back, d) {
			t.Fatalf("\n got %#v\nwant %#v", back, d)
		}
	})
}

// anyDocument draws statements from small pools whose members nearly collide.
func anyDocument(t *rapid.T) Document {
	some := func(label string, pool ...string) []string {
		list := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 1, len(pool), rapid.ID[string]).Draw(t, label)
		return list
	}
	var out Document
	for i := range rapid.IntRange(0, 4).Draw(t, "statements") {
		s := Statement{Sid: string(rune('A' + i)), Effect: Effect(rapid.Bool().Draw(t, "allow"))}
		s.Actions = Match{Not: rapid.Bool().Draw(t, "not action"), Of: some("actions", "s3:*", "S3:GetObject", "*", "iam:Pass?ole")}
		if rapid.Bool().Draw(t, "trust") {
			s.Principals = Principals{Not: rapid.Bool().Draw(t, "not principal"), AWS: some("aws", "*", "111111111111", "arn:aws:iam::111111111111:root"), Service: some("service", "lambda.amazonaws.com")}
		} else {
			s.Resources = Match{Not: rapid.Bool().Draw(t, "not resource"), Of: some("resources", "*", "arn:aws:s3:::a", "arn:aws:s3:::a/*")}
		}
		s.When = []Condition{}
		if rapid.Bool().Draw(t, "condition") {
			s.When = append(s.When, When(rapid.SampledFrom([]string{"StringEquals", "Null", "ForAllValues:StringLike"}).Draw(t, "op"), "aws:PrincipalTag/x", some("values", "", "true", "<&>", "${aws:username}")...))
		}
		out.Statements = append(out.Statements, s)
	}
	if out.Statements == nil {
		out.Statements = []Statement{}
	}
	return out
}

func FuzzParseDocumentNeverPanics(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if d, err := ParseDocument(text); err == nil {
			d.JSON()
			World{Policies: []Policy{{ARN: "a", Kind: "managed", Document: d}}}.Text(View{})
		}
	})
}
