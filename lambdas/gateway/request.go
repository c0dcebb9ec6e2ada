package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"remit/audit"
	"remit/identity"
	"remit/lambdas/arguments"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// request decides one tool call, and reserves what it takes.
func (c *call) request(ctx context.Context, e Event) Reply {
	c.readArguments()
	c.identify()
	decision := c.decide()
	invalid := c.validate(decision)
	record := c.record(decision)
	if invalid != "" {
		record.fault("input", "the arguments do not fit the tool's schema", "tools."+c.tool+".input")
	}
	switch {
	case invalid != "":
		return c.denied(ctx, record, codeInvalid, invalid)
	case !decision.Allowed():
		return c.denied(ctx, record, codeRefused, "")
	}
	if c.confirmation() != "" {
		return c.ask(ctx, record)
	}
	claim, err := c.claim(ctx, decision, record)
	if err != nil {
		return c.refuse(codeUnavailable, err.Error())
	}
	if c.policyOf().Confirmation != nil && claim.Confirmation == nil {
		return c.propose(ctx, claim, record)
	}
	return c.reserve(ctx, e, claim, record)
}

func (c *call) policyOf() *policy.Tool { return c.gateway.Bundle.Tools[c.tool] }

// evidence is a record on its way: what it says of limits is added when the ledger answers.
type evidence struct{ audit.Record }

func (v *evidence) fault(name, reason, rule string) {
	v.Allowed = false
	v.Checks = append(v.Checks, audit.Check{Name: name, Reason: reason, Rule: rule})
}

func (c *call) record(d policy.Decision) *evidence {
	v := &evidence{audit.Record{
		Execution: c.claims.Execution, Lane: c.claims.Lane, User: c.claims.User, Tool: c.tool, Bundle: c.gateway.Digest,
		At: c.gateway.Now(), Allowed: d.Allowed(), Call: c.id, Input: audit.Content{Digest: c.digest()},
	}}
	v.Checks = make([]audit.Check, 0, len(d.Checks)+len(d.Constraints)+1) // a limit may add one
	if t := c.policyOf(); t != nil && t.Audit.Reasoning && d.Allowed() {
		v.Rationale = clipped(c.arguments[rationale])
	}
	for _, check := range d.Checks {
		v.Checks = append(v.Checks, audit.Check{Name: check.Kind.String(), Allowed: check.Effect == policy.Allow, Reason: check.Reason.Sentence, Rule: check.Reason.Rule})
	}
	for _, k := range d.Constraints {
		v.Checks = append(v.Checks, audit.Check{Name: "constraint", Reason: k.Sentence, Rule: k.Rule})
	}
	return v
}

// rationale is the argument by which an agent states why it calls a tool whose declaration
// requires reasoning. Of other calls nothing is kept in the clear.
const rationale = "rationale"

// maxRationale is how much of a rationale is kept, in bytes: a record has to fit an item.
const maxRationale = 16 << 10

// clipped is a text with no more of it than is kept, cut between characters.
func clipped(value any) string {
	text, _ := value.(string)
	if len(text) <= maxRationale {
		return text
	}
	return strings.ToValidUTF8(text[:maxRationale], "") + " […]"
}

// denied records a refusal and answers it. A refusal whose evidence cannot be kept is one
// all the same, and operators are told.
func (c *call) denied(ctx context.Context, v *evidence, code int, detail string) Reply {
	v.Allowed = false
	c.observe(v)
	intent, err := v.Encode()
	if err == nil {
		err = c.gateway.Ledger.Deny(ctx, ledger.Denial{Call: c.id, Execution: c.claims.Execution, Intent: intent, At: v.At})
	}
	if err != nil {
		c.gateway.Note(c.reference, "refused, and the record could not be kept: "+err.Error())
	}
	return c.deny(code, detail)
}

func (c *call) observe(v *evidence) {
	if c.gateway.Observe != nil {
		c.gateway.Observe(c.reference, v.Record)
	}
}

