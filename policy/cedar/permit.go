package cedar

import (
	"slices"
	"strings"

	"remit/policy"
	"remit/terms"
)

// permit allows a tool to whoever the reference allows it: a user with a tenant, on one of
// the agent's purposes, with a role that may call the tool and a role that may use the
// agent. Every tag is asked for before it is read, because a policy that errs is skipped
// and a skipped permit is hard to tell from a wrong one in a trace.
//
// The tenant is compared by like: it errs on what is no string, and so denies, where !=
// would find a list of tenants different from the empty string.
func (l *lane) permit(tool string) Policy {
	callers := l.Tools[tool].Callers
	roles := anyOf("  ", holds(callers))
	if !slices.Equal(callers, l.Callers) {
		roles += " &&\n  " + anyOf("  ", holds(l.Callers))
	}
	return Policy{
		Name: l.name("may", tool),
		Why:  "tools." + tool + ".callers, agents." + l.Lane.Agent + ".callers and .purposes",
		Statement: l.head("permit", tool) + "\nwhen {\n" +
			"  " + has("tenant") + " && !(" + get("tenant") + ` like "") &&` + "\n" +
			"  " + has("purpose") + " && " + anyOf("  ", equals("purpose", l.Purposes)) + " &&\n" +
			"  " + has("roles_s") + " && " + roles + "\n};",
	}
}

// head is effect and scope. A policy about an action must name its gateway (developer
// guide, policy-schema-constraints).
func (l *lane) head(effect string, tools ...string) string {
	actions := make([]string, len(tools))
	for i, tool := range tools {
		actions[i] = "AgentCore::Action::" + quote(l.action(tool))
	}
	action := "== " + actions[0]
	if len(actions) > 1 {
		action = "in [\n    " + strings.Join(actions, ",\n    ") + "\n  ]"
	}
	return effect + " (\n  principal is AgentCore::OAuthUser,\n  action " + action + ",\n  resource == AgentCore::Gateway::" + quote(l.gateway) + "\n)"
}

// openTools is every tool that some call could be allowed.
func (l *lane) openTools() []string {
	return slices.DeleteFunc(l.toolNames(), func(name string) bool { return !l.open(name) })
}

// open reports whether any call of the tool could be allowed: by some role, for a purpose
// that no constraint takes from everybody.
func (l *lane) open(name string) bool {
	tool := l.Tools[name]
	return len(tool.Callers) > 0 && len(l.Callers) > 0 && slices.ContainsFunc(l.Purposes, func(purpose string) bool {
		return !slices.ContainsFunc(l.Constraints, func(c policy.Constraint) bool {
			return l.forbids(c, name) && (c.When.Purpose == "" || c.When.Purpose == purpose) &&
				(c.When.UserRole == "" || within(tool.Callers, c.When.UserRoles) || within(l.Callers, c.When.UserRoles))
		})
	})
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// forbids reports whether the engine holds the constraint against the tool. Lane, access
// and data class are settled here: an engine has one lane, and a tool one of each.
func (l *lane) forbids(c policy.Constraint, name string) bool {
	tool, w, f := l.Tools[name], c.When, c.Forbid
	return l.here(c) && w.Hours == terms.Hours{} &&
		(w.Access == "" || w.Access == tool.Access) && (f.Access == "" || f.Access == tool.Access) &&
		(w.DataClass == "" || w.DataClass == tool.DataClass) && (f.DataClass == "" || f.DataClass == tool.DataClass) &&
		(len(f.Tools) == 0 || slices.Contains(f.Tools, name))
}

// here reports whether the constraint speaks of this lane at all.
func (l *lane) here(c policy.Constraint) bool {
	return c.When.Lane == "" || c.When.Lane == l.Lane.Name
}
