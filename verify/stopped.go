package verify

import (
	"slices"

	"remit/iam"
)

// Stopped finds what refusals above the accounts would take from roles below them: each a
// request that a role's own policies and boundary allow and a control's Deny meets. None means
// that the controls stop nobody in the world from what they are for. A control whose Allows
// leave something out stops more than this looks at.
func Stopped(w iam.World, controls ...iam.Control) []Finding {
	c := open(Case{World: w})
	var out []Finding
	for _, a := range c.actors {
		for _, control := range controls {
			if !control.Resource && slices.Contains(control.Accounts, a.ARN.Account()) {
				out = append(out, c.stopped(a, control)...)
			}
		}
	}
	return sortFindings(out)
}

func (c *court) stopped(a *actor, control iam.Control) []Finding {
	var out []Finding
	for _, d := range control.Documents {
		for _, s := range d.Statements {
			if s.Effect != iam.Deny {
				continue
			}
			s.Effect, s.Sid = iam.Allow, ""
			if f, found := c.can(a, iam.Doc(s)); found {
				f.Rule, f.Sentence = "guardrail", "the guardrail "+control.Level+" stops what it is for"
				out = append(out, f)
			}
		}
	}
	return out
}
