// Package policy decides: may this lane, for this user, call this tool with these
// arguments now, and what of the reply may leave. It is pure: no clock, no I/O, no AWS.
// It knows the compiled [Bundle] of one lane, not the declaration it came from.
// Start with [Bundle.Decide]. The zero Bundle and the zero [Decision] deny.
package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// Request is one tool call to decide. Args are the decoded JSON arguments, Purpose is the
// execution's, At is when. A missing part is never assumed: it denies.
type Request struct {
	User    terms.User
	Lane    terms.Lane
	Purpose string
	Tool    string
	Args    map[string]any
	At      time.Time
}

// Effect is a verdict. The zero value denies.
type Effect bool

// The two verdicts.
const (
	Deny  Effect = false
	Allow Effect = true
)

// String prints the verdict in lower case.
func (e Effect) String() string {
	if e == Allow {
		return "allow"
	}
	return "deny"
}

// Kind names one of the four checks of a tool call.
type Kind uint8

// The four checks, in the order a record lists them.
const (
	Role   Kind = iota // the lane has this tool at all
	Tenant             // the datum belongs to the user's tenant
	RBAC               // the user's role may use the agent and call the tool
	Data               // no argument names what may not leave; the reply is filtered
)

// String prints the check's name.
func (k Kind) String() string {
	return [...]string{"role", "tenant", "rbac", "data"}[k&3]
}

// Check is the verdict of one check and why. The zero Check denies without a reason.
type Check struct {
	Kind   Kind
	Effect Effect
	Reason Reason
}

// Reason is a sentence for operators and the path of the declaration it rests on. It is
// never shown to an agent.
type Reason struct{ Sentence, Rule string }

// Ownership is a fact the store must attest in the transaction that reserves: the named
// datum belongs to the tenant, and where Relation is set, to the user.
type Ownership struct {
	Directory, Datum, Tenant, Relation, User string
}

// Take is one limit the call consumes if it is allowed. The execution holds the limit,
// unless PerUserDay is set: then it is so many a day for the user.
type Take struct {
	Limit         string
	Amount        int64
	PerUserDay    int64
	UnknownCounts bool // of a daily limit: a call whose outcome stays unknown counts
}

// Limits that executions hold. Amounts are calls, tokens and MicroUSD.
const (
	ToolCalls = "tool_calls"
	Tokens    = "tokens"
	ModelCost = "model_cost"
	Cost      = "cost" // models, tools and running time together
)

// Decision is the verdict of all four checks; every check is evaluated, because a record
// explains all of them. Constraints are those that forbid the call. Owner is set when the
// tenant check rests on the store's word: without that word the call is denied.
type Decision struct {
	Checks      [4]Check
	Constraints []Reason
	Owner       *Ownership
	Takes       []Take
}

// Allowed reports whether every check allows and no constraint forbids. With Owner set it
// still depends on the store.
func (d Decision) Allowed() bool {
	for _, c := range d.Checks {
		if c.Effect != Allow {
			return false
		}
	}
	return len(d.Constraints) == 0
}

// Decide runs all four checks and every constraint; it does not stop at the first refusal,
// because the record names each. Its cost does not grow with the number of tools. The zero
// Bundle denies.
func (b *Bundle) Decide(r Request) Decision {
	var d Decision
	tool := b.Tools[r.Tool]
	d.Checks[Role] = b.checkRole(&r, tool)
	d.Checks[Tenant] = checkTenant(&r, tool)
	d.Checks[RBAC] = b.checkRBAC(&r, tool)
	d.Checks[Data] = checkData(&r, tool)
	d.Constraints = b.forbidding(&r, tool)
	if tool != nil {
		d.Owner, d.Takes = handOut(&r, tool, d.Checks[Tenant].Effect)
	}
	return d
}

// handOut makes what a decision hands out, in one allocation. It is the caller's own:
// nobody can write into the bundle, which serves every later call.
func handOut(r *Request, tool *Tool, tenant Effect) (*Ownership, []Take) {
	out := &struct {
		owner Ownership
		takes [3]Take
	}{}
	takes := append(out.takes[:0], tool.takes...)
	if tenant != Allow || tool.Datum == nil {
		return nil, takes
	}
	out.owner = Ownership{Directory: tool.Datum.Directory, Datum: datumOf(r, tool), Tenant: r.User.Tenant, Relation: tool.Datum.Relation}
	if out.owner.Relation != "" {
		out.owner.User = r.User.ID
	}
	return &out.owner, takes
}

// datumOf is the datum the call is about, "" where it does not say.
func datumOf(r *Request, tool *Tool) string {
	datum, _ := r.Args[tool.Datum.Argument].(string)
	return datum
}

func verdict(k Kind, ok bool, yes, no, rule string) Check {
	if ok {
		return Check{Kind: k, Effect: Allow, Reason: Reason{Sentence: yes, Rule: rule}}
	}
	return Check{Kind: k, Effect: Deny, Reason: Reason{Sentence: no, Rule: rule}}
}

