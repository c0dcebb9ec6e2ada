package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"remit/terms"
)

// Claim is what a call takes before it runs. The zero Claim takes nothing and is refused.
type Claim struct {
	Call         terms.CallID
	Execution    terms.ExecutionID
	User         terms.User // whose daily limits are taken
	Tool         string     // "" for a model call, which no tool switch stops
	Takes        []Amount
	Daily        []Daily
	Once         *Once
	Owner        *ItemCheck
	Confirmation *Approved // set only in the one-call execution of an approval
	Intent       []byte    // the record's first half
	Lease        time.Duration
	At           time.Time
}

// Daily is one call taken from a limit that an execution does not hold: so many a day,
// per user. Date is the day in the environment's time zone, see [DayOf].
type Daily struct {
	Limit         string // such as "tool/pull_credit_report"
	Take, Cap     int64
	Date          terms.Date
	Indeterminate bool // a call whose outcome stays unknown counts
}

// ItemCheck is a fact that the transaction must attest: the item exists and each
// attribute holds the value, as its text or as a member of its set. One that attests
// nothing is not valid.
type ItemCheck struct {
	Key   Key
	Where map[string]string
}

// MaxLease is the longest a call may stay reserved: a Lambda function's longest run.
const MaxLease = 15 * time.Minute

// check refuses what says too little, and what is larger than its cap: that is refused
// and never clipped, and would pass an absent counter.
func (c *Claim) check(l *Ledger) error {
	if c.Call == "" || c.Execution == "" || c.At.IsZero() {
		return invalid("a claim names a call, an execution and a time")
	}
	if c.Lease <= 0 || c.Lease > MaxLease {
		return invalid("a lease of %v is not between nothing and %v", c.Lease, MaxLease)
	}
	if _, err := once(c.Takes); err != nil {
		return err
	}
	if c.Owner != nil && len(c.Owner.Where) == 0 {
		return invalid("an owner check says what must hold")
	}
	if c.Once != nil && (c.Once.Key == "" || c.Once.For <= 0 || c.Once.Supersedes == c.Call) {
		return invalid("an idempotency claim has a key and a lifetime, and supersedes another call")
	}
	if (c.Confirmation != nil || len(c.Daily) > 0) && (c.User.ID == "" || c.User.Tenant == "") {
		return invalid("a daily limit and a confirmation belong to a user with a tenant")
	}
	return c.checkDaily(l)
}

func (c *Claim) checkDaily(l *Ledger) error {
	seen := map[Key]bool{}
	for _, d := range c.Daily {
		k := userDayKey(c.User, d.Date, d.Limit)
		switch {
		case d.Limit == "" || d.Limit == CostLimit || d.Date == "" || d.Take < 0 || seen[k]:
			return invalid("a daily limit %q is named once, with its day and an amount that is not negative", d.Limit)
		case d.Take > d.Cap:
			return &Refusal{What: d.Limit, Left: max(0, d.Cap), RetryAt: NextDay(d.Date, l.Zone)}
		}
		seen[k] = true
	}
	return nil
}

// spend is the step on the execution's own item that every admitted pass makes: nothing
// of it is shared with another execution.
type spend struct {
	execution         terms.ExecutionID
	tool              string
	at                time.Time
	takes             []Amount
	intents, outcomes int64
}

func (s spend) step() step {
	op := Op{Key: executionKey(s.execution), Add: map[string]int64{"intents": s.intents, "outcomes": s.outcomes},
		If: []Condition{is("status", text(open)), after("deadline", s.at)}}
	if s.tool != "" {
		op.If = append(op.If, Condition{Attribute: "stopped_tools", Op: Lacks, Value: text(s.tool)})
	}
	for _, t := range s.takes {
		op.Add["left/"+t.Limit] = -t.Take
		op.If = append(op.If, atLeast("left/"+t.Limit, t.Take))
	}
	return step{op: op, met: s.refusal}
}

// refusal says which of the conditions failed. A limit the execution does not have has
// nothing left.
func (s spend) refusal(i Item) error {
	switch {
	case i.text("status") == stopped:
		return &Refusal{What: RefusedStopped}
	case i.text("status") != open || !i.time("deadline").After(s.at):
		return &Refusal{What: RefusedClosed}
	}
	for _, t := range s.takes {
		if left := i.number("left/" + t.Limit); left < t.Take || !i.has("left/"+t.Limit) {
			return &Refusal{What: t.Limit, Left: left}
		}
	}
	return &Refusal{What: RefusedStopped}
}

func (c *ItemCheck) step() step {
	op := Op{Key: c.Key}
	for _, name := range slices.Sorted(maps.Keys(c.Where)) {
		op.If = append(op.If, Condition{Attribute: name, Op: Holds, Value: text(c.Where[name])})
	}
	return step{op: op, met: func(Item) error { return &Refusal{What: RefusedOwner} }}
}

// item is the call as it begins: what it took is kept with it, so that its end can be
// made exact by whoever finds it.
func (c *Claim) item(status Status, pass int64) Item {
	i := Item{
		"kind": text("call"), "execution": text(c.Execution), "call": text(c.Call), "tool": text(c.Tool),
		"status": text(status), "fence": number(pass), "turn": turn(pass, status), "at": instant(c.At), "ttl": seconds(c.At.Add(Keep)),
	}
	if c.Once != nil {
		i["once"] = text(c.Once.Key)
	}
	if status != Reserved {
		return i
	}
	i["expires"], i["due"] = instant(c.expires()), seconds(c.expires())
	for _, t := range c.Takes {
		i["took/"+t.Limit] = number(t.Take)
	}
	if c.User.ID != "" {
		i["tenant"], i["user"] = text(c.User.Tenant), text(c.User.ID)
	}
	if len(c.Daily) > 0 {
		daily, _ := json.Marshal(c.Daily) // texts, numbers and a bool
		i["daily"] = Value{B: daily}
	}
	if c.Confirmation != nil {
		i["confirmation"] = text(c.Confirmation.ID)
	}
	return i
}

// turn is pass and status in one value: one condition then says that neither has changed.
func turn(pass int64, status Status) Value {
	return text(passText(pass) + " " + string(status))
}

func (c *Claim) expires() time.Time { return c.At.Add(c.Lease) }

func dailyOf(call Item) []Daily {
	var out []Daily
	if err := json.Unmarshal(call["daily"].B, &out); err != nil {
		return nil // absent: the call took none
	}
	return out
}

func tookOf(call Item) []Amount {
	var out []Amount
	for limit, n := range call.amounts("took") {
		out = append(out, Amount{limit, n})
	}
	return sorted(out)
}
