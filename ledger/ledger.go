// Package ledger keeps agents within their limits: reserve before a call, settle after
// it. It knows amounts, leases and idempotency keys; it knows neither policy nor audit
// nor AWS, and intents, results and arguments are opaque bytes to it. Start with
// [Ledger.Reserve].
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

// Refusal says which limit is used up or which rule stands in the way, how much is left
// and when to try again (zero: never by waiting). It never tells whether a datum exists:
// an owner that the store does not attest and a datum nobody knows are the same refusal.
type Refusal struct {
	What    string // one of the words below, or the Limit of an [Amount]
	Left    int64
	RetryAt time.Time
}

// What a refusal can name besides a limit.
const (
	RefusedOwner         = "owner"         // the directory does not attest the owner
	RefusedClosed        = "closed"        // the execution is closed, past its deadline, or was never opened
	RefusedStopped       = "stopped"       // a switch stops the lane, the user or the tool
	RefusedBusy          = "busy"          // another call holds the same idempotency key; try again
	RefusedIndeterminate = "indeterminate" // a call under the same key has an unknown outcome; never re-run silently
	RefusedConfirmation  = "confirmation"  // no approved, unexpired, unused confirmation of exactly these arguments
)

// Error is one sentence for an operator.
func (r *Refusal) Error() string {
	return fmt.Sprintf("ledger: %s refused, %d left, again at %s", r.What, r.Left, r.RetryAt.Format(time.RFC3339))
}

// Amount is a quantity taken from one limit of the execution, in that limit's own unit:
// calls, tokens or [terms.MicroUSD]. The cap is the execution's own, fixed when it opened.
type Amount struct {
	Limit string
	Take  int64
}

// Daily is one call taken from a limit that an execution does not hold: so many a day,
// per user. Date is the day in the environment's time zone.
type Daily struct {
	Limit         string // such as "tool/pull_credit_report"
	Take, Cap     int64
	Date          terms.Date
	Indeterminate bool // a call whose outcome stays unknown counts
}

// Once claims an idempotency key for a lifetime: at most one forward under it. Until names
// the event that ends the claim early ("" for none); see [Ledger.Happened].
type Once struct {
	Key   string // tenant, tool and the declared arguments, already joined and hashed
	For   time.Duration
	Until string
	// Supersedes is the call whose stored result this one replaces, with a confirmation of
	// its own; "" replaces nothing.
	Supersedes terms.CallID
}

// ItemCheck is a fact that the transaction must attest: the item exists and each
// attribute holds the value, as its text or as a member of its set.
type ItemCheck struct {
	Key   Key
	Where map[string]string
}

// Claim is what a call takes before it runs. The zero Claim takes nothing and is refused.
type Claim struct {
	Call         terms.CallID
	Execution    terms.ExecutionID
	User         terms.User // whose daily limits are taken
	Tool         string
	Takes        []Amount
	Daily        []Daily
	Once         *Once
	Owner        *ItemCheck
	Confirmation *Approved // set only in the one-call execution of an approval
	Intent       []byte    // the record's first half
	Lease        time.Duration
	At           time.Time
}

// Approved names the confirmation a call runs under and the digest of the exact arguments
// that were approved.
type Approved struct {
	ID        string
	Arguments terms.Digest
}

// Reservation is what was taken. Stored is set for a duplicate: return it, do not run.
type Reservation struct {
	Call    terms.CallID
	Fence   uint64
	Expires time.Time
	Stored  []byte
}

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

// Outcome makes a reservation exact: how it ended, what was really used (limits not named
// were used as reserved), the result to store under the claim's key, and the record's
// second half. Once repeats the claim's, because settling reads nothing first.
type Outcome struct {
	Execution    terms.ExecutionID
	Status       Status // Done, Failed or Released
	Took, Used   []Amount
	Once         *Once
	Confirmation *Approved
	Result       []byte
	Record       []byte
	At           time.Time
}

// Call is what the ledger knows of one call, for whoever answers after the tool.
type Call struct {
	Status       Status
	Fence        uint64
	Intent       []byte
	Stored       []byte // Done, Duplicate: the stored result, where a key was claimed
	Confirmation string // Proposed: its id
}

