package verify

import (
	"slices"
	"strings"

	"remit/iam"
)

// A trust or resource policy says who, in its own element. Here that becomes conditions on
// who asks, so that one question covers principals and conditions alike: an account is
// aws:PrincipalAccount, a role aws:PrincipalArn, everyone nothing.

// whoAsks is a resource's policy as such conditions. Services and identity providers are left
// out: they are judged by what the statement says of them. on is the resource, for
// statements that name none.
func whoAsks(d iam.Document, on iam.ARN) iam.Document {
	out := iam.Document{Version: d.Version}
	for _, s := range d.Statements {
		if len(s.Resources.Of) == 0 {
			s.Resources = iam.Of(string(on))
		}
		if s.Principals.Not {
			out.Statements = append(out.Statements, exceptFor(s))
			continue
		}
		for _, who := range s.Principals.AWS {
			out.Statements = append(out.Statements, from(s, who))
		}
	}
	return out
}

// from is the statement for one principal.
func from(s iam.Statement, who string) iam.Statement {
	s.Principals = iam.Principals{}
	switch account := accountOf(who); {
	case who == "*":
	case account != "" && isRoot(who):
		s.When = append(slices.Clone(s.When), iam.When("StringEquals", "aws:PrincipalAccount", account))
	default:
		s.When = append(slices.Clone(s.When), iam.When("ArnEquals", "aws:PrincipalArn", who))
	}
	return s
}

// exceptFor is a statement with NotPrincipal: everyone but those, read wide for an Allow. A
// Deny that spares someone refuses nobody here for certain.
func exceptFor(s iam.Statement) iam.Statement {
	s.Principals = iam.Principals{}
	if s.Effect == iam.Deny {
		s.Actions = iam.Match{}
	}
	return s
}

func isRoot(who string) bool {
	return len(who) == 12 && strings.Trim(who, "0123456789") == "" || iam.ARN(who).Part(5) == "root"
}

func accountOf(who string) string {
	if isRoot(who) && !strings.HasPrefix(who, "arn:") {
		return who
	}
	return iam.ARN(who).Account()
}

// naming says how a policy names a role: not at all, by its account, or itself. Named
// itself, or as everyone, inside its account, the role needs no permission of its own
// (IAM User Guide, reference_policies_evaluation-logic_policy-eval-basics).
type naming uint8

const (
	unnamed naming = iota
	byAccount
	itself
)

func names(d iam.Document, a *actor) naming {
	out := unnamed
	for _, s := range d.Statements {
		if s.Effect != iam.Allow {
			continue
		}
		if s.Principals.Not {
			out = itself
		}
		for _, who := range s.Principals.AWS {
			switch {
			case who == "*" || iam.ARN(who) == a.ARN || strings.HasPrefix(iam.ARN(who).Part(5), "assumed-role/"+a.ARN.Name()+"/") && accountOf(who) == a.ARN.Account():
				out = itself
			case isRoot(who) && accountOf(who) == a.ARN.Account():
				out = max(out, byAccount)
			}
		}
	}
	return out
}

// admits looks for a request by which a role uses a resource through the resource's policy:
// both halves across accounts, and inside one as IAM weighs them.
func (c *court) admits(a *actor, on iam.ARN, policy iam.Document, wanted iam.Document) (Finding, bool) {
	how := names(policy, a)
	if how == unnamed {
		return Finding{}, false
	}
	within := []iam.Document{wanted, whoAsks(policy, on)}
	if how == itself && on.Account() == a.ARN.Account() {
		return c.search(a, append(within, a.within[1:]...), nil)
	}
	for _, s := range wanted.Statements {
		if a.words.mayBe(s.Actions.Of) {
			return c.search(a, append(within, a.within...), nil)
		}
	}
	return Finding{}, false
}
