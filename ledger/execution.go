package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// Admission asks to open an execution for a user on a lane. Caps are its own limits: the
// execution holds them all from the start. Slices are what the user's and the tenant's day
// give it; closing returns what was not used.
type Admission struct {
	Execution terms.ExecutionID
	User      terms.User
	Lane      terms.Lane
	Version   string // what of the lane runs, in the opener's words; counted apart
	Purpose   string
	Caps      []Amount // with Slices, the one of [CostLimit] is what every slice takes
	Slices    []Slice
	Approval  string        // the confirmation that this one-call execution runs, "" for an ordinary one
	Hour      int64         // MicroUSD an hour of running costs; all of it is taken at once, and what did not run comes back
	Late      time.Duration // how late a [Metered] may come; what is left comes back only so long after closing
	Deadline  time.Time
	At        time.Time
}

// running is what the whole life of an execution costs, rounded up.
func (a Admission) running() int64 { return hourly(a.Hour, a.Deadline.Sub(a.At)) }

func hourly(price int64, d time.Duration) int64 {
	seconds := int64((max(0, d) + time.Second - 1) / time.Second)
	return (price*seconds + 3599) / 3600
}

// Slice is a part of a day's budget. Limit of the execution it funds is [CostLimit].
type Slice struct {
	Of        string // "user" or "tenant"
	Take, Cap int64  // MicroUSD
	Date      terms.Date
}

// Of a slice. A refusal names the limit with its owner: "user/cost".
const (
	OfUser   = "user"
	OfTenant = "tenant"
)

// NewExecution is an id for an execution of a lane: unguessable, and long enough to be a
// session id of AgentCore ([terms.ExecutionID]).
func NewExecution(lane terms.Lane) terms.ExecutionID {
	return terms.ExecutionID(lane.Own(rand.Text() + rand.Text()[:8]))
}

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
	Used     map[string]int64 // settled, reserved, and held for running time, together
	Counts   Counts
	Why      string // why it closed or was stopped
	Returned int64  // MicroUSD given back to the days it came from
}

// Counts are the records an execution must have left: what the archive checks its chain
// against. Intents without an outcome are calls in flight.
type Counts struct{ Intents, Outcomes, Denials int64 }

// States of an execution. Only an open one admits calls; a stopped one waits for its
// deadline or for being closed.
const (
	open    = "open"
	stopped = "stopped"
	closed  = "closed"
)

// Open takes an execution's slices from the user's and the tenant's day and opens it, in
// one transaction. It fails with [*Refusal] for a used-up day, a stopped or throttled lane, a
// stopped user, an id that was used before, and an approval that is not pending; with
// [ErrInvalid] for an admission that contradicts itself.
//
// It reads the switches before and after: a switch thrown between the two is seen by the
// second look, and one thrown later finds the execution in the list of open ones. So no
// item is shared between the openings of two tenants.
func (l *Ledger) Open(ctx context.Context, a Admission) (Execution, error) {
	if l.Store == nil {
		return Execution{}, ErrUnavailable
	}
	if err := a.check(); err != nil {
		return Execution{}, err
	}
	before, err := l.switches(ctx)
	if err != nil {
		return Execution{}, err
	}
	if before.stops(a) {
		return Execution{}, &Refusal{What: RefusedStopped}
	}
	if err := l.throttled(ctx, a); err != nil {
		return Execution{}, err
	}
	item := a.item(before.tools(a.At))
	if err := l.decide(ctx, func() []step { return l.opening(a, item) }); err != nil {
		return Execution{}, err
	}
	if err := l.openedUnder(ctx, a, before); err != nil {
		return Execution{}, err
	}
	return executionOf(item), nil
}

func (a Admission) check() error {
	switch {
	case a.Execution == "" || a.User.ID == "" || a.User.Tenant == "" || a.Lane.IsZero():
		return invalid("an admission names an execution, a user with a tenant, and a lane")
	case a.At.IsZero() || !a.Deadline.After(a.At) || a.Late < 0:
		return invalid("an execution ends after it begins, and its usage is known after that")
	}
	caps, err := once(a.Caps)
	if err != nil {
		return err
	}
	if a.Hour < 0 || a.Hour > 0 && a.running() > caps[CostLimit] {
		return invalid("an execution's cap of %s covers the time it may run", CostLimit)
	}
	return a.checkSlices(caps)
}

func (a Admission) checkSlices(caps map[string]int64) error {
	seen := map[string]bool{}
	for _, s := range a.Slices {
		most, funded := caps[CostLimit]
		switch {
		case s.Of != OfUser && s.Of != OfTenant || seen[s.Of]:
			return invalid("a slice is of the user's or of the tenant's day, once each")
		case !funded || s.Take != most:
			return invalid("every slice takes the execution's cap of %s", CostLimit)
		case s.Date == "":
			return invalid("a slice names its day")
		case s.Take > s.Cap:
			return &Refusal{What: s.limit(), Left: s.Cap}
		}
		seen[s.Of] = true
	}
	return nil
}

