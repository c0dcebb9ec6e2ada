// Package cedar says what a lane's policy bundle says in Cedar, for the policy engine of the
// lane's AgentCore gateway: one permit for each tool, one forbid for each constraint. Package
// policy is the reference, and this is a second wall that says the same; it may hold less
// ([Gaps] lists what) and never allows more than the reference does, hours and data aside.
// It is pure: it knows no AWS API and makes no resource. Start with [Render].
//
// The engine sees the delegation token as tags of the principal, the tool's name as the
// action, and the gateway as the resource. The lane itself is in the token's nested claim
// act, and nothing says that a nested claim becomes a tag, so no policy reads it: each lane
// has its own gateway and engine, and the gateway admits no other lane's audience. For the
// same reason user roles are read from roles_s, one string in which every role stands
// between dots, and not from the array beside it.
//
// AgentCore refuses a policy that names an action no target of the gateway serves, and by
// default one after which an action could never be allowed (developer guide,
// policy-create-update-validation). A tool that constraints take from everybody therefore
// gets neither a permit nor a forbid; what has no permit is denied.
package cedar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"remit/policy"
)

// Policy is one Cedar policy: exactly one statement. Why is the place of the declaration
// it comes from, for people; it is no part of the statement.
type Policy struct {
	Name, Statement, Why string
}

// What AgentCore takes (developer guide, bedrock-agentcore-limits; CreatePolicy API). The
// quota of a statement is 10 KB; what is kept back is for the gateway's ARN, which at
// synthesis is a token shorter than the ARN.
const (
	MaxPolicies   = 1000    // in one engine
	MaxStatement  = 10_000  // bytes of one policy
	MaxStatements = 200_000 // bytes of all policies about one gateway
	MaxName       = 48      // characters, and unique in the account
	MaxAction     = 256     // characters of target___tool
)

// perForbid is how many actions one forbid names. The longest action takes 300 bytes of
// [MaxStatement]; half of them are left for user roles.
const perForbid = 16

// ErrUnsayable is wrapped by every failure to render. Nothing of the bundle may then be
// deployed: an engine that holds a part would look like one that holds all.
var ErrUnsayable = errors.New("cedar: the bundle cannot be said to the policy engine")

// Render is the bundle as policies: the permits in order of their tools, then the forbids
// in order of their constraints. The ARN is the gateway's own, because a pattern matches
// nothing here; a CDK token that stands for it is left as it is. Render fails with
// [ErrUnsayable] for what Cedar or AgentCore would misread, and names all of it.
func Render(b *policy.Bundle, gatewayARN string) ([]Policy, error) {
	l := lane{Bundle: b, gateway: gatewayARN}
	if err := l.sayable(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsayable, err)
	}
	var out []Policy
	for _, tool := range l.openTools() {
		out = append(out, l.permit(tool))
	}
	for _, c := range b.Constraints {
		out = append(out, l.forbid(c)...)
	}
	if err := withinLimits(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsayable, err)
	}
	return out, nil
}

// lane is a bundle and the gateway its policies are for.
type lane struct {
	*policy.Bundle
	gateway string
}

func (l *lane) toolNames() []string { return slices.Sorted(maps.Keys(l.Tools)) }

// action is the tool as the gateway names it: target, three underscores, tool (developer
// guide, gateway-add-target-lambda). With two, a policy matches nothing.
func (l *lane) action(tool string) string { return l.Tools[tool].Target + "___" + tool }

// sayable reports every word that would not mean in Cedar what it means in the bundle.
func (l *lane) sayable() error {
	var faults []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	words := func(where string, words ...string) {
		for _, w := range words {
			say(w == "" || !utf8.ValidString(w), "%s: %q is no word", where, w)
		}
	}
	roles := func(where string, roles ...string) {
		words(where, roles...)
		for _, role := range roles {
			say(strings.Contains(role, "."), "%s: %q holds a dot, which stands between roles", where, role)
		}
	}
	say(l.Lane.IsZero(), "the bundle names no lane")
	say(l.gateway == "" || strings.ContainsAny(l.gateway, "*?"), "the gateway is %q: policies need its exact ARN", l.gateway)
	words("gateway", l.gateway)
	roles("callers", l.Callers...)
	words("purposes", l.Purposes...)
	for _, name := range l.toolNames() {
		tool := l.Tools[name]
		if say(tool == nil, "tool %q is null", name); tool == nil {
			continue
		}
		words("tools", name, tool.Target)
		say(len(l.action(name)) > MaxAction, "tool %s: its action has %d characters, at most %d are taken", name, len(l.action(name)), MaxAction)
		roles("tools."+name+".callers", tool.Callers...)
	}
	for _, c := range l.Constraints {
		roles("constraints."+c.ID+".when.user_role", c.When.UserRoles...)
		say(!utf8.ValidString(c.When.Purpose), "constraints.%s.when.purpose: %q is no word", c.ID, c.When.Purpose)
	}
	return errors.Join(faults...)
}

func withinLimits(policies []Policy) error {
	var faults []error
	total, named := 0, map[string]bool{}
	for _, p := range policies {
		total += len(p.Statement)
		if len(p.Statement) > MaxStatement {
			faults = append(faults, fmt.Errorf("%s has %d bytes, and a policy may have %d: name fewer user roles (%s)", p.Name, len(p.Statement), MaxStatement, p.Why))
		}
		if named[p.Name] {
			faults = append(faults, fmt.Errorf("two policies would be named %s (%s)", p.Name, p.Why))
		}
		named[p.Name] = true
	}
	if len(policies) > MaxPolicies {
		faults = append(faults, fmt.Errorf("%d policies, and an engine holds %d", len(policies), MaxPolicies))
	}
	if total > MaxStatements {
		faults = append(faults, fmt.Errorf("%d bytes of policies, and a gateway may have %d", total, MaxStatements))
	}
	return errors.Join(faults...)
}
