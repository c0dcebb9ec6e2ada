package platform

import (
	"encoding/json"
	"time"

	"remit/policy"
)

// Bundle is what the lane's interceptors decide by: the lane's own tools and nobody
// else's, with inclusion of user roles resolved, so that runtime code knows no hierarchy.
func (p *Platform) Bundle(lane Running) policy.Bundle {
	b := policy.Bundle{
		Format: policy.Format, Lane: lane.Term(), Day: string(lane.Environment.Day),
		Callers: p.RolesAbove(lane.Actor.Callers), Purposes: lane.Actor.Purposes,
		Tools: map[string]*policy.Tool{}, Constraints: []policy.Constraint{},
	}
	for _, t := range p.ToolsOf(lane.Actor, lane.Environment) {
		b.Tools[t.Name] = p.bundleTool(t, lane.Environment)
	}
	for _, k := range p.ConstraintsOn(lane.Environment) {
		b.Constraints = append(b.Constraints, p.bundleConstraint(k))
	}
	return b
}

func (p *Platform) bundleTool(t Tool, e Environment) *policy.Tool {
	input, err := json.Marshal(t.Input)
	if err != nil {
		panic(err) // the loader made it of maps, lists, text and numbers
	}
	out := &policy.Tool{
		Target: TargetName(t.Name), Access: t.Access, DataClass: t.DataClass, Purpose: t.Purpose,
		Callers: p.RolesAbove(t.Callers), Input: input, Allow: t.Response.Allow, Never: t.Response.Never, Text: t.Response.Text == "allow",
		Audit: policy.Audit{Input: t.Audit.Input, Output: t.Audit.Output, Reasoning: t.Audit.Reasoning == "required"},
	}
	if t.Datum != nil {
		out.Datum = &policy.Datum{Directory: t.Datum.Directory, Argument: t.Datum.ID, Relation: t.Datum.Relation}
	}
	if t.Confirmation != nil {
		out.Confirmation = &policy.Confirmation{Seconds: int64(t.Confirmation.Expires.Duration() / time.Second)}
	}
	if t.Idempotency != nil {
		out.Once = &policy.Once{Key: t.Idempotency.Key, Seconds: int64(t.Idempotency.For.Duration() / time.Second)}
	}
	if t.Dedup != nil {
		out.Once = &policy.Once{Key: t.Dedup.Key, Seconds: int64(t.Dedup.AtMost.Duration() / time.Second), Until: t.Dedup.Until.Event}
	}
	out.Cost = int64(e.Prices.Call(t.Name))
	for _, l := range e.Limits.Tools {
		if l.Tool == t.Name {
			out.PerUserDay, out.UnknownCount = l.PerUserPerDay, l.IndeterminateCounts
		}
	}
	return out
}

func (p *Platform) bundleConstraint(k Constraint) policy.Constraint {
	out := policy.Constraint{ID: k.ID,
		When:   policy.When{Lane: k.When.Lane, UserRole: k.When.UserRole, DataClass: k.When.DataClass, Access: k.When.Access, Purpose: k.When.Purpose, Hours: k.When.Hours},
		Forbid: policy.Forbid{Access: k.Forbid.Access, DataClass: k.Forbid.DataClass, Tools: k.Forbid.Tools}}
	if k.When.UserRole != "" {
		out.When.UserRoles = p.RolesAbove([]string{k.When.UserRole})
	}
	return out
}
