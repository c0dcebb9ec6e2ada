// Package ledger keeps agents within their limits: reserve before a call, settle after
// it. It knows amounts, leases and idempotency keys; it knows neither policy nor audit
// nor AWS, and an intent is opaque bytes to it. Start with [Ledger.Reserve].
//
// For hard limits, under any interleaving, crash or retry: settled + reserved ≤ cap.
// The zero [Ledger] has no store and refuses everything with [ErrUnavailable].
package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"remit/terms"
)

// ErrUnavailable means the store did not answer in time. The call is denied with a
// retryable code and no tool runs.
var ErrUnavailable = errors.New("ledger: the store is unavailable")

// Refusal says which limit is used up, how much is left and when to try again. It never
// tells whether a datum exists.
type Refusal struct {
	What    string
	Left    int64
	RetryAt time.Time
}

// Error is one sentence for an operator.
func (r *Refusal) Error() string {
	return fmt.Sprintf("ledger: %s refused, %d left, again at %s", r.What, r.Left, r.RetryAt.Format(time.RFC3339))
}

// Amount is a quantity taken from one limit, in that limit's own unit.
type Amount struct {
	Limit string
	Take  int64
	Cap   int64
}

// Once claims an idempotency key for a lifetime: at most one forward under it.
type Once struct {
	Key string
	For time.Duration
}

// ItemCheck is a condition on an item that the transaction must attest.
type ItemCheck struct {
	Key   Key
	Where map[string]string
}

// Claim is what a call takes before it runs. The zero Claim takes nothing and is refused.
type Claim struct {
	Call      terms.CallID
	Execution terms.ExecutionID
	Takes     []Amount
	Once      *Once
	Owner     *ItemCheck
	Intent    []byte
	At        time.Time
}

// Reservation is what was taken. Stored is set for a duplicate: return it, do not run.
type Reservation struct {
	Call    terms.CallID
	Fence   uint64
	Expires time.Time
	Stored  []byte
}

// Outcome makes a reservation exact: what was really used, and the record's second half.
type Outcome struct {
	Used   []Amount
	Result []byte
	Record []byte
	At     time.Time
}

// Admission asks to open an execution for a user on a lane, with its slice of the limits.
type Admission struct {
	Execution terms.ExecutionID
	User      terms.User
	Lane      terms.Lane
	Slice     []Amount
	Deadline  time.Time
}

// Execution is one bounded run. The zero Execution is closed.
type Execution struct {
	ID       terms.ExecutionID
	Open     bool
	Deadline time.Time
}

// Ledger joins the arithmetic to a store.
type Ledger struct{ Store Store }

// Open takes an execution's slice from the user's and the tenant's day in one transaction.
func (l *Ledger) Open(context.Context, Admission) (Execution, error) {
	return Execution{}, ErrUnavailable
}

// Reserve takes a call's amounts in one transaction, or fails with [*Refusal] or
// [ErrUnavailable]; either way no tool may run.
func (l *Ledger) Reserve(context.Context, Claim) (Reservation, error) {
	return Reservation{}, ErrUnavailable
}

// Settle makes a reservation exact. It is idempotent.
func (l *Ledger) Settle(context.Context, terms.CallID, Outcome) error { return ErrUnavailable }

// Key names an item: partition and sort.
type Key struct{ Partition, Sort string }

// Item is a stored item; nil means absent.
type Item map[string]string

// Op is one conditional write of a transaction.
type Op struct {
	Key       Key
	Add       map[string]int64
	Set       map[string]string
	Condition string
}

// Failed names the operation whose condition failed and the item it met.
type Failed struct {
	Op   int
	Item Item
}

// Error names the operation.
func (f *Failed) Error() string { return fmt.Sprintf("ledger: condition of operation %d failed", f.Op) }

// Store is the port to a database. Apply does all or nothing and is idempotent per token;
// it fails with [*Failed] or [ErrUnavailable]. Get is strongly consistent and never on
// the allowed path. Due lists items whose deadline has passed, oldest first.
type Store interface {
	Apply(ctx context.Context, token string, ops []Op) error
	Get(ctx context.Context, k Key) (Item, error)
	Due(ctx context.Context, before time.Time, limit int) ([]Item, error)
}
