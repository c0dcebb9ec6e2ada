// Package ledger keeps agents within their limits: reserve before a call, settle after
// it. It knows amounts, leases and idempotency keys; it knows neither policy nor audit
// nor AWS, and intents, results and arguments are opaque bytes to it. Start with
// [Ledger.Reserve].
//
// For hard limits, under any interleaving, crash or retry: settled + reserved ≤ cap.
// A Reserve touches no item that two users share, except the datum it names and the
// idempotency key of that datum. The allowed path is one [Store.Apply] to reserve and one
// to settle; everything that may read first is a refusal, a duplicate, a second pass or a
// repair. The zero [Ledger] has no store and refuses everything with [ErrUnavailable].
//
// Times come from the callers' clocks, which may differ by [MaxSkew] from the true time
// without harm to any limit.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"remit/terms"
)

// ErrUnavailable means the store did not answer in time. The call is denied with a
// retryable code and no tool runs.
var ErrUnavailable = errors.New("ledger: the store is unavailable")

// ErrInvalid is wrapped by every error about a request that says too little or contradicts
// itself: a caller's fault. Nothing was written, and nothing may run.
var ErrInvalid = errors.New("ledger: the request is not valid")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// MaxSkew is how far a caller's clock may be from the true time.
const MaxSkew = 5 * time.Minute

// Refusal says which limit is used up or which rule stands in the way, how much is left
// and when to try again (zero: never by waiting). It never tells whether a datum exists:
// an owner that the store does not attest and a datum nobody knows are the same refusal.
type Refusal struct {
	What    string // one of the words below, or the Limit of an [Amount], [Daily] or [Slice]
	Left    int64
	RetryAt time.Time
}

// What a refusal can name besides a limit.
const (
	RefusedOwner         = "owner"         // the directory does not attest the owner
	RefusedClosed        = "closed"        // the execution is closed, past its deadline, was never opened, or its id was used before
	RefusedStopped       = "stopped"       // a switch stops the lane, the user, the tool or the execution
	RefusedThrottled     = "throttled"     // the lane opens nothing for a while: its traffic is far from what it was
	RefusedBusy          = "busy"          // another call holds the same idempotency key; try again
	RefusedIndeterminate = "indeterminate" // a call under the same key has an unknown outcome; never re-run silently
	RefusedConfirmation  = "confirmation"  // no approved, unexpired, unused confirmation of exactly these arguments
)

// Error is one sentence for an operator.
func (r *Refusal) Error() string {
	again := "not by waiting"
	if !r.RetryAt.IsZero() {
		again = "again at " + r.RetryAt.Format(time.RFC3339)
	}
	return fmt.Sprintf("ledger: %s refused, %d left, %s", r.What, r.Left, again)
}

// Amount is a quantity taken from one limit of the execution, in that limit's own unit:
// calls, tokens or [terms.MicroUSD]. The cap is the execution's own, fixed when it opened.
type Amount struct {
	Limit string
	Take  int64
}

// Limits of an execution. Bundles, entry and broker name them alike.
const (
	ToolCallsLimit = "tool_calls" // calls
	TokensLimit    = "tokens"     // tokens, in and out
	ModelCostLimit = "model_cost" // MicroUSD
	CostLimit      = "cost"       // MicroUSD: models, tools and running time together
)

// Status is how a call ended, or that it has not. The zero Status is no call.
type Status string

// The states of a call. Reserved calls run; the others are ends.
const (
	Reserved      Status = "reserved"
	Done          Status = "done"          // settled with what was really used
	Failed        Status = "failed"        // the tool ran and answered that it failed; settled like Done
	Released      Status = "released"      // nothing ran, so nothing was taken
	Indeterminate Status = "indeterminate" // the lease ran out; costs stay taken
	Denied        Status = "denied"        // never reserved; counted apart
	Duplicate     Status = "duplicate"     // answered with a stored result
	Proposed      Status = "proposed"      // waits for the user's confirmation
)

// Ledger joins the arithmetic to a store.
type Ledger struct {
	Store Store
	Zone  terms.Zone    // where days begin, for [Refusal.RetryAt]; zero is UTC
	Token func() string // makes a token never used before; nil is 128 random bits
}

// token is fresh for every decision: a store remembers a token, so one that came twice
// would be answered with what was done before, and nothing would be taken.
func (l *Ledger) token() string {
	if l.Token != nil {
		return l.Token()
	}
	return rand.Text()
}

// step is one operation and what its failed condition means: a refusal, [errAgain] once
// what was met has been taken into account, or [errAlready].
type step struct {
	op  Op
	met func(Item) error
}

var (
	errAgain   = errors.New("ledger: decide again, knowing more")
	errAlready = errors.New("ledger: this was done before")
)

// maxTries bounds how often a decision is made anew. Every try but the last knew too
// little, and there are fewer things to learn than this.
const maxTries = 8

// decide applies what plan makes until it is done or refused. Each try has a token of its
// own: it is another decision.
func (l *Ledger) decide(ctx context.Context, plan func() []step) error {
	for range maxTries {
		err := l.apply(ctx, plan())
		switch {
		case errors.Is(err, errAlready):
			return nil
		case !errors.Is(err, errAgain):
			return err
		}
	}
	return fmt.Errorf("%w: other calls kept changing what this one met", ErrUnavailable)
}

func (l *Ledger) apply(ctx context.Context, steps []step) error {
	if l.Store == nil {
		return ErrUnavailable
	}
	ops := make([]Op, len(steps))
	for i, s := range steps {
		ops[i] = s.op
	}
	err := l.Store.Apply(ctx, l.token(), ops)
	var failed *OpFailed
	if !errors.As(err, &failed) {
		return err
	}
	if failed.Op < 0 || failed.Op >= len(steps) || steps[failed.Op].met == nil {
		return fmt.Errorf("%w: %w, which has none", ErrUnavailable, err)
	}
	return steps[failed.Op].met(failed.Item)
}

func (l *Ledger) get(ctx context.Context, k Key) (Item, error) {
	if l.Store == nil {
		return nil, ErrUnavailable
	}
	return l.Store.Get(ctx, k)
}

func (l *Ledger) list(ctx context.Context, partition string) ([]Item, error) {
	if l.Store == nil {
		return nil, ErrUnavailable
	}
	return l.Store.List(ctx, LedgerTable, partition)
}
