package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"remit/terms"
)

// Outcome makes a reservation exact: how it ended, what was really used (limits not named
// were used as reserved), the result to store under the claim's key, and the record's
// second half. Took and Once repeat the claim's, because settling reads nothing first; a
// Took that is not what was reserved is [ErrInvalid].
type Outcome struct {
	Execution    terms.ExecutionID
	Fence        uint64     // the reservation's; 0 ends whichever pass is reserved
	Status       Status     // Done, Failed or Released
	User         terms.User // with Confirmation: whose it is
	Took, Used   []Amount
	Once         *Once
	Confirmation *Approved
	Result       []byte
	Record       []byte
	At           time.Time
}

// MaxResult is the largest result that is stored, in bytes: a DynamoDB item holds 400 KB.
const MaxResult = 300 << 10

// ErrNotReserved means that no reservation of this call is waiting: it never existed, was
// settled, or ended as indeterminate.
var ErrNotReserved = errors.New("ledger: the call is not reserved")

// Settle makes a reservation exact, in one write. It fails with [ErrNotReserved] when there
// is nothing to settle, and is idempotent: a repeat of the same status, usage and result
// answers nil. It settles calls of closed executions too: what they ran is a fact.
//
// Used above Took is [ErrInvalid]: what is reserved is the worst case, or a cap is passed.
func (l *Ledger) Settle(ctx context.Context, call terms.CallID, o Outcome) error {
	if l.Store == nil {
		return ErrUnavailable
	}
	back, err := o.check(call)
	if err != nil {
		return err
	}
	if o.Status == Released {
		return l.release(ctx, call, o)
	}
	s := &settlement{call: call, o: &o, back: back, fence: max(1, int64(o.Fence)), once: o.Once}
	return l.decide(ctx, s.steps)
}

func (o *Outcome) check(call terms.CallID) (back map[string]int64, err error) {
	if call == "" || o.Execution == "" || o.At.IsZero() {
		return nil, invalid("an outcome is of a call of an execution, at a time")
	}
	if o.Status != Done && o.Status != Failed && o.Status != Released {
		return nil, invalid("a call settles as done, failed or released, not %q", o.Status)
	}
	if len(o.Result) > MaxResult {
		return nil, invalid("a result of %d bytes cannot be stored, at most %d can; settle with one that says so", len(o.Result), MaxResult)
	}
	if o.Confirmation != nil && (o.User.ID == "" || o.User.Tenant == "") {
		return nil, invalid("a confirmation is a user's")
	}
	return o.back()
}

// back is what returns to the execution: what was taken and not used.
func (o *Outcome) back() (map[string]int64, error) {
	took, err := once(o.Took)
	if err != nil {
		return nil, err
	}
	used, err := once(o.Used)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for limit, n := range used {
		if n > took[limit] {
			return nil, invalid("%d of %s were used and %d reserved: the reservation was not the worst case", n, limit, took[limit])
		}
		out["left/"+limit] = took[limit] - n
	}
	return out, nil
}

// mark tells one outcome from another: a repeat of the same is no error.
func (o *Outcome) mark() string {
	used, _ := json.Marshal(sorted(o.Used)) // texts and numbers
	return digest([]byte(o.Status), used, o.Result)
}

// settlement is an outcome and what failed conditions have shown of the call.
type settlement struct {
	call  terms.CallID
	o     *Outcome
	back  map[string]int64
	fence int64
	once  *Once // nil too once the key is known to be another's
}

func (s *settlement) steps() []step {
	o := s.o
	steps := []step{
		s.end(),
		{op: Op{Key: executionKey(o.Execution), Add: add(s.back, "outcomes", 1)}},
		record{execution: o.Execution, call: s.call, pass: s.fence, part: outcome, status: o.Status, body: o.Record, at: o.At}.step(),
	}
	if s.once != nil {
		steps = append(steps, step{op: s.once.finish(s.call, s.fence, o.Result, o.At), met: func(Item) error {
			s.once = nil // an event ended the claim while the call ran
			return errAgain
		}})
	}
	if o.Confirmation != nil {
		step := endConfirmation(o.User, o.Confirmation.ID, ConfirmationDone, Item{"result": Value{B: append([]byte{}, o.Result...)}})
		step.op.If = []Condition{is("call", text(s.call))} // the caller says which it was, and could say another's
		steps = append(steps, step)
	}
	return steps
}

