package conformance

import (
	"net/netip"
	"slices"
	"strings"

	"remit/iam"
)

// disagreement is one way in which the engine reads IAM otherwise, and what AWS writes
// about it. read turns a case into one that means to Remit what the original means to the
// engine: a row explains a disagreement only if that makes the verdicts agree.
type disagreement struct {
	name, source string
	read         func(example) example
}

var disagreements = []disagreement{
	{
		"the engine lets a session policy limit what a resource's policy grants the session itself, or everyone",
		"IAM User Guide, access_policies.html, Session policies: such grants are not limited by the session policy",
		sessionsLimited,
	},
	{
		"the engine finds that an address is not outside a single one of the other family",
		"IAM User Guide, reference_policies_elements_condition_operators.html: NotIpAddress is all addresses except the specified ones",
		conditions(func(c iam.Condition, r iam.Request) iam.Condition {
			if strings.HasPrefix(c.Op, "NotIpAddress") && otherFamily(c, r) {
				return never
			}
			return c
		}),
	},
	{
		"the engine does not read ${*} where the operator knows no wildcards",
		"IAM User Guide, reference_policies_variables.html: ${*} stands wherever a policy variable may",
		conditions(func(c iam.Condition, _ iam.Request) iam.Condition {
			if !strings.Contains(c.Op, "Like") {
				c.Values = each(c.Values, func(v string) string { return strings.ReplaceAll(v, "${*}", "\x00") })
			}
			return c
		}),
	},
	{
		"the engine takes a negated comparison with a variable that has no value to fail; Remit does not guess",
		"IAM User Guide, reference_policies_variables.html, Policy variables with no value: there is no equal or like value",
		statements(func(s iam.Statement, r iam.Request) iam.Statement {
			if s.Resources.Not && valueless(s.Resources.Of, r) {
				s.When = append(slices.Clip(s.When), never)
			}
			return rewritten(s, r, func(c iam.Condition, r iam.Request) iam.Condition {
				if op, err := iam.ParseOperator(c.Op); err == nil && op.Negated && valueless(c.Values, r) {
					return never
				}
				return c
			})
		}),
	},
}

// never is a condition that holds of no request: every caller has an account.
var never = iam.When("Null", "aws:PrincipalAccount", "true")

// explained is the rows that together make the verdicts agree, the fewest first.
func explained(c example, theirs string) string {
	for size := 1; size <= len(disagreements); size++ {
		for set := range 1 << len(disagreements) {
			if rows, read := chosen(c, set); len(rows) == size && agree(read.world.Eval(read.request), theirs) {
				return strings.Join(rows, "; and ")
			}
		}
	}
	return ""
}

func chosen(c example, set int) ([]string, example) {
	var rows []string
	for i, d := range disagreements {
		if set&(1<<i) != 0 {
			rows, c = append(rows, d.name+" ("+d.source+")"), d.read(c)
		}
	}
	return rows, c
}

// sessionsLimited puts the session policy above everything, as a control is.
func sessionsLimited(c example) example {
	for _, d := range c.request.Session {
		c.world.Controls = append(slices.Clip(c.world.Controls), iam.Control{Level: "session", Accounts: []string{home}, Documents: []iam.Document{d}})
	}
	return c
}

// otherFamily reports whether a condition names a single address of another family than the
// request's: a range of the other family, the engine takes for what it is.
func otherFamily(c iam.Condition, r iam.Request) bool {
	have := r.Context["aws:SourceIp"]
	if len(have) == 0 {
		return false
	}
	address, err := netip.ParseAddr(have[0])
	return slices.ContainsFunc(c.Values, func(v string) bool {
		single, wrong := netip.ParseAddr(v)
		return err == nil && wrong == nil && single.Is4() != address.Is4()
	})
}

// valueless reports whether a value needs a variable that the request does not give.
func valueless(values []string, r iam.Request) bool {
	return strings.Contains(strings.Join(values, ""), "${aws:PrincipalTag/t}") && len(r.Context["aws:PrincipalTag/t"]) == 0
}

// conditions rewrites every condition of a case.
func conditions(by func(iam.Condition, iam.Request) iam.Condition) func(example) example {
	return statements(func(s iam.Statement, r iam.Request) iam.Statement { return rewritten(s, r, by) })
}

func rewritten(s iam.Statement, r iam.Request, by func(iam.Condition, iam.Request) iam.Condition) iam.Statement {
	when := make([]iam.Condition, len(s.When))
	for i, c := range s.When {
		when[i] = by(c, r)
	}
	s.When = when
	return s
}

// statements rewrites every statement of a case.
func statements(by func(iam.Statement, iam.Request) iam.Statement) func(example) example {
	document := func(d iam.Document, r iam.Request) iam.Document {
		out := iam.Document{Version: d.Version}
		for _, s := range d.Statements {
			out.Statements = append(out.Statements, by(s, r))
		}
		return out
	}
	return func(c example) example {
		r := c.request
		var w iam.World
		for _, role := range c.world.Roles {
			role.Policy, role.Trust = document(role.Policy, r), document(role.Trust, r)
			w.Roles = append(w.Roles, role)
		}
		for _, p := range c.world.Policies {
			p.Document = document(p.Document, r)
			w.Policies = append(w.Policies, p)
		}
		for _, control := range c.world.Controls {
			control.Documents = []iam.Document{document(control.Documents[0], r)}
			w.Controls = append(w.Controls, control)
		}
		var session []iam.Document
		for _, d := range r.Session {
			session = append(session, document(d, r))
		}
		c.world, c.request.Session = w, session
		return c
	}
}

func each(list []string, by func(string) string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = by(s)
	}
	return out
}
