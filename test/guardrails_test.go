package test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"remit/assembly"
	"remit/bootstrap"
	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// guarded runs over every environment of both companies with what stands above it.
func guarded(t *testing.T, run func(t *testing.T, p *platform.Platform, e platform.Environment, rails []grants.Guardrail)) {
	t.Helper()
	for _, company := range companies(t) {
		p := declared(t, company)
		for _, e := range p.Environments {
			t.Run(company+" "+e.Name, func(t *testing.T) { run(t, p, e, grants.Guardrails(p, e)) })
		}
	}
}

func controlsOf(rails []grants.Guardrail) []iam.Control {
	var out []iam.Control
	for _, r := range rails {
		out = append(out, r.Control())
	}
	return out
}

func TestNoGuardrailStopsWhatTheDeclarationNeeds(t *testing.T) {
	guarded(t, func(t *testing.T, p *platform.Platform, e platform.Environment, rails []grants.Guardrail) {
		for _, f := range verify.Stopped(grants.Intended(p, e.Name), controlsOf(rails)...) {
			t.Errorf("%s: %s, for example %s on %s (%s)", f.Role, f.Sentence, f.Witness.Action, f.Witness.Resource, f.Unproven)
		}
	})
}

// Whoever forgets an exception hears whom the guardrail would stop.
func TestAGuardrailThatForgetsItsExceptionIsFound(t *testing.T) {
	guarded(t, func(t *testing.T, p *platform.Platform, e platform.Environment, rails []grants.Guardrail) {
		w := grants.Intended(p, e.Name)
		for _, r := range rails {
			for i, s := range r.Document.Statements {
				if len(s.When) == 0 || s.When[len(s.When)-1].Op != "ArnNotLike" {
					continue
				}
				forgetful := r
				forgetful.Document = iam.Doc(slices.Clone(r.Document.Statements)...)
				forgetful.Document.Statements[i].When = s.When[:len(s.When)-1]
				if found := verify.Stopped(w, forgetful.Control()); len(found) == 0 {
					t.Errorf("%s without its exception stops nobody, so it protects nothing that anyone does", s.Sid)
				}
			}
		}
	})
}

// A role of the account that may do everything, as administrators there are, and that roles
// elsewhere trust.
func TestAnAdministratorOfTheAccountIsHeldByEachRefusal(t *testing.T) {
	guarded(t, func(t *testing.T, p *platform.Platform, e platform.Environment, rails []grants.Guardrail) {
		for _, account := range e.Accounts {
			free := administered(p, string(account.ID))
			held := free
			held.Controls = controlsOf(rails)
			for _, r := range rails {
				for _, s := range r.Document.Statements {
					for _, action := range s.Actions.Of {
						request := refused(free.Roles[0], s, action, string(account.ID))
						if got := free.Eval(request); got != iam.Allowed {
							t.Errorf("%s: without guardrails %s on %s is %v for an administrator, so nothing is shown", s.Sid, request.Action, request.Resource, got)
						}
						if got := held.Eval(request); got != iam.Denied {
							t.Errorf("%s: %s on %s is %v for an administrator", s.Sid, request.Action, request.Resource, got)
						}
					}
				}
			}
		}
	})
}

// administered is an administrator of an account, first, and roles elsewhere that trust the
// account.
func administered(p *platform.Platform, account string) iam.World {
	trust := iam.Doc(iam.Statement{Effect: iam.Allow, Actions: iam.Of("sts:AssumeRole"), Principals: iam.Principals{AWS: []string{account}}})
	w := iam.World{Roles: []iam.Role{{ARN: iam.ARN("arn:aws:iam::" + account + ":role/Administrator"), Policy: iam.Doc(iam.Statement{Effect: iam.Allow, Actions: iam.Of("*"), Resources: iam.Of("*")})}}}
	for _, e := range p.Environments {
		for _, a := range e.Accounts {
			w.Roles = append(w.Roles, iam.Role{ARN: iam.ARN("arn:aws:iam::" + string(a.ID) + ":role/x"), Trust: trust})
		}
	}
	return w
}

