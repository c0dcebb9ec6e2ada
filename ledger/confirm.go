package ledger

import (
	"context"
	"maps"
	"time"

	"remit/terms"
)

// Proposal is a call that waits for its user: the exact arguments, sealed by the caller so
// that the store cannot read them, and their digest. It takes one call from the execution
// that proposes, and nothing else.
type Proposal struct {
	ID        string // of the lane's own ([terms.Lane.Own]), chosen by the caller; the same for a repeat of the same call
	Call      terms.CallID
	Execution terms.ExecutionID
	User      terms.User
	Lane      terms.Lane
	Tool      string
	Takes     []Amount // of which only [ToolCallsLimit] is taken
	Once      *Once    // the key it will claim: a duplicate is told at once
	Owner     *ItemCheck
	Arguments terms.Digest
	Bundle    terms.Digest
	Sealed    []byte
	Intent    []byte
	Expires   time.Time
	At        time.Time
}

// Approved names the confirmation a call runs under, the digest of the exact arguments
// that were approved, and the bundle that is in force; both must be those of the proposal.
type Approved struct {
	ID        string
	Arguments terms.Digest
	Bundle    terms.Digest
}

// ConfirmationStatus is where a confirmation stands. The zero value is none.
type ConfirmationStatus string

// The states of a confirmation. One that is running goes back to approved when nothing ran,
// and one that is approved to pending when its execution ends; the last four are ends.
const (
	ConfirmationPending       ConfirmationStatus = "pending"
	ConfirmationApproved      ConfirmationStatus = "approved"
	ConfirmationRunning       ConfirmationStatus = "running"
	ConfirmationDone          ConfirmationStatus = "done"
	ConfirmationRejected      ConfirmationStatus = "rejected"
	ConfirmationExpired       ConfirmationStatus = "expired"
	ConfirmationIndeterminate ConfirmationStatus = "indeterminate"
)

// Confirmation is a stored proposal. The zero Confirmation is none.
type Confirmation struct {
	ID        string
	Status    ConfirmationStatus
	User      terms.User // without roles: those are the user's at the moment of approval
	Lane      terms.Lane
	Tool      string
	Arguments terms.Digest
	Bundle    terms.Digest
	Sealed    []byte
	Proposed  terms.ExecutionID // that proposed it
	Execution terms.ExecutionID // that runs it, once approved
	Expires   time.Time
	Result    []byte // of one that is done
}

// Propose stores a call for its user to confirm and debits it, in one transaction. It
// fails like [Ledger.Reserve]. A repeat of the same call finds the same confirmation, and
// is a debit; a duplicate under the idempotency key is answered with a Confirmation
// without an id that is done.
func (l *Ledger) Propose(ctx context.Context, p Proposal) (Confirmation, error) {
	c := Claim{Call: p.Call, Execution: p.Execution, User: p.User, Tool: p.Tool, Takes: p.Takes, Once: p.Once, Owner: p.Owner, Intent: p.Intent, Lease: MaxLease, At: p.At}
	if err := c.check(l); err != nil {
		return Confirmation{}, err
	}
	if p.ID == "" || p.User.ID == "" || p.User.Tenant == "" || p.Lane.IsZero() || terms.OwnerOf(p.ID) != p.Lane.Key() || p.Arguments == "" || !p.Expires.After(p.At) {
		return Confirmation{}, invalid("a proposal has an id of its lane's own, a user with a tenant, a digest of its arguments, and expires after it is made")
	}
	pass := &pass{zone: l.Zone, claim: &c, number: 1, status: Proposed, proposal: &p}
	if err := l.decide(ctx, pass.steps); err != nil {
		return Confirmation{}, err
	}
	if pass.status == Duplicate {
		return Confirmation{Status: ConfirmationDone, Result: pass.stored}, nil
	}
	return confirmationOf(p.item()), nil
}

func (p *Proposal) item() Item {
	return Item{
		"kind": text("confirmation"), "id": text(p.ID), "status": text(ConfirmationPending),
		"tenant": text(p.User.Tenant), "user": text(p.User.ID), "lane": text(p.Lane.String()), "tool": text(p.Tool),
		"arguments": text(p.Arguments), "bundle": text(p.Bundle), "sealed": Value{B: append([]byte{}, p.Sealed...)},
		"proposed": text(p.Execution), "expires": instant(p.Expires), "due": seconds(p.Expires), "ttl": seconds(p.Expires.Add(Keep)),
	}
}

// confirmationOf reads an item. One that names another lane than its key does was not written
// by the ledger: whoever may write for one lane could propose in another's name.
func confirmationOf(i Item) Confirmation {
	lane := laneOf(i.text("lane"))
	if i == nil || lane.Key() != terms.OwnerOf(i.text("id")) {
		return Confirmation{}
	}
	return Confirmation{
		ID: i.text("id"), Status: ConfirmationStatus(i.text("status")),
		User: terms.User{ID: i.text("user"), Tenant: i.text("tenant")}, Lane: lane, Tool: i.text("tool"),
		Arguments: terms.Digest(i.text("arguments")), Bundle: terms.Digest(i.text("bundle")), Sealed: i["sealed"].B,
		Proposed: terms.ExecutionID(i.text("proposed")), Execution: terms.ExecutionID(i.text("execution")),
		Expires: i.time("expires"), Result: i["result"].B,
	}
}