// once reads amounts by limit; a negative one, or a limit named twice, contradicts itself.
func once(amounts []Amount) (map[string]int64, error) {
	out := map[string]int64{}
	for _, a := range amounts {
		if _, twice := out[a.Limit]; twice || a.Take < 0 || a.Limit == "" {
			return nil, invalid("limit %q is named once, with an amount that is not negative", a.Limit)
		}
		out[a.Limit] = a.Take
	}
	return out, nil
}

func (s Slice) limit() string { return s.Of + "/" + CostLimit }

// opening is the transaction that opens: the execution, its place in the list of open
// ones, its slices, and the approval it runs.
func (l *Ledger) opening(a Admission, item Item) []step {
	steps := []step{
		{op: Op{Key: executionKey(a.Execution), Put: item, If: fresh},
			met: func(Item) error { return &Refusal{What: RefusedClosed} }},
		{op: Op{Key: openKey(a.Execution), Put: openItem(a)}},
	}
	for _, s := range a.Slices {
		steps = append(steps, takeDay(s.key(a.User), s.limit(), s.Take, s.Cap, s.Date, l.Zone))
	}
	if a.Approval != "" {
		steps = append(steps, approve(a))
	}
	return steps
}

// takeDay takes from a day's counter, which the first call of the day makes: unknown is
// not unlimited, it is zero used.
func takeDay(k Key, limit string, take, most int64, date terms.Date, zone terms.Zone) step {
	return step{
		op: Op{Key: k, Add: map[string]int64{"used": take}, Set: dayMarks(date),
			If: []Condition{{Attribute: "used", Op: "<=", Value: number(most - take), OrAbsent: true}}},
		met: func(i Item) error {
			return &Refusal{What: limit, Left: max(0, most-i.number("used")), RetryAt: NextDay(date, zone)}
		},
	}
}

func giveDay(k Key, date terms.Date, back int64) step {
	return step{op: Op{Key: k, Add: map[string]int64{"used": -back}, Set: dayMarks(date)}}
}

func dayMarks(date terms.Date) Item {
	return Item{"kind": text("day"), "ttl": seconds(NextDay(date, "UTC").Add(Keep))}
}

func (s Slice) key(u terms.User) Key {
	if s.Of == OfTenant {
		return tenantDayKey(u.Tenant, s.Date)
	}
	return userDayKey(u, s.Date, CostLimit)
}

// item is the execution as it begins. What is left of a limit is kept, not what is used:
// a condition can then compare it with what a call takes, and nothing is read first.
func (a Admission) item(stoppedTools []string) Item {
	i := Item{
		"kind": text("execution"), "execution": text(a.Execution), "status": text(open),
		"tenant": text(a.User.Tenant), "user": text(a.User.ID), "lane": text(a.Lane.String()),
		"version": text(a.Version), "purpose": text(a.Purpose), "approval": text(a.Approval),
		"opened": instant(a.At), "deadline": instant(a.Deadline),
		"due": seconds(a.Deadline), "ttl": seconds(a.Deadline.Add(Keep)),
		"intents": number(0), "outcomes": number(0), "denials": number(0), "returned": number(0),
	}
	if len(a.User.Roles) > 0 {
		i["roles"] = Value{SS: compact(a.User.Roles)}
	}
	if len(stoppedTools) > 0 {
		i["stopped_tools"] = Value{SS: stoppedTools}
	}
	for _, c := range a.Caps {
		i["cap/"+c.Limit], i["left/"+c.Limit] = number(c.Take), number(c.Take)
	}
	for _, s := range a.Slices {
		i["slice/"+s.Of] = text(s.Date)
	}
	if a.Late > 0 {
		i["late"] = number(a.Late.Milliseconds())
	}
	if hold := a.running(); hold > 0 {
		i["hour"], i["running"] = number(a.Hour), number(hold)
		i["left/"+CostLimit] = number(i.number("left/"+CostLimit) - hold)
	}
	return i
}

func compact(words []string) []string {
	out := slices.Clone(words)
	slices.Sort(out)
	return slices.Compact(out)
}

func openItem(a Admission) Item {
	return Item{"kind": text("open"), "execution": text(a.Execution), "lane": text(a.Lane.String()),
		"tenant": text(a.User.Tenant), "user": text(a.User.ID), "ttl": seconds(a.Deadline.Add(Keep))}
}

func executionOf(i Item) Execution {
	if i == nil {
		return Execution{}
	}
	e := Execution{
		ID: terms.ExecutionID(i.text("execution")), Open: i.text("status") == open,
		User: terms.User{ID: i.text("user"), Tenant: i.text("tenant"), Roles: i["roles"].SS}, Lane: laneOf(i.text("lane")),
		Purpose: i.text("purpose"), Approval: i.text("approval"), Deadline: i.time("deadline"),
		Caps: i.amounts("cap"), Used: i.amounts("left"), Why: i.text("why"), Returned: i.number("returned"),
		Counts: Counts{Intents: i.number("intents"), Outcomes: i.number("outcomes"), Denials: i.number("denials")},
	}
	for limit, left := range e.Used {
		e.Used[limit] = e.Caps[limit] - left
	}
	if _, funded := e.Used[CostLimit]; funded {
		e.Used[CostLimit] -= e.Returned
	}
	return e
}

