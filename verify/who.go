package verify

import (
	"slices"
	"strings"

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
	wanted := want([]string{action}, []string{resource})
	var out []Access
	for _, a := range c.actors {
		f, found := c.can(a, wanted)
		var perhaps *Finding
		if found && isRequest(f.Witness) && w.Eval(f.Witness) != iam.Allowed { // the resource's own policy decides, and is asked next
			perhaps, found = &Finding{Witness: f.Witness, Sid: f.Sid, Unproven: "whether the resource's own policy lets it is not known here"}, false
		}
		for _, p := range c.World.Policies {
			if !found && p.Kind != "managed" && meet(string(p.ARN)+"*", resource) {
				f, found = c.admits(a, p.ARN, p.Document, wanted)
			}
		}
		for _, to := range c.actors {
			if !found && strings.HasPrefix(strings.ToLower(action), "sts:") && meet(string(to.ARN), resource) {
				f, found = c.admits(a, to.ARN, to.Trust, wanted)
			}
		}
		if !found && perhaps != nil && w.Eval(perhaps.Witness) == iam.Unknown {
			f, found = *perhaps, true
		}
		if found {
			out = append(out, Access{Role: a.ARN, Actions: []string{action}, Sid: f.Sid, Witness: f.Witness, Unproven: f.Unproven})
		}
	}
	return nonNil(out)
}

// What lists what a role may do after its boundary and denials: each grant's actions that
// survive, statement by statement.
func What(w iam.World, role iam.ARN) []Access {
	c := open(Case{World: w})
	a, ok := c.byARN[role]
	if !ok {
		return []Access{}
	}
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
			left.Role, left.Sid = role, s.Sid
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

func nonNil(list []Access) []Access {
	if list == nil {
		return []Access{}
	}
	return list
}