func add(amounts map[string]int64, name string, n int64) map[string]int64 {
	out := map[string]int64{name: n}
	for k, v := range amounts {
		out[k] = v
	}
	return out
}

func (s *settlement) end() step {
	op := endCall(s.o.Execution, s.call, s.fence, s.o.Status, s.o.At)
	op.Set["mark"] = text(s.o.mark())
	for _, t := range sorted(s.o.Took) {
		op.If = append(op.If, is("took/"+t.Limit, number(t.Take)))
	}
	return step{op: op, met: s.met}
}

func (s *settlement) met(i Item) error {
	status, fence := Status(i.text("status")), i.number("fence")
	switch {
	case status == s.o.Status && i.text("mark") == s.o.mark() && (s.o.Fence == 0 || int64(s.o.Fence) == fence):
		return errAlready
	case status != Reserved || s.o.Fence != 0 && int64(s.o.Fence) != fence:
		return ErrNotReserved
	case fence == s.fence:
		return invalid("the call did not take what the outcome says it took")
	}
	s.fence, s.once = fence, s.o.Once // what was learned of the key was of another pass
	return errAgain
}

// endCall is the step every end of a call shares: it is reserved, and by this pass.
func endCall(execution terms.ExecutionID, call terms.CallID, fence int64, status Status, at time.Time) Op {
	return Op{Key: callKey(execution, call), Set: Item{"status": text(status), "turn": turn(fence, status), "ended": instant(at)}, Remove: []string{"due"},
		If: []Condition{is("turn", turn(fence, Reserved))}}
}

// release undoes a reservation under which nothing ran. It reads the call for what it
// took, because nothing ran that could be slowed down by it.
func (l *Ledger) release(ctx context.Context, call terms.CallID, o Outcome) error {
	return l.finish(ctx, o.Execution, call, func(i Item) (*ending, error) {
		if Status(i.text("status")) == Released && (o.Fence == 0 || int64(o.Fence) == i.number("fence")) {
			return nil, nil
		}
		if Status(i.text("status")) != Reserved || o.Fence != 0 && int64(o.Fence) != i.number("fence") {
			return nil, ErrNotReserved
		}
		return &ending{call: i, status: Released, record: o.Record, at: o.At}, nil
	})
}

// finish ends a call that must be read first. what looks at it and says how, nil for not
// at all; it looks again whenever the call changed meanwhile.
func (l *Ledger) finish(ctx context.Context, execution terms.ExecutionID, call terms.CallID, what func(Item) (*ending, error)) error {
	for range maxTries {
		i, err := l.get(ctx, callKey(execution, call))
		if err != nil {
			return err
		}
		e, err := what(i)
		if e == nil || err != nil {
			return err
		}
		if err := e.look(ctx, l); err != nil {
			return err
		}
		if err := l.apply(ctx, e.steps()); !errors.Is(err, errAgain) {
			return err
		}
	}
	return ErrUnavailable
}

// ending is the end of a call other than settling it: released, because nothing ran, or
// indeterminate, because nobody knows.
type ending struct {
	call   Item
	once   Item // as it stands; nil when this pass does not hold it
	status Status
	record []byte
	at     time.Time
}

// look reads the key, which tells whether the call still holds it and what it superseded.
func (e *ending) look(ctx context.Context, l *Ledger) error {
	if !e.call.has("once") {
		return nil
	}
	i, err := l.get(ctx, onceKey(e.call.text("once")))
	if i.text("holder") == holder(terms.CallID(e.call.text("call")), e.call.number("fence")) {
		e.once = i
	}
	return err
}

func (e *ending) steps() []step {
	execution, call, fence := terms.ExecutionID(e.call.text("execution")), terms.CallID(e.call.text("call")), e.call.number("fence")
	changed := func(Item) error { return errAgain }
	r := record{execution: execution, call: call, pass: fence, part: outcome, status: e.status, body: e.record, at: e.at}
	if e.status == Indeterminate {
		r.why = whyLease
	}
	steps := []step{
		{op: endCall(execution, call, fence, e.status, e.at), met: changed},
		{op: Op{Key: executionKey(execution), Add: e.back()}},
		r.step(),
	}
	steps = append(steps, e.days()...)
	if e.once != nil {
		op := doubt(e.once, e.call.text("once"), call, fence, e.at)
		if e.status == Released {
			op = letGo(e.once, e.call.text("once"), call, fence, e.at)
		}
		steps = append(steps, step{op: op, met: changed})
	}
	return append(steps, e.confirmation()...)
}