// refused is a request that a refusal is about.
func refused(by iam.Role, s iam.Statement, action, account string) iam.Request {
	concrete := strings.NewReplacer(":*:", ":"+account+":", "*", "x")
	resource := concrete.Replace(s.Resources.Of[0])
	if resource == "x" {
		resource = "arn:aws:cloudtrail:us-east-1:" + account + ":trail/x"
	}
	r := iam.Request{Principal: by.ARN, Action: concrete.Replace(action), Resource: resource, ResourceAccount: account, Context: map[string][]string{}}
	for _, c := range s.When {
		if c.Key == "dynamodb:LeadingKeys" {
			r.Context[c.Key] = []string{concrete.Replace(c.Values[0])}
		}
	}
	return r
}

func TestNobodyIsHeldInAnotherEnvironmentsAccounts(t *testing.T) {
	p := declared(t, "meridian")
	dev, _ := p.Environment("dev")
	prod, _ := p.Environment("prod")
	for _, r := range grants.Guardrails(p, dev) {
		for _, a := range prod.Accounts {
			if slices.Contains(r.Accounts, string(a.ID)) {
				t.Errorf("%s is over prod's account %s", r.Name, a.ID)
			}
		}
	}
}

// An account has room for five policies, FullAWSAccess among them, of 5,120 characters each.
func TestGuardrailsFitIntoWhatAnOrganizationTakes(t *testing.T) {
	guarded(t, func(t *testing.T, _ *platform.Platform, e platform.Environment, rails []grants.Guardrail) {
		if len(rails) > 4 {
			t.Errorf("%d policies and FullAWSAccess: an account takes five", len(rails))
		}
		for _, r := range rails {
			if n := r.Document.Size(); n > grants.MaxGuardrail {
				t.Errorf("%s has %d characters", r.Name, n)
			}
			for _, s := range r.Document.Statements {
				if s.Effect != iam.Deny || s.Why == "" || s.Sid == "" {
					t.Errorf("%s %s: a guardrail only refuses, and says why", r.Name, s.Sid)
				}
			}
		}
		if piped := len(rails) == 4; piped != e.Deploy.OnlyPipeline() {
			t.Errorf("%d guardrails where deploy.by is %v", len(rails), e.Deploy.By)
		}
	})
}

// TestTheOrganizationsTemplateHoldsEveryGuardrail is about both ways there: the template that
// remit guardrails prints, and the stack that is synthesized.
func TestTheOrganizationsTemplateHoldsEveryGuardrail(t *testing.T) {
	for _, company := range companies(t) {
		p := declared(t, company)
		printed, err := assembly.Parse(bootstrap.Guardrails(p), "printed", string(p.SharedSite(platform.OrganizationAccount).Account), p.Shared.Region)
		if err != nil {
			t.Fatal(err)
		}
		holdsEveryGuardrail(t, p, printed)
		stacks := stacksOf(t, company)
		i := slices.IndexFunc(stacks, func(s assembly.Stack) bool { return s.Account == printed.Account })
		if i < 0 {
			t.Fatalf("%s: nothing is synthesized for the organization's account", company)
		}
		holdsEveryGuardrail(t, p, stacks[i])
	}
}

func holdsEveryGuardrail(t *testing.T, p *platform.Platform, s assembly.Stack) {
	t.Helper()
	n := 0
	for _, e := range p.Environments {
		for _, r := range grants.Guardrails(p, e) {
			n++
			got := s.Template.Resources[platform.Pascal(r.Name)]
			is := jsonOf(t, got.Type, got.Properties["Type"], got.Properties["Name"], got.Properties["TargetIds"], got.Properties["Content"])
			if want := jsonOf(t, "AWS::Organizations::Policy", "SERVICE_CONTROL_POLICY", r.Name, r.Accounts, r.Document.Value()); is != want {
				t.Errorf("%s of %s is\n%s\nwant\n%s", r.Name, s.Name, is, want)
			}
		}
	}
	if len(s.Template.Resources) != n {
		t.Errorf("%s has %d resources for %d guardrails", s.Name, len(s.Template.Resources), n)
	}
}

func jsonOf(t *testing.T, values ...any) string {
	t.Helper()
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