// claim is what the call takes before it runs.
func (c *call) claim(ctx context.Context, d policy.Decision, v *evidence) (ledger.Claim, error) {
	intent, err := v.Encode()
	if err != nil {
		return ledger.Claim{}, err
	}
	claim := ledger.Claim{
		Call: c.id, Execution: c.claims.Execution, User: c.claims.User, Tool: c.tool,
		Takes: amounts(d.Takes), Daily: c.daily(d.Takes, v.At), Once: c.once(), Owner: owner(d.Owner),
		Intent: intent, Lease: c.lease(v.At), At: v.At,
	}
	claim.Confirmation, err = c.approved(ctx)
	return claim, err
}

// amounts are the takes that the execution holds.
func amounts(takes []policy.Take) []ledger.Amount {
	var out []ledger.Amount
	for _, t := range takes {
		if t.PerUserDay == 0 {
			out = append(out, ledger.Amount{Limit: t.Limit, Take: t.Amount})
		}
	}
	return out
}

// daily are the takes that the user's day holds.
func (c *call) daily(takes []policy.Take, at time.Time) []ledger.Daily {
	var out []ledger.Daily
	for _, t := range takes {
		if t.PerUserDay > 0 {
			out = append(out, ledger.Daily{Limit: t.Limit, Take: t.Amount, Cap: t.PerUserDay, Date: ledger.DayOf(at, terms.Zone(c.gateway.Bundle.Day)), Indeterminate: t.UnknownCounts})
		}
	}
	return out
}

// once is the key under which the call has its effect at most once: tenant, tool and the
// declared arguments.
func (c *call) once() *ledger.Once {
	t := c.policyOf()
	if t == nil || t.Once == nil {
		return nil
	}
	key := arguments.Key(c.tool, c.claims.User.Tenant, t.Once.Key, c.arguments)
	return &ledger.Once{Key: key, For: time.Duration(t.Once.Seconds) * time.Second, Until: t.Once.Until}
}

func owner(o *policy.Ownership) *ledger.ItemCheck {
	if o == nil {
		return nil
	}
	where := map[string]string{"tenant": o.Tenant}
	if o.Relation != "" {
		where["relation/"+o.Relation] = o.User
	}
	return &ledger.ItemCheck{Key: ledger.OwnerKey(o.Directory, o.Datum), Where: where}
}

// lease is how long the call may take: a call in flight settles until its token is void.
func (c *call) lease(now time.Time) time.Duration {
	return max(time.Second, min(ledger.MaxLease, c.claims.Expires.Sub(now)))
}

// approved is the confirmation that the execution was opened to run. Only a tool that wants
// one asks, so other calls read nothing.
func (c *call) approved(ctx context.Context) (*ledger.Approved, error) {
	if c.policyOf().Confirmation == nil {
		return nil, nil
	}
	x, err := c.gateway.Ledger.Execution(ctx, c.claims.Execution)
	if err != nil || x.Approval == "" {
		return nil, err
	}
	return &ledger.Approved{ID: x.Approval, Arguments: c.digest(), Bundle: c.gateway.Digest}, nil
}

// reserve takes what the call takes, and forwards it. What the target is told is made
// first: once something is taken, nothing may fail but the tool.
func (c *call) reserve(ctx context.Context, e Event, claim ledger.Claim, v *evidence) Reply {
	headers, err := c.headers(ctx, claim)
	if err != nil {
		return c.refuse(codeUnavailable, "the call cannot be asserted: "+err.Error())
	}
	reservation, err := c.gateway.Ledger.Reserve(ctx, claim)
	if err != nil {
		return c.notReserved(ctx, err, v)
	}
	c.observe(v)
	if reservation.Stored != nil {
		return c.stored(ctx, reservation.Stored)
	}
	return forward(headers, e.MCP.GatewayRequest.Body)
}

