package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Canonical is the same world with every list sorted and without repetition, so that
// equal worlds are equal text. Statement order carries no meaning in IAM and is sorted
// by Sid; Why and From are kept.
func (w World) Canonical() World {
	roles := make([]Role, 0, len(w.Roles))
	for _, r := range w.Roles {
		r.Trust, r.Policy = r.Trust.Canonical(), r.Policy.Canonical()
		r.Managed = sorted(r.Managed)
		roles = append(roles, r)
	}
	slices.SortStableFunc(roles, func(a, b Role) int { return cmp.Compare(a.ARN, b.ARN) })
	policies := make([]Policy, 0, len(w.Policies))
	for _, p := range w.Policies {
		p.Document = p.Document.Canonical()
		policies = append(policies, p)
	}
	slices.SortStableFunc(policies, func(a, b Policy) int { return cmp.Compare(a.ARN, b.ARN) })
	return World{Roles: roles, Policies: policies, Controls: w.Controls, Resources: canonicalResources(w.Resources)}
}

// Canonical sorts statements by Sid and each statement's lists.
func (d Document) Canonical() Document {
	statements := make([]Statement, 0, len(d.Statements))
	for _, s := range d.Statements {
		statements = append(statements, s.Canonical())
	}
	slices.SortStableFunc(statements, func(a, b Statement) int { return cmp.Compare(a.Sid, b.Sid) })
	return Document{Version: cmp.Or(d.Version, Version), Statements: statements}
}

// Canonical sorts the lists of a statement. Actions are case-insensitive in IAM, but
// kept as written: two spellings are a difference a reader wants to see.
func (s Statement) Canonical() Statement {
	s.Actions.Of, s.Resources.Of = sorted(s.Actions.Of), sorted(s.Resources.Of)
	s.Principals.AWS = sorted(s.Principals.AWS)
	s.Principals.Service = sorted(s.Principals.Service)
	s.Principals.Federated = sorted(s.Principals.Federated)
	s.Principals.Other = sorted(s.Principals.Other)
	when := make([]Condition, 0, len(s.When))
	for _, c := range s.When {
		c.Values = sorted(c.Values)
		when = append(when, c)
	}
	slices.SortFunc(when, func(a, b Condition) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Op, b.Op), cmp.Compare(strings.Join(a.Values, "\x00"), strings.Join(b.Values, "\x00")))
	})
	s.When = when
	return s
}

func sorted[S ~string](list []S) []S {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}
