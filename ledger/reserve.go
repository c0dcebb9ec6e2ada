package ledger

import (
	"context"
	"time"

	"remit/terms"
)

// Reservation is what was taken. Stored is set for a duplicate: return it, do not run.
type Reservation struct {
	Call    terms.CallID
	Fence   uint64
	Expires time.Time
	Stored  []byte
}

// Reserve takes a call's amounts in one transaction, or fails with [*Refusal] or
// [ErrUnavailable], or [ErrInvalid] for a claim that contradicts itself; in each case no
// tool may run. Every pass is a debit: a call id that comes again supersedes the pass
// before it, which becomes indeterminate if it is unsettled.
//
// After ErrUnavailable the amounts may have been taken: the lease and [Ledger.Sweep] end
// that, and a key claimed by it becomes indeterminate, because nobody can tell.
func (l *Ledger) Reserve(ctx context.Context, c Claim) (Reservation, error) {
	if l.Store == nil {
		return Reservation{}, ErrUnavailable
	}
	if err := c.check(l); err != nil {
		return Reservation{}, err
	}
	p := &pass{zone: l.Zone, claim: &c, number: 1, status: Reserved}
	if err := l.decide(ctx, p.steps); err != nil {
		return Reservation{}, err
	}
	return Reservation{Call: c.Call, Fence: uint64(p.number), Expires: c.expires(), Stored: p.stored}, nil
}

// pass is one time that a call comes, and what is known of it so far: nothing but the
// claim on the first try, and after that what failed conditions have shown.
type pass struct {
	zone   terms.Zone
	claim  *Claim
	number int64
	status Status // Reserved, Duplicate or Proposed
	before Item   // the pass before this one; nil for the first
	stored []byte // of a duplicate; never nil then
	lapsed bool   // what the claim would supersede is gone: claim as if it never was

	proposal *Proposal // of a proposed call
	waits    bool      // the same proposal is stored already
}

// steps is the transaction of a pass. Their order is the order in which refusals are told:
// a closed execution before an owner, and an owner before anything about a key.
func (p *pass) steps() []step {
	steps := append([]step{p.spend(), p.call()}, p.records()...)
	if p.status == Reserved {
		steps = append(steps, p.daily()...)
	}
	if p.claim.Owner != nil {
		steps = append(steps, p.claim.Owner.step())
	}
	if p.claim.Once != nil && p.status != Duplicate {
		steps = append(steps, p.once())
	}
	return append(steps, p.confirmation()...)
}

// asked is what the caller wants of the pass.
func (p *pass) asked() Status {
	if p.proposal != nil {
		return Proposed
	}
	return Reserved
}

// interrupts reports whether the pass before this one is unsettled: this one ends it.
func (p *pass) interrupts() bool { return Status(p.before.text("status")) == Reserved }

// spend takes from the execution. A duplicate and a proposal are calls, and nothing else
// of what they would have used is.
func (p *pass) spend() step {
	s := spend{execution: p.claim.Execution, tool: p.claim.Tool, at: p.claim.At, takes: p.claim.Takes, intents: 1}
	if p.interrupts() {
		s.outcomes++
	}
	if p.status != Reserved {
		s.outcomes++
		s.takes = nil
		for _, t := range p.claim.Takes {
			if t.Limit == ToolCallsLimit {
				s.takes = append(s.takes, t)
			}
		}
	}
	return s.step()
}

// call puts the pass in the place of the one before, if that has not changed meanwhile:
// its number is the fence that keeps the end of an old pass from
// ending this one.
func (p *pass) call() step {
	i := p.claim.item(p.status, p.number)
	if p.proposal != nil {
		i["confirmation"] = text(p.proposal.ID)
	}
	op := Op{Key: callKey(p.claim.Execution, p.claim.Call), Put: i, If: fresh}
	if p.before != nil {
		op.If = []Condition{is("turn", p.before["turn"])}
	}
	return step{op: op, met: func(i Item) error {
		p.before, p.number = i, i.number("fence")+1
		p.status, p.stored, p.lapsed = p.asked(), nil, false // the pass before may hold the key that was looked at
		return errAgain
	}}
}

// records is the intent of this pass, its outcome where it has one already, and the
// outcome of a pass that this one interrupts.
func (p *pass) records() []step {
	r := record{execution: p.claim.Execution, call: p.claim.Call, at: p.claim.At, status: p.status, pass: p.number}
	intended, ended, interrupted := r, r, r
	intended.part, intended.body = intent, p.claim.Intent
	steps := []step{intended.step()}
	if p.status != Reserved {
		ended.part = outcome
		steps = append(steps, ended.step())
	}
	if p.interrupts() {
		interrupted.part, interrupted.status, interrupted.why, interrupted.pass = outcome, Indeterminate, whyPass, p.before.number("fence")
		steps = append(steps, interrupted.step())
	}
	return steps
}

func (p *pass) daily() []step {
	var steps []step
	for _, d := range p.claim.Daily {
		steps = append(steps, takeDay(userDayKey(p.claim.User, d.Date, d.Limit), d.Limit, d.Take, d.Cap, d.Date, p.zone))
	}
	return steps
}

// once claims the key; a proposal only looks whether it could.
func (p *pass) once() step {
	o := *p.claim.Once
	if p.lapsed {
		o.Supersedes = ""
	}
	op := o.claim(p.claim, p.number)
	if p.status == Proposed {
		op = Op{Key: op.Key, If: op.If}
	}
	return step{op: op, met: p.held}
}

// held says what it means that the key is another call's.
func (p *pass) held(i Item) error {
	switch {
	case p.claim.Once.Supersedes != "" && !p.lapsed && !i.time("free").After(p.claim.At):
		p.lapsed = true
		return errAgain
	case i.text("state") == done:
		p.status, p.stored = Duplicate, append([]byte{}, i["result"].B...)
		return errAgain
	case i.text("state") == claimed && i.time("lease").After(p.claim.At):
		return &Refusal{What: RefusedBusy, RetryAt: i.time("lease")}
	}
	return &Refusal{What: RefusedIndeterminate} // a dead lease is an unknown outcome before the sweep says so
}

// confirmation is what the pass does to a confirmation: store a proposal, or use an
// approval up.
func (p *pass) confirmation() []step {
	switch {
	case p.proposal != nil && p.status == Proposed:
		return []step{p.propose()}
	case p.claim.Confirmation != nil:
		return []step{p.use()}
	}
	return nil
}
