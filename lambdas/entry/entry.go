// Package entry is the front door of one environment: the application opens executions
// here for verified users, and an agent cannot. It knows ports: who verifies tokens, where
// lanes register, the ledger, who signs, the runtime. It knows no AWS service and no tool.
// Start with [Entry.Open]; [Entry.Handler] is the same over HTTP. The zero [Entry] admits
// nobody.
//
// Open: verify the user, admit, choose the lane, take the slices, mint the delegation token.
// Then: invoke the runtime, stream its answer, close the execution, stop the session. The
// user's own token goes nowhere from here.
package entry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// Verifier says who is asking. It fails for every token it does not fully trust.
type Verifier interface {
	Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error)
}

// Lanes answers the lanes that are registered now. A registration that cannot be read is
// no lane.
type Lanes interface {
	Lanes(ctx context.Context) ([]policy.Registration, error)
}

// Ledger opens and closes executions; see package ledger.
type Ledger interface {
	Open(context.Context, ledger.Admission) (ledger.Execution, error)
	Close(ctx context.Context, id terms.ExecutionID, why string, at time.Time) error
	Execution(context.Context, terms.ExecutionID) (ledger.Execution, error)
}

// Runtime runs a lane's agent (Bedrock AgentCore, InvokeAgentRuntime). Stop is idempotent.
type Runtime interface {
	Invoke(context.Context, Invocation) (Answer, error)
	Stop(ctx context.Context, lane policy.Registration, session terms.ExecutionID) error
}

// Invocation is what the agent gets: Payload, and each token in a header of its own.
type Invocation struct {
	Lane    policy.Registration
	Session terms.ExecutionID
	Token   string
	Models  string // "" for an agent without a broker
	Payload []byte
}

// Answer is the agent's, as it streams. Whoever gets it closes Body.
type Answer struct {
	ContentType string
	Body        io.ReadCloser
}

// Entry is the front door. All fields are required, except Vendor and AnyLane; with one
// missing it admits nobody.
type Entry struct {
	Entrance  policy.Entrance
	Issuer    string   // our own URL, as delegation tokens state it
	Login     Verifier // the company's tokens
	Agents    Verifier // our own delegation tokens, of every registered lane
	Lanes     Lanes
	Ledger    Ledger
	Signer    identity.Signer
	Runtime   Runtime
	Vendor    Vendor
	Documents map[string][]byte           // path → what anyone may read: see [Publish]
	Note      func(reference, why string) // for operators alone; no token, no argument
	Now       func() time.Time
	Looks     func() (ticks <-chan time.Time, stop func()) // while an agent answers, at each tick: is its execution still open? See [Every]
	AnyLane   bool                                         // callers may name a lane: only where all data is invented
}

// Asked is what an application asks for on a user's behalf. Input goes to the agent as it is.
type Asked struct {
	Agent   string          `json:"agent"`
	Purpose string          `json:"purpose"`
	Lane    string          `json:"lane,omitempty"`
	Input   json.RawMessage `json:"input,omitempty"`
}

// Opened is an open execution and what its agent needs.
type Opened struct {
	Execution terms.ExecutionID
	Lane      policy.Registration
	Token     string // for the lane's gateway
	Models    string // for its broker; "" where it has none
	Deadline  time.Time
}

// ErrRefused is every way in which policy opens no execution; which one is in the log,
// under the reference.
var ErrRefused = errors.New("refused")

// Open opens an execution for a verified user. It fails with [ErrRefused], with a
// [*ledger.Refusal] when a day is used up, and otherwise because something is unavailable.
func (e *Entry) Open(ctx context.Context, reference, token string, asked Asked) (Opened, error) {
	claims, err := e.verify(ctx, token)
	if err != nil {
		return Opened{}, e.refuse(reference, err.Error())
	}
	lane, why, err := e.choose(ctx, claims.User, asked)
	if err != nil {
		return Opened{}, err
	}
	if why != "" {
		return Opened{}, e.refuse(reference, why)
	}
	return e.admit(ctx, claims.User, lane, asked.Purpose)
}

func (e *Entry) complete() bool {
	return e.Login != nil && e.Lanes != nil && e.Ledger != nil && e.Signer != nil && e.Runtime != nil && e.Now != nil && e.Issuer != "" && e.Note != nil && e.Looks != nil
}

func (e *Entry) refuse(reference, why string) error {
	if e.Note != nil {
		e.Note(reference, why)
	}
	return ErrRefused
}