// checkRole: is this the lane the bundle was made for, and does it have the tool?
func (b *Bundle) checkRole(r *Request, tool *Tool) Check {
	return verdict(Role, tool != nil && !b.Lane.IsZero() && r.Lane == b.Lane,
		"the lane has this tool", "the lane does not have this tool", b.ruleTools)
}

// checkTenant: a user without a tenant sees nothing; a call about a datum is allowed only
// on the store's word that the tenant owns it.
func checkTenant(r *Request, tool *Tool) Check {
	switch {
	case tool == nil:
		return verdict(Tenant, false, "", "nothing is known of the tool's data", "")
	case r.User.Tenant == "" || r.User.ID == "":
		return verdict(Tenant, false, "", "the user has no tenant", tool.ruleDatum)
	case tool.Datum == nil:
		return verdict(Tenant, true, "the call is about no tenant's datum", "", tool.ruleDatum)
	case datumOf(r, tool) == "":
		return verdict(Tenant, false, "", "the call does not say which datum it is about", tool.ruleDatum)
	}
	return verdict(Tenant, true, "if the directory attests that the user's tenant owns the datum", "", tool.ruleDatum)
}

// checkRBAC: may one of the user's roles use the agent for this purpose, and call the tool?
func (b *Bundle) checkRBAC(r *Request, tool *Tool) Check {
	switch {
	case tool == nil:
		return verdict(RBAC, false, "", "nobody may call a tool the lane does not have", "")
	case !b.callers.any(r.User.Roles):
		return verdict(RBAC, false, "", "no role of the user may use the agent", b.ruleCallers)
	case !b.purposes[r.Purpose]:
		return verdict(RBAC, false, "", "the agent is not for this purpose", b.rulePurposes)
	}
	return verdict(RBAC, tool.callers.any(r.User.Roles), "a role of the user may call the tool", "no role of the user may call the tool", tool.ruleCallers)
}

// checkData: an argument may not ask for what may not leave, by key or by value.
func checkData(r *Request, tool *Tool) Check {
	if tool == nil {
		return verdict(Data, false, "", "nothing may leave a tool the lane does not have", "")
	}
	if r.Args == nil {
		return verdict(Data, false, "", "the call has no arguments that could be looked at", tool.ruleResponse)
	}
	return verdict(Data, !names(r.Args, tool.Never), "the reply is filtered to what is declared", "an argument names a field that may not leave", tool.ruleResponse)
}

// names reports whether a decoded JSON value holds one of the words as a key or as text,
// whatever its case. It cannot look into what JSON does not decode to, which may name
// anything.
func names(value any, words []string) bool {
	if len(words) == 0 {
		return false
	}
	switch v := value.(type) {
	case nil, bool, float64, int, int64, json.Number:
		return false
	case string:
		return among(v, words)
	case []any:
		for _, item := range v {
			if names(item, words) {
				return true
			}
		}
		return false
	case map[string]any:
		for key, item := range v {
			if among(key, words) || names(item, words) {
				return true
			}
		}
		return false
	}
	return true
}

// among compares as encoding/json does with keys, for which "ſcore" is "score": that is how
// a tool may read them.
func among(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, text) })
}

// forbidding is every constraint that refuses the call. A constraint whose context cannot
// be told holds: an unknown hour is every hour.
func (b *Bundle) forbidding(r *Request, tool *Tool) []Reason {
	if tool == nil {
		return nil
	}
	var out []Reason
	if r.At.IsZero() {
		out = append(out, Reason{Sentence: "the call does not say when it is", Rule: "day"})
	}
	for i := range b.Constraints {
		if c := &b.Constraints[i]; c.forbids(r.Tool, tool) && c.holds(r, tool, b.zone) {
			out = append(out, c.reason)
		}
	}
	return out
}

func (c *Constraint) holds(r *Request, tool *Tool, zone *time.Location) bool {
	w := &c.When
	return (w.Lane == "" || w.Lane == r.Lane.Name) &&
		(w.UserRole == "" || c.userRoles.any(r.User.Roles)) &&
		(w.DataClass == "" || w.DataClass == tool.DataClass) &&
		(w.Access == "" || w.Access == tool.Access) &&
		(w.Purpose == "" || w.Purpose == r.Purpose) &&
		(w.Hours == terms.Hours{} || r.At.IsZero() || zone == nil || w.Hours.Contains(r.At.In(zone)))
}

func (c *Constraint) forbids(name string, tool *Tool) bool {
	f := &c.Forbid
	return (f.Access == "" || f.Access == tool.Access) &&
		(f.DataClass == "" || f.DataClass == tool.DataClass) &&
		(len(f.Tools) == 0 || c.tools[name])
}