// stored answers with the result of the call that had the effect. It is filtered again: the
// declaration may have been narrowed since it was kept, or another lane's allowed more.
func (c *call) stored(ctx context.Context, sealed []byte) Reply {
	if len(sealed) == 0 {
		return c.refuse(codeFailed, "the call that had the effect left no result")
	}
	kept, err := c.gateway.Sealer.Open(ctx, c.claims.User.Tenant, sealed)
	if err != nil {
		return c.refuse(codeFailed, "the stored result does not open")
	}
	if kept, _, err = c.gateway.Bundle.Filter(c.tool, kept); err != nil {
		return c.refuse(codeFailed, "the stored result cannot be filtered")
	}
	return answer(c.message.ID, json.RawMessage(kept))
}

// notReserved answers a call that the ledger did not admit. What stands in the way of a
// datum looks like any refusal; limits have their own codes.
func (c *call) notReserved(ctx context.Context, err error, v *evidence) Reply {
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) {
		return c.refuse(codeUnavailable, err.Error())
	}
	code, detail := codeLimit, refusal.What
	switch refusal.What {
	case ledger.RefusedOwner:
		v.unattested()
		return c.denied(ctx, v, codeRefused, "")
	case ledger.RefusedStopped, ledger.RefusedConfirmation:
		code, detail = codeRefused, ""
	case ledger.RefusedClosed:
		code, detail = codeEnded, ""
	case ledger.RefusedBusy:
		code, detail = codeUnavailable, ""
	case ledger.RefusedIndeterminate:
		code, detail = codeUnknown, ""
	}
	if code == codeLimit && !refusal.RetryAt.IsZero() {
		detail += ", again at " + refusal.RetryAt.UTC().Format(time.RFC3339)
	}
	v.fault("limit", refusal.Error(), "environments."+c.gateway.Bundle.Lane.Environment+".limits")
	return c.denied(ctx, v, code, detail)
}

// unattested: the tenant check rested on the directory's word, and it was not given.
func (v *evidence) unattested() {
	i := slices.IndexFunc(v.Checks, func(k audit.Check) bool { return k.Name == policy.Tenant.String() })
	v.Checks[i].Allowed, v.Checks[i].Reason = false, "the directory does not attest that the user's tenant owns the datum"
}

// propose stores the exact arguments, sealed, for the user to confirm.
func (c *call) propose(ctx context.Context, claim ledger.Claim, v *evidence) Reply {
	arguments, err := json.Marshal(c.arguments)
	if err != nil {
		return c.refuse(codeUnavailable, "the arguments cannot be kept")
	}
	sealed, err := c.gateway.Sealer.Seal(ctx, c.claims.User.Tenant, arguments)
	if err != nil {
		return c.refuse(codeUnavailable, err.Error())
	}
	waits, err := c.gateway.Ledger.Propose(ctx, ledger.Proposal{
		ID: c.confirmationID(), Call: claim.Call, Execution: claim.Execution, User: claim.User, Lane: c.claims.Lane, Tool: c.tool,
		Takes: claim.Takes, Once: claim.Once, Owner: claim.Owner, Arguments: c.digest(), Bundle: c.gateway.Digest,
		Sealed: sealed, Intent: claim.Intent, At: claim.At,
		Expires: claim.At.Add(time.Duration(c.policyOf().Confirmation.Seconds) * time.Second),
	})
	var refusal *ledger.Refusal
	if errors.As(err, &refusal) && refusal.What == ledger.RefusedConfirmation { // the same call was proposed, and decided on, before
		return c.recall(ctx, v, c.confirmationID())
	}
	if err != nil {
		return c.notReserved(ctx, err, v)
	}
	c.observe(v)
	return c.standing(ctx, waits)
}

// confirmationID is the same for a repeat of the same call. It opens nothing: only the
// user's own token finds or approves a confirmation.
func (c *call) confirmationID() string { return c.claims.Lane.Own("cf-" + string(c.id[:40])) }

// ConfirmationMeta is the member of params._meta by which an agent asks how a call that
// waited for its user has ended.
const ConfirmationMeta = "remit/confirmation"