// Denial records a call that policy refused. It takes from no limit.
type Denial struct {
	Call      terms.CallID
	Execution terms.ExecutionID
	Intent    []byte
	At        time.Time
}

// Admission asks to open an execution for a user on a lane. Caps are its own limits: the
// execution holds them all from the start. Slices are what the user's and the tenant's day
// give it; closing returns what was not used.
type Admission struct {
	Execution terms.ExecutionID
	User      terms.User
	Lane      terms.Lane
	Purpose   string
	Caps      []Amount
	Slices    []Slice
	Approval  string // the confirmation that this one-call execution runs, "" for an ordinary one
	Deadline  time.Time
	At        time.Time
}

// Slice is a part of a day's budget. Limit of the execution it funds is [CostLimit].
type Slice struct {
	Of        string // "user" or "tenant"
	Take, Cap int64  // MicroUSD
	Date      terms.Date
}

// Limits of an execution. Bundles, entry and broker name them alike.
const (
	ToolCallsLimit = "tool_calls" // calls
	TokensLimit    = "tokens"     // tokens, in and out
	ModelCostLimit = "model_cost" // MicroUSD
	CostLimit      = "cost"       // MicroUSD: models, tools and running time together
)

// Execution is one bounded run. The zero Execution is closed.
type Execution struct {
	ID       terms.ExecutionID
	Open     bool
	User     terms.User
	Lane     terms.Lane
	Purpose  string
	Approval string
	Deadline time.Time
	Caps     map[string]int64
	Used     map[string]int64 // settled and reserved together
	Counts   Counts
	Why      string // why it closed
}

// Counts are the records an execution must have left: what the archive checks its chain
// against.
type Counts struct{ Intents, Outcomes, Denials int64 }

// Ledger joins the arithmetic to a store.
type Ledger struct{ Store Store }

// Open takes an execution's slices from the user's and the tenant's day and opens it, in
// one transaction. It fails with [*Refusal] for a used-up day, a stopped lane or user, and
// an id that was used before.
func (l *Ledger) Open(context.Context, Admission) (Execution, error) {
	return Execution{}, ErrUnavailable
}

// Close ends an execution, whatever its state, and returns what it did not use to the days
// it came from. Calls in flight keep what they reserved until they settle or their lease
// runs out. It is idempotent.
func (l *Ledger) Close(ctx context.Context, id terms.ExecutionID, why string, at time.Time) error {
	return ErrUnavailable
}

// Reserve takes a call's amounts in one transaction, or fails with [*Refusal] or
// [ErrUnavailable]; either way no tool may run. Every pass is a debit: a call id that
// comes again supersedes the pass before it, which becomes indeterminate if it is unsettled.
func (l *Ledger) Reserve(context.Context, Claim) (Reservation, error) {
	return Reservation{}, ErrUnavailable
}

// Settle makes a reservation exact, in one write. It fails with [ErrNotReserved] when there
// is nothing to settle, and is idempotent.
func (l *Ledger) Settle(context.Context, terms.CallID, Outcome) error { return ErrUnavailable }

// ErrNotReserved means that no reservation of this call is waiting: it never existed, was
// settled, or ended as indeterminate.
var ErrNotReserved = errors.New("ledger: the call is not reserved")

// Deny records a refused call and counts it apart from every limit.
func (l *Ledger) Deny(context.Context, Denial) error { return ErrUnavailable }

// Find answers what became of a call; never needed on the allowed path.
func (l *Ledger) Find(context.Context, terms.ExecutionID, terms.CallID) (Call, error) {
	return Call{}, ErrUnavailable
}

// Key names an item: a table by its role ([LedgerTable] or [DirectoryTable]), partition and
// sort key.
type Key struct{ Table, Partition, Sort string }

// The tables, by what they hold. A store maps them to physical names.
const (
	LedgerTable    = "ledger"
	DirectoryTable = "directory"
)

// OwnerKey is where the directory keeps the owner of a datum: attribute tenant, and one
// text set for each relation, named "relation/" and the relation.
func OwnerKey(directory, datum string) Key {
	return Key{DirectoryTable, "DATUM#" + directory + "#" + datum, "OWNER"}
}
