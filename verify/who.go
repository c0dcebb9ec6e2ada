package verify

import (
	"slices"

	"remit/iam"
	"remit/iam/catalog"
)

// Access is one role's answer to a question: what it may do, with a request that shows it.
type Access struct {
	Role     iam.ARN     `json:"role"`
	Actions  []string    `json:"actions,omitempty"`
	Sid      string      `json:"sid,omitempty"`
	Witness  iam.Request `json:"witness,omitzero"`
	Unproven string      `json:"unproven,omitempty"`
}

// Who lists the roles that may do some action on some resource, patterns both, by their own
// policies and boundary and by what resource policies refuse or give. An empty list means:
// proved that none may.
func Who(w iam.World, action, resource string) []Access {
	c := open(Case{World: w})
	asked := iam.Statement{Effect: iam.Allow, Actions: iam.Of(action), Resources: iam.Of(resource)}
	out := []Access{}
	for _, a := range c.actors {
		if f, found := c.may(a, asked); found {
			out = append(out, Access{Role: a.ARN, Actions: []string{action}, Sid: f.Sid, Witness: f.Witness, Unproven: f.Unproven})
		}
	}
	return out
}

// may looks for a request of a statement that a role may make: by its own policies, or by
// the policy of a resource or the trust of a role.
func (c *court) may(a *actor, asked iam.Statement) (Finding, bool) {
	wanted := iam.Doc(asked)
	f, found := c.can(a, wanted)
	var perhaps *Finding
	if found && isRequest(f.Witness) && c.World.Eval(f.Witness) != iam.Allowed { // the resource's own policy decides, and is asked next
		perhaps, found = &Finding{Witness: f.Witness, Sid: f.Sid, Unproven: "whether the resource's own policy lets it is not known here"}, false
	}
	for _, p := range c.World.Policies {
		if !found && p.Kind != "managed" && touches(asked.Resources, string(p.ARN)+"*") {
			f, found = c.admits(a, p.ARN, p.Document, wanted)
		}
	}
	for _, to := range c.actors {
		if !found && mayMatch(asked.Actions, iam.Of("sts:*"), actionsMeet) && touches(asked.Resources, string(to.ARN)) {
			f, found = c.admits(a, to.ARN, to.Trust, wanted)
		}
	}
	if !found && perhaps != nil && c.World.Eval(perhaps.Witness) == iam.Unknown {
		f, found = *perhaps, true
	}
	return f, found
}

func touches(resources iam.Match, pattern string) bool {
	return mayMatch(resources, iam.Of(pattern), resourcesMeet)
}

// left is what a role may do after its boundary and denials: each grant's actions that
// survive, statement by statement.
func (c *court) left(a *actor) []Access {
	var out []Access
	for _, s := range a.within[0].Statements {
		if s.Effect != iam.Allow {
			continue
		}
		var left Access
		for _, action := range actionsOf(s) {
			one := s
			one.Actions = iam.Of(action)
			f, found := c.can(a, iam.Doc(one))
			if !found {
				continue
			}
			left.Actions = append(left.Actions, action)
			if !isRequest(left.Witness) {
				left.Witness, left.Unproven = f.Witness, f.Unproven
			}
		}
		if left.Actions != nil {
			left.Role, left.Sid = a.ARN, s.Sid
			out = append(out, left)
		}
	}
	return nonNil(out)
}

// actionsOf is a statement's actions by name. A list too long to read stays a pattern.
func actionsOf(s iam.Statement) []string {
	if s.Actions.Not {
		return anything
	}
	var out []string
	for _, pattern := range s.Actions.Of {
		all := catalog.Expand(pattern)
		if len(all) == 0 || len(all) > 40 {
			all = []string{pattern}
		}
		out = append(out, all...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nonNil is for programs, which read null and none as two things.
func nonNil[S ~[]E, E any](list S) S {
	if list == nil {
		return S{}
	}
	return list
}