// laneOf reads what [terms.Lane.String] printed; no part of a lane holds a dot.
func laneOf(s string) terms.Lane {
	p := strings.SplitN(s, ".", 4)
	if len(p) != 4 {
		return terms.Lane{}
	}
	return terms.Lane{Platform: p[0], Environment: p[1], Agent: p[2], Name: p[3]}
}

// Execution answers how an execution stands, zero for one that nobody knows.
func (l *Ledger) Execution(ctx context.Context, id terms.ExecutionID) (Execution, error) {
	i, err := l.get(ctx, executionKey(id))
	if err != nil || i.text("kind") != "execution" {
		return Execution{}, err
	}
	return executionOf(i), nil
}

// Close ends an execution, whatever its state, and returns what it did not use to the days
// it came from. Calls in flight keep what they reserved until they settle or their lease
// runs out; [Ledger.Sweep] returns the rest then. It is idempotent.
func (l *Ledger) Close(ctx context.Context, id terms.ExecutionID, why string, at time.Time) error {
	if err := l.decide(ctx, func() []step { return closing(id, why, at) }); err != nil {
		return err
	}
	return l.drain(ctx, id, at)
}

// closing ends admission. The execution stays due until [Ledger.drain] has returned
// everything, so a crash between the two strands nothing.
func closing(id terms.ExecutionID, why string, at time.Time) []step {
	return []step{
		{op: Op{Key: executionKey(id), Set: Item{"status": text(closed), "why": text(why), "due": seconds(at), "closed": instant(at)},
			If: []Condition{{Attribute: "status", Op: Exists}, {Attribute: "closed", Op: Absent}}},
			met: func(Item) error { return errAlready }},
		{op: Op{Key: openKey(id), Delete: true}},
	}
}

// drain returns what a closed execution has left to the days it came from, and an approval
// that it did not use to its user. It keeps the execution due while a call in flight may
// still give something back.
func (l *Ledger) drain(ctx context.Context, id terms.ExecutionID, at time.Time) error {
	for range maxTries {
		i, err := l.get(ctx, executionKey(id))
		if err != nil || i.text("status") != closed || !i.has("due") {
			return err
		}
		if err := l.waitAgain(ctx, i); err != nil {
			return err
		}
		if err := l.apply(ctx, draining(i, at)); !errors.Is(err, errAgain) {
			return err
		}
	}
	return nil // another drain keeps coming between, and it does the same
}

// drainAgain is how soon a closed execution with calls in flight is looked at again. One
// whose call ends by its lease is looked at then.
const drainAgain = time.Minute

// draining takes what it returns from the execution in the same transaction, under the
// condition that nobody returned anything since it looked, and nothing was charged: two cannot
// return the same money. Once nothing is in flight nothing can come back: no reserve passes a
// closed execution, which is counted in the same transaction, and a charge makes it due again.
// Until then it is due again a little later, behind others. What was charged beyond what was left
// is negative, and the days pay it.
func draining(i Item, at time.Time) []step {
	id, back := terms.ExecutionID(i.text("execution")), i.number("left/"+CostLimit)
	op, counted := Op{Key: executionKey(id), If: []Condition{is("intents", i["intents"])}}, []step(nil)
	changed := func(Item) error { return errAgain }
	if known := i.time("closed").Add(time.Duration(i.number("late")) * time.Millisecond); known.After(at) {
		op.Set = Item{"due": seconds(known)}
		return []step{{op: op, met: changed}}
	}
	if i.number("intents") == i.number("outcomes") {
		op.Remove, counted = []string{"due"}, []step{count(i)}
	} else {
		op.Set = Item{"due": seconds(at.Add(drainAgain))}
	}
	days, idle := sliceDays(i), idle(i)
	if len(days) == 0 || back+idle == 0 {
		return append([]step{{op: op, met: changed}}, counted...)
	}
	op.Add = map[string]int64{"left/" + CostLimit: -back, "returned": back + idle}
	op.If = append(op.If, is("returned", i["returned"]))
	if i.has("running") {
		op.Remove = append(op.Remove, "running") // it comes back once: whoever looked before finds that more was returned
	}
	steps := []step{{op: op, met: changed}}
	for _, s := range days {
		steps = append(steps, giveDay(s.key(executionOf(i).User), s.Date, back+idle))
	}
	return append(steps, counted...)
}

// idle is what was held for time that a closed execution did not run, by the clocks of who
// opened and who closed it; nothing once it has come back.
func idle(i Item) int64 {
	ran := hourly(i.number("hour"), i.time("closed").Sub(i.time("opened")))
	return max(0, i.number("running")-ran)
}

// sliceDays is the days an execution took its slices from.
func sliceDays(i Item) []Slice {
	var out []Slice
	for _, of := range []string{OfUser, OfTenant} {
		if date := i.text("slice/" + of); date != "" {
			out = append(out, Slice{Of: of, Date: terms.Date(date)})
		}
	}
	return out
}