func (c *call) confirmation() string { return c.message.Params.Meta.Confirmation }

// ask answers how the confirmation stands that the message names. It takes nothing, so no
// debit would notice that the execution has ended or was stopped.
func (c *call) ask(ctx context.Context, v *evidence) Reply {
	x, err := c.gateway.Ledger.Execution(ctx, c.claims.Execution)
	if err != nil {
		return c.refuse(codeUnavailable, err.Error())
	}
	if !x.Open || !v.At.Before(x.Deadline) {
		v.fault("limit", "the execution has ended or was stopped", "environments."+c.gateway.Bundle.Lane.Environment+".limits")
		return c.denied(ctx, v, codeEnded, "")
	}
	return c.recall(ctx, v, c.confirmation())
}

// recall answers how a confirmation of this user, for this very tool, stands.
func (c *call) recall(ctx context.Context, v *evidence, id string) Reply {
	waits, err := c.gateway.Ledger.Confirmation(ctx, c.claims.User, id)
	switch {
	case err != nil:
		return c.refuse(codeUnavailable, err.Error())
	case waits.ID == "" || waits.Tool != c.tool || waits.Lane != c.claims.Lane:
		v.fault("confirmation", "no confirmation of this user, lane and tool has this id", "tools."+c.tool+".confirmation")
		return c.denied(ctx, v, codeRefused, "")
	}
	return c.standing(ctx, waits)
}

// standing answers how a confirmation stands: with the result once it ran.
func (c *call) standing(ctx context.Context, waits ledger.Confirmation) Reply {
	switch waits.Status {
	case ledger.ConfirmationDone:
		return c.stored(ctx, waits.Result)
	case ledger.ConfirmationPending, ledger.ConfirmationApproved, ledger.ConfirmationRunning:
		return answer(c.message.ID, pending(waits))
	case ledger.ConfirmationIndeterminate:
		return c.deny(codeUnknown, "")
	}
	return c.deny(codeRefused, string(waits.Status))
}

// pending is a tool result that says what waits, for a model to read and for a program.
func pending(waits ledger.Confirmation) any {
	says := map[string]any{"status": "pending", "confirmation": waits.ID, "expires": waits.Expires.UTC().Format(time.RFC3339), "says": "the user must approve exactly this call; it then runs once"}
	text, err := json.Marshal(says)
	if err != nil {
		text = []byte("{}") // texts always encode
	}
	return map[string]any{"content": []any{map[string]any{"type": "text", "text": string(text)}}, "structuredContent": says, "_meta": map[string]any{ConfirmationMeta: waits.ID}}
}

// headers tell the target for whom it works: the message goes on as it came, without the
// token and with these. The client's own values never survive, because the interceptor's
// headers win (AgentCore developer guide, gateway-headers).
func (c *call) headers(ctx context.Context, claim ledger.Claim) (map[string]string, error) {
	headers := map[string]string{
		"X-Remit-User": c.claims.User.ID, "X-Remit-Tenant": c.claims.User.Tenant, "X-Remit-Lane": c.claims.Lane.String(),
		"X-Remit-Execution": string(c.claims.Execution), "X-Remit-Call": string(claim.Call), "X-Remit-Key": string(claim.Call),
	}
	if claim.Once != nil {
		headers["X-Remit-Key"] = claim.Once.Key
	}
	if c.gateway.Assert == nil {
		return headers, nil
	}
	assertion, err := c.assert(ctx, headers["X-Remit-Key"])
	headers["X-Remit-Assertion"], headers["X-Remit-Arguments"] = assertion, strings.TrimPrefix(string(c.digest()), "sha256:")
	return headers, err
}

func (c *call) assert(ctx context.Context, key string) (string, error) {
	return c.gateway.Assert(ctx, identity.Call{
		Tool: c.tool, Arguments: c.sum, User: c.claims.User, Lane: c.claims.Lane, Execution: c.claims.Execution, Key: key,
	}, c.gateway.Now())
}