// back is everything for a call that did not run, and nothing for one that may have.
func (e *ending) back() map[string]int64 {
	out := map[string]int64{"outcomes": 1}
	if e.status == Released {
		for _, t := range tookOf(e.call) {
			out["left/"+t.Limit] = t.Take
		}
	}
	return out
}

// days returns daily limits likewise, and those of a call that may have run where the
// declaration says that such a call does not count.
func (e *ending) days() []step {
	var steps []step
	u := terms.User{ID: e.call.text("user"), Tenant: e.call.text("tenant")}
	for _, d := range dailyOf(e.call) {
		if e.status == Released || !d.Indeterminate {
			steps = append(steps, giveDay(userDayKey(u, d.Date, d.Limit), d.Date, d.Take))
		}
	}
	return steps
}

func (e *ending) confirmation() []step {
	if !e.call.has("confirmation") {
		return nil
	}
	u := terms.User{ID: e.call.text("user"), Tenant: e.call.text("tenant")}
	status, more := ConfirmationIndeterminate, Item(nil)
	if e.status == Released {
		status, more = ConfirmationApproved, Item{"due": seconds(e.at)} // the sweep looks when it expires
	}
	return []step{endConfirmation(u, e.call.text("confirmation"), status, more)}
}

// Denial records a call that policy refused. It takes from no limit.
type Denial struct {
	Call      terms.CallID
	Execution terms.ExecutionID
	Intent    []byte
	At        time.Time
}

// Deny records a refused call and counts it apart from every limit. It fails with
// [*Refusal] for an execution nobody opened: a request without one is not written here.
func (l *Ledger) Deny(ctx context.Context, d Denial) error {
	if d.Call == "" || d.Execution == "" || d.At.IsZero() {
		return invalid("a denial is of a call of an execution, at a time")
	}
	r := record{execution: d.Execution, call: d.Call, part: denial, status: Denied, body: d.Intent, at: d.At}
	r.refused = l.token() // a call can be refused any number of times, and nothing counts them first
	return l.decide(ctx, func() []step {
		return []step{
			{op: Op{Key: executionKey(d.Execution), Add: map[string]int64{"denials": 1}, If: []Condition{{Attribute: "status", Op: Exists}}},
				met: func(Item) error { return &Refusal{What: RefusedClosed} }},
			r.step(),
		}
	})
}

// Call is what the ledger knows of one call, for whoever answers after the tool.
type Call struct {
	Status       Status
	Fence        uint64
	Expires      time.Time // while reserved
	Intent       []byte
	Stored       []byte // Done, Failed, Duplicate: the stored result, where a key was claimed and holds it
	Confirmation string // its id: the one it proposed or ran under
}

// Find answers what became of a call, zero for one that never came; never needed on the
// allowed path.
func (l *Ledger) Find(ctx context.Context, execution terms.ExecutionID, call terms.CallID) (Call, error) {
	i, err := l.get(ctx, callKey(execution, call))
	if err != nil || i == nil {
		return Call{}, err
	}
	r, err := l.get(ctx, recordKey(execution, call, passText(i.number("fence")), intent))
	if err != nil {
		return Call{}, err
	}
	out := Call{Status: Status(i.text("status")), Fence: uint64(i.number("fence")), Intent: r["body"].B, Confirmation: i.text("confirmation")}
	if out.Status == Reserved {
		out.Expires = i.time("expires")
	}
	out.Stored, err = l.storedFor(ctx, i)
	return out, err
}

func (l *Ledger) storedFor(ctx context.Context, call Item) ([]byte, error) {
	status := Status(call.text("status"))
	if !call.has("once") || status != Done && status != Failed && status != Duplicate {
		return nil, nil
	}
	i, err := l.get(ctx, onceKey(call.text("once")))
	if i.text("state") != done || status != Duplicate && i.text("call") != call.text("call") {
		return nil, err
	}
	return i["result"].B, err
}