// verify reads the user's own token, which must have been asked for by an application that
// the environment names.
func (e *Entry) verify(ctx context.Context, token string) (identity.Claims, error) {
	if !e.complete() {
		return identity.Claims{}, errors.New("the entry is not set up")
	}
	claims, err := e.Login.Verify(ctx, token, e.Entrance.Login.Audience, e.Now())
	if err != nil {
		return identity.Claims{}, reasonOf(err)
	}
	if !slices.Contains(e.Entrance.Applications, claims.Client) {
		return identity.Claims{}, errors.New("the token was issued to an application that may not open executions")
	}
	return claims, nil
}

// reasonOf is a refusal in the words that operators read.
func reasonOf(err error) error {
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		return errors.New("the token is not trusted: " + string(refusal.Reason))
	}
	return errors.New("the token is not trusted")
}

// choose picks the lane that serves the user, or says why none does.
func (e *Entry) choose(ctx context.Context, user terms.User, asked Asked) (lane policy.Registration, why string, err error) {
	lanes, err := e.Lanes.Lanes(ctx)
	if err != nil {
		return policy.Registration{}, "", err
	}
	if asked.Lane != "" {
		if !e.AnyLane {
			return policy.Registration{}, "the application may not choose a lane", nil
		}
		lanes = slices.DeleteFunc(slices.Clone(lanes), func(r policy.Registration) bool { return r.Lane.Name != asked.Lane })
		for i := range lanes {
			lanes[i].Share = 0
		}
	}
	lane, found := policy.Choose(lanes, asked.Agent, user.ID)
	if !found {
		return policy.Registration{}, "no lane of the agent is registered", nil
	}
	return lane, lane.Admits(user, asked.Purpose), nil
}

// admit takes the execution's slices and mints its token. A token that cannot be minted
// closes the execution again: nothing stays taken for nobody.
func (e *Entry) admit(ctx context.Context, user terms.User, lane policy.Registration, purpose string) (Opened, error) {
	now := e.Now()
	opened := Opened{Execution: ledger.NewExecution(lane.Lane), Lane: lane, Deadline: now.Add(time.Duration(lane.Seconds) * time.Second)}
	if _, err := e.Ledger.Open(ctx, e.admission(opened, user, purpose, now)); err != nil {
		return Opened{}, err
	}
	if err := e.mint(ctx, &opened, user, purpose, now); err != nil {
		return Opened{}, errors.Join(err, e.close(ctx, opened.Execution, "no token could be minted"))
	}
	return opened, nil
}

// mint makes the agent's tokens: one for its gateway, and one for its models that opens
// nothing else.
func (e *Entry) mint(ctx context.Context, o *Opened, user terms.User, purpose string, now time.Time) (err error) {
	d := identity.Delegation{Issuer: e.Issuer, User: user, Lane: o.Lane.Lane, Execution: o.Execution, Purpose: purpose, Deadline: o.Deadline}
	if o.Token, err = identity.Mint(ctx, e.Signer, d, now); err != nil || o.Lane.Models == "" {
		return err
	}
	d.Audience = identity.ModelAudience(o.Lane.Lane)
	o.Models, err = identity.Mint(ctx, e.Signer, d, now)
	return err
}

func (e *Entry) admission(o Opened, user terms.User, purpose string, now time.Time) ledger.Admission {
	a := ledger.Admission{Execution: o.Execution, User: user, Lane: o.Lane.Lane, Version: o.Lane.Version.Short(), Purpose: purpose, Hour: int64(o.Lane.Hour), Late: time.Duration(o.Lane.Late) * time.Second, Deadline: o.Deadline, At: now}
	for limit, most := range o.Lane.Caps {
		a.Caps = append(a.Caps, ledger.Amount{Limit: limit, Take: most})
	}
	slices.SortFunc(a.Caps, func(x, y ledger.Amount) int { return strings.Compare(x.Limit, y.Limit) })
	a.Slices = Slices(e.Entrance, o.Lane.Caps[policy.Cost], now)
	return a
}

// Slices are what the user's and the tenant's day give an execution that may cost so much.
func Slices(e policy.Entrance, cost int64, now time.Time) []ledger.Slice {
	today := ledger.DayOf(now, terms.Zone(e.Day))
	return []ledger.Slice{
		{Of: ledger.OfUser, Take: cost, Cap: int64(e.UserDay), Date: today},
		{Of: ledger.OfTenant, Take: cost, Cap: int64(e.TenantDay), Date: today},
	}
}

// close ends an execution whoever has gone: what was taken must be given back.
func (e *Entry) close(ctx context.Context, id terms.ExecutionID, why string) error {
	return e.Ledger.Close(context.WithoutCancel(ctx), id, why, e.Now())
}
