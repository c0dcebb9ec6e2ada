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
		s.Resources = itsOwn(s.Resources, on)
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

// itsOwn is the resource a resource's policy speaks of: itself and its parts, also where it says
// nothing or everything.
func itsOwn(m iam.Match, on iam.ARN) iam.Match {
	if !m.Not && (len(m.Of) == 0 || len(m.Of) == 1 && m.Of[0] == "*") {
		return iam.Of(string(on), string(on)+"/*", string(on)+":*")
	}
	return m
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
// both halves across accounts, and inside one as IAM weighs them. A statement that names the
// role needs no permission of the role's own there; one that names its account does.
func (c *court) admits(a *actor, on iam.ARN, policy iam.Document, wanted iam.Document) (Finding, bool) {
	direct := named(policy, a, itself)
	if on.Account() == a.ARN.Account() && names(direct, a) == itself {
		if docs, possible := about(wanted, append([]iam.Document{whoAsks(direct, on)}, a.within[1:]...)); possible {
			if f, found := c.search(a, append([]iam.Document{wanted}, docs...), denialsOf(a.within)); found {
				return f, true
			}
		}
		policy = named(policy, a, byAccount)
	}
	if names(policy, a) == unnamed {
		return Finding{}, false
	}
	docs, possible := about(wanted, append([]iam.Document{whoAsks(policy, on)}, a.within...))
	if !possible {
		return Finding{}, false
	}
	return c.search(a, append([]iam.Document{wanted}, docs...), nil)
}

// named keeps of a policy the allows that name a role in one way, and every denial.
func named(d iam.Document, a *actor, how naming) iam.Document {
	out := iam.Document{Version: d.Version}
	for _, s := range d.Statements {
		if s.Effect == iam.Deny || names(iam.Doc(s), a) == how {
			out.Statements = append(out.Statements, s)
		}
	}
	return out
}

// denialsOf is what the role's own policies refuse, as documents of what they refuse: a
// resource's policy does not lift that.
func denialsOf(within []iam.Document) []iam.Document {
	var out []iam.Document
	for _, d := range within {
		refused := iam.Document{Version: d.Version}
		for _, s := range d.Statements {
			if s.Effect == iam.Deny {
				s.Effect = iam.Allow
				refused.Statements = append(refused.Statements, s)
			}
		}
		if refused.Statements != nil {
			out = append(out, refused)
		}
	}
	return out
}
