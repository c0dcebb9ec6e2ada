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

// perForbid is how many actions one forbid names: the longest take half of [MaxStatement],
// and the rest is left for user roles.
const perForbid = 16

// ErrUnsayable is wrapped by every failure to render. Nothing of the bundle may then be
// deployed: an engine that holds a part would look like one that holds all.
var ErrUnsayable = errors.New("cedar: the bundle cannot be said to the policy engine")

// Render is the bundle as policies: the permits in order of their tools, then the forbids
// in order of their constraints. Make them in that order: AgentCore judges each new policy
// by all that the engine holds, and a forbid in an engine without permits is one after
// which nothing can be allowed (developer guide, policy-create-update-validation). The ARN is the gateway's own, because a pattern matches
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
	var f faults
	f.say(l.Lane.IsZero(), "the bundle names no lane")
	f.say(l.gateway == "" || strings.ContainsAny(l.gateway, "*?"), "the gateway is %q: policies need its exact ARN", l.gateway)
	f.words("gateway", l.gateway)
	f.roles("callers", l.Callers)
	f.words("purposes", l.Purposes...)
	for _, name := range l.toolNames() {
		l.sayableTool(name, &f)
	}
	for _, c := range l.Constraints {
		at := "constraints." + c.ID + ".when"
		f.roles(at+".user_role", c.When.UserRoles)
		f.say(c.When.UserRole != "" && len(c.When.UserRoles) == 0, "%s.user_role: nobody is at or above %q", at, c.When.UserRole)
		f.say(!utf8.ValidString(c.When.Purpose), "%s.purpose: %q is no word", at, c.When.Purpose)
	}
	return errors.Join(f...)
}

func (l *lane) sayableTool(name string, f *faults) {
	tool := l.Tools[name]
	if tool == nil {
		f.say(true, "tool %q is null", name)
		return
	}
	f.words("tools", name, tool.Target)
	f.roles("tools."+name+".callers", tool.Callers)
	length := utf8.RuneCountInString(l.action(name))
	f.say(length > MaxAction, "tool %s: its action has %d characters, and a gateway takes %d", name, length, MaxAction)
}

type faults []error

func (f *faults) say(bad bool, format string, args ...any) {
	if bad {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func (f *faults) words(where string, words ...string) {
	for _, w := range words {
		f.say(w == "" || !utf8.ValidString(w), "%s: %q is no word", where, w)
	}
}

func (f *faults) roles(where string, roles []string) {
	f.words(where, roles...)
	for _, role := range roles {
		f.say(strings.Contains(role, "."), "%s: %q holds a dot, which stands between roles", where, role)
	}
}

func withinLimits(policies []Policy) error {
	var f faults
	total, named := 0, map[string]bool{}
	for _, p := range policies {
		f.say(len(p.Statement) > MaxStatement, "%s has %d bytes, and a policy may have %d: name fewer user roles (%s)", p.Name, len(p.Statement), MaxStatement, p.Why)
		f.say(named[p.Name], "two policies would be named %s (%s)", p.Name, p.Why)
		total, named[p.Name] = total+len(p.Statement), true
	}
	f.say(len(policies) > MaxPolicies, "%d policies, and an engine holds %d", len(policies), MaxPolicies)
	f.say(total > MaxStatements, "%d bytes of policies, and a gateway may have %d", total, MaxStatements)
	return errors.Join(f...)
}
