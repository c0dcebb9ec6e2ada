// Package approve is where a user decides on calls that wait for them: the exact arguments
// are shown, and an approval runs the stored call once, through the lane's own gateway. It
// knows ports; no agent's token opens anything here. Start with [Approvals.Approve];
// [Approvals.Handler] is the same over HTTP, with a page. The zero [Approvals] shows and
// approves nothing.
//
// Approve: verify a recent login, open the one-call execution that the confirmation is
// bound to, mint its token, send the stored call. Nothing that the browser sends back is
// part of the call.
package approve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"remit/identity"
	"remit/lambdas/entry"
	"remit/lambdas/login"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// Recent is how long ago a user may have logged in to decide here.
const Recent = 5 * time.Minute

// Verifier says who is asking. It fails for every token it does not fully trust.
type Verifier interface {
	Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error)
}

// Ledger keeps confirmations; see package ledger.
type Ledger interface {
	Pending(context.Context, terms.Lane, terms.User, time.Time) ([]ledger.Confirmation, error)
	Confirmation(context.Context, terms.User, string) (ledger.Confirmation, error)
	Approve(context.Context, ledger.Admission) (ledger.Execution, error)
	Reject(ctx context.Context, u terms.User, id string, at time.Time) error
	Execution(context.Context, terms.ExecutionID) (ledger.Execution, error)
	Close(ctx context.Context, id terms.ExecutionID, why string, at time.Time) error
}

// Sealer opens the arguments that wait; see lambdas/sealing.
type Sealer interface {
	Open(ctx context.Context, tenant string, sealed []byte) ([]byte, error)
}

// Lanes answers the lanes that are registered now.
type Lanes interface {
	Lanes(ctx context.Context) ([]policy.Registration, error)
}

// Gateway sends one tool call to a lane's gateway with a delegation token, and answers the
// JSON-RPC result or error.
type Gateway interface {
	Call(ctx context.Context, url, token, tool string, arguments json.RawMessage) (json.RawMessage, error)
}

// Provider is the company's identity provider, where browsers log in.
type Provider interface {
	Endpoints(ctx context.Context) (login.Endpoints, error)
}

// Approvals serves one environment. All fields are required, except Provider where the
// entrance names no client to log in with.
type Approvals struct {
	Issuer   string // the front door's URL, as delegation tokens state it
	Login    Verifier
	Provider Provider
	Ledger   Ledger
	Sealer   Sealer
	Lanes    Lanes
	Signer   identity.Signer
	Gateway  Gateway
	Entrance policy.Entrance
	Note     func(reference, why string) // for operators alone
	Now      func() time.Time
}

// Waiting is one call that waits, as its user sees it: exactly what would be sent.
type Waiting struct {
	ID        string          `json:"id"`
	Agent     string          `json:"agent"`
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments"`
	Shown     []Argument      `json:"shown"`
	Expires   time.Time       `json:"expires"`
}

// Argument is one argument for a person to read. Value is JSON text, so that "5" and 5 look
// different, and no browser rounds a number that it would not write.
type Argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ErrRefused is every way in which nothing is shown or decided; why is in the log.
var ErrRefused = errors.New("refused")

func (a *Approvals) complete() bool {
	return a.Login != nil && a.Ledger != nil && a.Sealer != nil && a.Lanes != nil && a.Signer != nil && a.Gateway != nil && a.Note != nil && a.Now != nil && a.Issuer != "" &&
		a.Entrance.Approvals != nil && a.Entrance.Approvals.Audience != "" && (a.Entrance.Approvals.Client == "" || a.Provider != nil)
}

func (a *Approvals) refuse(why string) error {
	if a.Note != nil {
		a.Note("approve", why)
	}
	return ErrRefused
}

// user is who logged in, recently and for this very purpose.
func (a *Approvals) user(ctx context.Context, token string) (terms.User, error) {
	if !a.complete() {
		return terms.User{}, a.refuse("approvals are not set up")
	}
	claims, err := a.Login.Verify(ctx, token, a.Entrance.Approvals.Audience, a.Now())
	if err != nil {
		return terms.User{}, a.refuse("the login is not trusted")
	}
	if only := a.Entrance.Approvals.Client; only != "" && claims.Client != only {
		return terms.User{}, a.refuse("the login was not asked for by the page")
	}
	if a.Now().Sub(claims.LoggedIn) > Recent {
		return terms.User{}, a.refuse("the login is older than " + Recent.String())
	}
	return claims.User, nil
}

// List is what waits for the user who logged in.
func (a *Approvals) List(ctx context.Context, token string) ([]Waiting, error) {
	user, err := a.user(ctx, token)
	if err != nil {
		return nil, err
	}
	pending, err := a.pending(ctx, user)
	if err != nil {
		return nil, err
	}
	out := []Waiting{}
	for _, c := range pending {
		arguments, err := a.Sealer.Open(ctx, user.Tenant, c.Sealed)
		if err != nil {
			return nil, fmt.Errorf("the arguments of %s: %w", c.ID, err)
		}
		shown, err := legible(arguments)
		if err != nil {
			return nil, fmt.Errorf("the arguments of %s: %w", c.ID, err)
		}
		out = append(out, Waiting{ID: c.ID, Agent: c.Lane.Agent, Tool: c.Tool, Arguments: arguments, Shown: shown, Expires: c.Expires})
	}
	return out, nil
}

