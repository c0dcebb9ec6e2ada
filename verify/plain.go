package verify

import (
	"slices"
	"strings"

	"remit/iam"
)

// plainly reports that a document allows all of a statement, where that can be read off the
// text: every action on every resource is named, or begins as something named that ends in *,
// in an allow without conditions, and no denial may touch it. Most grants can be read so, and
// the prover is asked about the others.
func plainly(s iam.Statement, d iam.Document) bool {
	if s.Actions.Not || s.Resources.Not || len(s.Actions.Of) == 0 || len(s.Resources.Of) == 0 {
		return false
	}
	var allows []iam.Statement
	for _, t := range d.Statements {
		switch {
		case t.Effect == iam.Deny && mayMeet(t, s):
			return false
		case t.Effect == iam.Allow && len(t.When) == 0 && t.Principals.IsZero() && !t.Actions.Not && !t.Resources.Not:
			allows = append(allows, t)
		}
	}
	for _, action := range s.Actions.Of {
		for _, resource := range s.Resources.Of {
			if !slices.ContainsFunc(allows, func(t iam.Statement) bool {
				return slices.ContainsFunc(t.Actions.Of, func(a string) bool { return begins(strings.ToLower(action), strings.ToLower(a)) }) &&
					slices.ContainsFunc(t.Resources.Of, func(r string) bool { return begins(resource, r) })
			}) {
				return false
			}
		}
	}
	return true
}

// begins reports that whatever matches the text matches the pattern: they are the same, or the
// text begins with what stands before the pattern's only wildcard, a * at its end.
func begins(text, pattern string) bool {
	if text == pattern {
		return true
	}
	prefix, isOpen := strings.CutSuffix(pattern, "*")
	return isOpen && !strings.ContainsAny(prefix, "*?$") && strings.HasPrefix(text, prefix)
}