// propose stores the proposal, or finds that it waits there already: the same id with
// other arguments is nobody's.
func (p *pass) propose() step {
	q := p.proposal
	if p.waits {
		return step{op: Op{Key: confirmKey(q.User, q.ID), If: []Condition{is("arguments", text(q.Arguments)), is("status", text(ConfirmationPending))}}, met: refuseConfirmation}
	}
	return step{op: Op{Key: confirmKey(q.User, q.ID), Put: q.item(), If: fresh}, met: func(Item) error {
		p.waits = true
		return errAgain
	}}
}

func refuseConfirmation(Item) error { return &Refusal{What: RefusedConfirmation} }

// approve is the step of [Ledger.Open] that binds a confirmation to the one execution that
// may run it. The lane is the one that proposed: no other agent runs what it approved.
func approve(a Admission) step {
	return step{op: Op{Key: confirmKey(a.User, a.Approval),
		Set: Item{"status": text(ConfirmationApproved), "execution": text(a.Execution), "approved": instant(a.At)},
		If:  []Condition{is("status", text(ConfirmationPending)), is("lane", text(a.Lane.String())), after("expires", a.At)},
	}, met: refuseConfirmation}
}

// use turns an approval into the one run of it, or into the stored result of a duplicate.
func (p *pass) use() step {
	a, c := p.claim.Confirmation, p.claim
	op := Op{Key: confirmKey(c.User, a.ID),
		Set: Item{"status": text(ConfirmationRunning), "call": text(c.Call)}, Remove: []string{"due"},
		If: []Condition{
			is("status", text(ConfirmationApproved)), is("execution", text(c.Execution)), after("expires", c.At),
			is("tool", text(c.Tool)), is("arguments", text(a.Arguments)), is("bundle", text(a.Bundle)),
		}}
	if p.status == Duplicate {
		op.Set = Item{"status": text(ConfirmationDone), "call": text(c.Call), "result": Value{B: p.stored}}
	}
	return step{op: op, met: refuseConfirmation}
}

// endConfirmation is what the end of a call does to the confirmation it ran under, which
// no other call can be running.
func endConfirmation(u terms.User, id string, status ConfirmationStatus, more Item) step {
	op := Op{Key: confirmKey(u, id), Set: Item{"status": text(status)}}
	maps.Copy(op.Set, more)
	return step{op: op, met: refuseConfirmation}
}

// waitAgain has an approval under which nothing ran wait for its user again, once the one
// execution that could have run it is closed. One that runs or has run stays as it is.
func (l *Ledger) waitAgain(ctx context.Context, x Item) error {
	id := x.text("approval")
	if id == "" {
		return nil
	}
	return l.decide(ctx, func() []step {
		return []step{{op: Op{Key: confirmKey(executionOf(x).User, id), Set: Item{"status": text(ConfirmationPending)}, Remove: []string{"approved", "execution"},
			If: []Condition{is("status", text(ConfirmationApproved)), is("execution", x["execution"])}},
			met: func(Item) error { return errAlready }}}
	})
}

// Approve opens the one-call execution that runs a pending confirmation of its user, in
// one transaction: it is [Ledger.Open] with Approval set, and fails like it. Closed before
// anything ran, the execution leaves the confirmation pending again.
func (l *Ledger) Approve(ctx context.Context, a Admission) (Execution, error) {
	if a.Approval == "" {
		return Execution{}, invalid("an approval names a confirmation")
	}
	return l.Open(ctx, a)
}

// Reject ends a pending confirmation of its user and forgets its arguments. It fails with
// [*Refusal] if it is not pending.
func (l *Ledger) Reject(ctx context.Context, u terms.User, id string, at time.Time) error {
	return l.decide(ctx, func() []step {
		return []step{{op: Op{Key: confirmKey(u, id), Set: Item{"status": text(ConfirmationRejected), "ended": instant(at)}, Remove: []string{"due", "sealed"},
			If: []Condition{is("status", text(ConfirmationPending))}}, met: refuseConfirmation}}
	})
}

// Confirmation answers how one of the user's own confirmations stands; zero for an id that
// is not theirs.
func (l *Ledger) Confirmation(ctx context.Context, u terms.User, id string) (Confirmation, error) {
	i, err := l.get(ctx, confirmKey(u, id))
	return confirmationOf(i), err
}

// Pending is what of a lane waits for the user at an instant.
func (l *Ledger) Pending(ctx context.Context, lane terms.Lane, u terms.User, at time.Time) ([]Confirmation, error) {
	items, err := l.list(ctx, confirmations(lane.Key(), u))
	var out []Confirmation
	for _, i := range items {
		if c := confirmationOf(i); c.Status == ConfirmationPending && c.Expires.After(at) {
			out = append(out, c)
		}
	}
	return out, err
}