// legible is a call's arguments in order of name, each as it would be written.
func legible(arguments []byte) ([]Argument, error) {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &named); err != nil {
		return nil, err
	}
	out := []Argument{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		text, err := indented(named[name])
		if err != nil {
			return nil, err
		}
		out = append(out, Argument{name, text})
	}
	return out, nil
}

// indented is JSON with its numbers digit for digit, and < and & as themselves.
func indented(value json.RawMessage) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var read any
	if err := decoder.Decode(&read); err != nil {
		return "", err
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(read)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// pending is what of any registered lane waits for the user; what a lane that has gone left
// behind could not run.
func (a *Approvals) pending(ctx context.Context, user terms.User) ([]ledger.Confirmation, error) {
	lanes, err := a.Lanes.Lanes(ctx)
	if err != nil {
		return nil, err
	}
	var out []ledger.Confirmation
	for _, r := range lanes {
		waits, err := a.Ledger.Pending(ctx, r.Lane, user, a.Now())
		if err != nil {
			return nil, err
		}
		out = append(out, waits...)
	}
	return out, nil
}

// Approve runs one waiting call of the user who logged in, once, and answers what the tool
// said. It fails with [ErrRefused] for a login that does not count, with [*ledger.Refusal] for
// what is not theirs, waits no more or may not run now, and with the gateway's own error when
// the call had no result: roles, ownership, bundle and arguments are checked there again, as
// they are now.
func (a *Approvals) Approve(ctx context.Context, token, id string) (json.RawMessage, error) {
	user, err := a.user(ctx, token)
	if err != nil {
		return nil, err
	}
	c, err := a.Ledger.Confirmation(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if c.ID == "" || c.Status != ledger.ConfirmationPending {
		return nil, &ledger.Refusal{What: ledger.RefusedConfirmation}
	}
	lane, err := a.lane(ctx, c.Lane)
	if err != nil {
		return nil, err
	}
	arguments, err := a.Sealer.Open(ctx, user.Tenant, c.Sealed)
	if err != nil {
		return nil, err
	}
	return a.run(ctx, user, c, lane, arguments)
}

func (a *Approvals) lane(ctx context.Context, lane terms.Lane) (policy.Registration, error) {
	lanes, err := a.Lanes.Lanes(ctx)
	if err != nil {
		return policy.Registration{}, err
	}
	i := slices.IndexFunc(lanes, func(r policy.Registration) bool { return r.Lane == lane })
	if i < 0 {
		a.Note("approve", "the lane that proposed is not registered any more")
		return policy.Registration{}, &ledger.Refusal{What: ledger.RefusedStopped}
	}
	return lanes[i], nil
}

// OneCall is the life of the execution that runs an approved call.
const OneCall = time.Minute

// run opens the one-call execution and sends the stored call. Whoever has gone, the
// execution closes again, and a call that the gateway did not take waits again. The token is
// minted first: what could send nothing need not be opened.
func (a *Approvals) run(ctx context.Context, user terms.User, c ledger.Confirmation, lane policy.Registration, arguments []byte) (json.RawMessage, error) {
	proposed, err := a.Ledger.Execution(ctx, c.Proposed)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	execution := ledger.NewExecution(lane.Lane)
	purpose := proposed.Purpose // what was proposed for one purpose does not run for another
	admission := ledger.Admission{Execution: execution, User: user, Lane: lane.Lane, Version: lane.Version.Short(), Purpose: purpose, Approval: c.ID, Deadline: now.Add(OneCall), At: now,
		Caps:   []ledger.Amount{{Limit: policy.Cost, Take: lane.Caps[policy.Cost]}, {Limit: policy.ToolCalls, Take: 1}},
		Slices: entry.Slices(a.Entrance, lane.Caps[policy.Cost], now)}
	token, err := identity.Mint(ctx, a.Signer, identity.Delegation{Issuer: a.Issuer, User: user, Lane: lane.Lane, Execution: execution, Purpose: purpose, Deadline: admission.Deadline}, now)
	if err != nil {
		return nil, err
	}
	if _, err := a.Ledger.Approve(ctx, admission); err != nil {
		return nil, err
	}
	defer func() {
		if err := a.Ledger.Close(context.WithoutCancel(ctx), execution, "the approved call has run", a.Now()); err != nil {
			a.Note(string(execution), "not closed, so the sweep will: "+err.Error())
		}
	}()
	return a.Gateway.Call(ctx, lane.Gateway, token, wire(c.Tool), arguments)
}

// wire is a tool's name on its lane's gateway: target, three underscores, tool.
func wire(tool string) string { return strings.ReplaceAll(tool, "_", "-") + "___" + tool }

// Reject ends a waiting call of the user who logged in.
func (a *Approvals) Reject(ctx context.Context, token, id string) error {
	user, err := a.user(ctx, token)
	if err != nil {
		return err
	}
	return a.Ledger.Reject(ctx, user, id, a.Now())
}
