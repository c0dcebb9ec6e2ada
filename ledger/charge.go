package ledger

import (
	"context"
	"time"

	"remit/terms"
)

// Metered is usage that is known only once it has been used, by a report that may come late
// and twice: what an agent takes of models that it uses directly. Call is the same whenever
// the same usage is reported.
type Metered struct {
	Execution      terms.ExecutionID
	Call           terms.CallID
	Amounts        []Amount
	Intent, Record []byte // the two halves of its record
	At             time.Time
}

// Charge takes from an execution what was used, once for each call, whatever is left and
// whatever its state: it is a fact. So a limit that is metered may go below nothing, which no
// [Ledger.Reserve] brings about. An execution with nothing left of a limit that was charged is
// stopped. One that was closed before the report came is due again: a sweep takes the rest
// from the days.
//
// It answers how the execution stands then. It is idempotent, and fails with [*Refusal] for an
// execution nobody opened, with [ErrInvalid], or with [ErrUnavailable], after which the report is
// made again.
func (l *Ledger) Charge(ctx context.Context, m Metered) (Execution, error) {
	if m.Call == "" || m.Execution == "" || m.At.IsZero() {
		return Execution{}, invalid("a charge is of a call of an execution, at a time")
	}
	if _, err := once(m.Amounts); err != nil {
		return Execution{}, err
	}
	c := &charge{Metered: m}
	if err := l.decide(ctx, c.steps); err != nil {
		return Execution{}, err
	}
	i, err := l.get(ctx, executionKey(m.Execution))
	if err != nil {
		return Execution{}, err
	}
	return executionOf(i), l.exhaust(ctx, m, i)
}

// charge is usage, and whether the execution was seen to have closed before.
type charge struct {
	Metered
	late bool
}

func (c *charge) steps() []step {
	r := record{execution: c.Execution, call: c.Call, pass: 1, part: intent, status: Done, body: c.Intent, at: c.At}
	ended := r
	ended.part, ended.body = outcome, c.Record
	return []step{
		{op: Op{Key: callKey(c.Execution, c.Call), Put: c.item(), If: fresh}, met: func(Item) error { return errAlready }},
		{op: c.take(), met: c.met},
		r.step(), ended.step(),
	}
}

func (c *charge) item() Item {
	i := Item{"kind": text("call"), "execution": text(c.Execution), "call": text(c.Call), "status": text(Done), "fence": number(1), "turn": turn(1, Done),
		"at": instant(c.At), "ended": instant(c.At), "ttl": seconds(c.At.Add(Keep))}
	for _, a := range c.Amounts {
		i["took/"+a.Limit] = number(a.Take)
	}
	return i
}

// take counts the call as one that began and ended, and whoever drains the execution at this
// moment looks again.
func (c *charge) take() Op {
	op := Op{Key: executionKey(c.Execution), Add: map[string]int64{"intents": 1, "outcomes": 1}, If: []Condition{{Attribute: "status", Op: Exists}}}
	for _, a := range c.Amounts {
		op.Add["left/"+a.Limit] = -a.Take
	}
	if c.late {
		op.Set = Item{"due": seconds(c.At)}
	} else {
		op.If = append(op.If, Condition{Attribute: "closed", Op: Absent})
	}
	return op
}

func (c *charge) met(i Item) error {
	if !i.has("closed") {
		return &Refusal{What: RefusedClosed}
	}
	c.late = true
	return errAgain
}

// exhaust stops an execution that has nothing left of what was charged. It looks each time the
// same usage is reported, because whoever charged first may have crashed in between.
func (l *Ledger) exhaust(ctx context.Context, m Metered, i Item) error {
	if i.text("status") != open {
		return nil
	}
	for _, a := range sorted(m.Amounts) {
		if a.Take > 0 && i.number("left/"+a.Limit) <= 0 {
			_, err := l.stopExecution(ctx, m.Execution, Switch{Kind: SwitchExecution, Why: a.Limit + " is used up"})
			return err
		}
	}
	return nil
}

// Unattributed is usage of a lane's that names no execution of it.
type Unattributed struct {
	Lane    terms.Lane
	Date    terms.Date
	Call    terms.CallID
	Amounts []Amount
	At      time.Time
}

// ChargeLane counts what no execution can be charged with on the lane's own day, once for each
// call. Nothing is refused for it: whoever counts it raises an alarm.
func (l *Ledger) ChargeLane(ctx context.Context, u Unattributed) error {
	if u.Lane.IsZero() || u.Date == "" || u.Call == "" || u.At.IsZero() {
		return invalid("usage of a lane is of a call, on a day, at a time")
	}
	if _, err := once(u.Amounts); err != nil {
		return err
	}
	ttl := seconds(u.At.Add(Keep))
	seen := Item{"kind": text("unattributed"), "call": text(u.Call), "at": instant(u.At), "ttl": ttl}
	day := Op{Key: laneDayKey(u.Lane, u.Date), Add: map[string]int64{"calls": 1}, Set: Item{"kind": text("lane"), "ttl": ttl}}
	for _, a := range u.Amounts {
		seen["took/"+a.Limit], day.Add["used/"+a.Limit] = number(a.Take), a.Take
	}
	return l.decide(ctx, func() []step {
		return []step{{op: Op{Key: laneCallKey(u.Lane, u.Call), Put: seen, If: fresh}, met: func(Item) error { return errAlready }}, {op: day}}
	})
}

// LaneDay reads what was counted on a lane's day by [Ledger.ChargeLane]: how many calls, and
// their amounts by limit.
func (l *Ledger) LaneDay(ctx context.Context, lane terms.Lane, date terms.Date) (calls int64, used map[string]int64, err error) {
	i, err := l.get(ctx, laneDayKey(lane, date))
	return i.number("calls"), i.amounts("used"), err
}
