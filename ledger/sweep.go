package ledger

import (
	"context"
	"errors"
	"time"

	"remit/terms"
)

// Ended is one thing a sweep ended: an execution past its deadline, whose session the
// caller stops; a call whose lease ran out; or a confirmation nobody used.
type Ended struct {
	Execution    terms.ExecutionID
	Call         terms.CallID // "" for an execution
	Confirmation string       // "" but for a confirmation
	Lane         terms.Lane   // of an execution
	Why          string
}

// Sweep ends up to limit things that are due at an instant, oldest first, and answers
// what it ended; a caller repeats it while it ends as many as it may. One that cannot be
// ended does not keep the others: its error is joined to the answer, and it stays due.
//
// After one sweep past a lease nothing of the call is stranded: it is indeterminate, what
// it took stays taken, except a daily limit that says otherwise.
func (l *Ledger) Sweep(ctx context.Context, at time.Time, limit int) ([]Ended, error) {
	if l.Store == nil {
		return nil, ErrUnavailable
	}
	due, err := l.Store.Due(ctx, at, limit)
	if err != nil {
		return nil, err
	}
	var out []Ended
	var failed error
	for _, i := range due {
		ended, err := l.endDue(ctx, i, at)
		failed = errors.Join(failed, err)
		if ended != nil {
			out = append(out, *ended)
		}
	}
	return out, failed
}

// endDue reads what is due again, because the list of it may be old.
func (l *Ledger) endDue(ctx context.Context, i Item, at time.Time) (*Ended, error) {
	id, call := terms.ExecutionID(i.text("execution")), terms.CallID(i.text("call"))
	switch i.text("kind") {
	case "call":
		return l.endLease(ctx, id, call, at)
	case "execution":
		return l.endExecution(ctx, id, at)
	case "confirmation":
		return l.expire(ctx, terms.User{ID: i.text("user"), Tenant: i.text("tenant")}, i.text("id"), at)
	}
	return nil, nil
}

func (l *Ledger) endLease(ctx context.Context, id terms.ExecutionID, call terms.CallID, at time.Time) (*Ended, error) {
	var ended *Ended
	err := l.finish(ctx, id, call, func(i Item) (*ending, error) {
		ended = nil
		if Status(i.text("status")) != Reserved || i.time("expires").After(at) {
			return nil, nil
		}
		ended = &Ended{Execution: id, Call: call, Why: "lease"}
		return &ending{call: i, status: Indeterminate, at: at}, nil
	})
	if err != nil {
		return nil, err
	}
	return ended, l.drain(ctx, id, at)
}

func (l *Ledger) endExecution(ctx context.Context, id terms.ExecutionID, at time.Time) (*Ended, error) {
	i, err := l.get(ctx, executionKey(id))
	if err != nil || !i.has("status") {
		return nil, err
	}
	if i.text("status") == closed {
		return nil, l.drain(ctx, id, at)
	}
	if i.time("deadline").After(at) {
		return nil, nil
	}
	if err := l.Close(ctx, id, "deadline", at); err != nil {
		return nil, err
	}
	return &Ended{Execution: id, Lane: laneOf(i.text("lane")), Why: "deadline"}, nil
}

// expire ends a confirmation that nobody used in time and forgets its arguments. One that
// has not expired is due because its call was released; it waits.
func (l *Ledger) expire(ctx context.Context, u terms.User, id string, at time.Time) (*Ended, error) {
	i, err := l.get(ctx, confirmKey(u, id))
	status := ConfirmationStatus(i.text("status"))
	if err != nil || status != ConfirmationPending && status != ConfirmationApproved || i.time("expires").After(at) {
		return nil, err
	}
	ended := &Ended{Confirmation: id, Execution: terms.ExecutionID(i.text("proposed")), Why: "expired"}
	err = l.decide(ctx, func() []step {
		return []step{{
			op: Op{Key: confirmKey(u, id), Set: Item{"status": text(ConfirmationExpired), "ended": instant(at)}, Remove: []string{"due", "sealed"},
				If: []Condition{is("status", text(status))}},
			met: func(Item) error { ended = nil; return errAlready },
		}}
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
