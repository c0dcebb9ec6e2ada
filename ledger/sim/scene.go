package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"remit/ledger"
	"remit/terms"
)

// The scene: two users of one tenant and one of another, six callers, an entry, an
// operator, a sweeper, a meter of what is used directly, and a world that moves applications between tenants. Caps are small,
// so that every run meets them.
const (
	zone                       = "America/New_York"
	callCap, costCap, dailyCap = 5, 300, 4
	tokenCap                   = 100
	userCap, tenantCap         = 900, 1500
	lease                      = 20 * time.Second
	callers, actions           = 6, 9
)

type scene struct {
	executions []ledger.Admission
	calls      []ledger.Claim
	fences     map[terms.CallID]uint64
	proposals  []ledger.Proposal
	approvals  []ledger.Claim
	reports    []ledger.Metered
	released   map[string]int
	stopped    map[string]bool // what a Stop that answered has stopped; lifted again by Resume
	serial     int
}

var ctx = context.Background()

func users() []terms.User {
	return []terms.User{{ID: "ada", Tenant: "acme"}, {ID: "bob", Tenant: "acme"}, {ID: "eve", Tenant: "globex"}}
}

func laneNamed(name string) terms.Lane {
	return terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: name}
}

// Result is what one seed came to: "" for no violation.
type Result struct {
	Steps, Conflicts int
	Violation        string
}

// Run plays one seed.
func Run(seed uint64) Result { return play(seed, func(*world) {}) }

func play(seed uint64, plant func(*world)) Result {
	w := newWorld(seed)
	plant(w)
	w.populate()
	w.run()
	if w.violation == "" {
		w.settleDown()
	}
	for _, stop := range w.oracle.stops {
		stop()
	}
	return Result{w.steps, w.conflicts, w.violation}
}

func newWorld(seed uint64) *world {
	db := newDatabase()
	o := &oracle{db: db, forwards: map[string]int{}, epochs: map[string]int{}, results: map[string]map[string]bool{}}
	w := &world{oracle: o, random: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // the same run for the same seed
		db: db, now: time.Date(2026, 11, 25, 4, 57, 0, 0, time.UTC),
		scene: scene{fences: map[terms.CallID]uint64{}, released: map[string]int{}, stopped: map[string]bool{}}}
	db.done = o.sums
	db.wrote = func(op ledger.Op, before, after ledger.Item) { w.judge(op, before, after) }
	return w
}

// judge looks at one write, and at the sums once its transaction is whole.
func (w *world) judge(op ledger.Op, before, after ledger.Item) {
	w.wrote(op.Key, before, after)
	switch {
	case after == nil && before != nil && strings.HasPrefix(op.Key.Partition, "ONCE#"):
		w.freed(op, before)
	case op.Key.Partition == "SWITCHES":
		w.lifts(op, before)
	case strings.HasPrefix(op.Key.Partition, "WIDEN#") && before != nil:
		w.widens(before, after)
	}
}

// lifts: what is lifted is the switch that stands there, and not one from before.
func (w *world) lifts(op ledger.Op, before ledger.Item) {
	for name, v := range op.Set {
		var now, was ledger.Switch
		_ = json.Unmarshal(v.B, &now)
		_ = json.Unmarshal(before[name].B, &was)
		lifted := now.Lifted != nil
		if now.Lifted, was.Lifted = nil, nil; lifted && now != was {
			w.wrong("a switch was lifted that had been thrown again")
		}
	}
}

// widens: what was asked for is used once, and in time.
func (w *world) widens(before, after ledger.Item) {
	if before["status"].S == "used" {
		w.wrong("%s and %s both approved one widening", before["second"].S, after["second"].S)
	}
	if number(after, "used") >= number(after, "expires") {
		w.wrong("a widening was approved after it had expired")
	}
}

func (w *world) pick(n int) int { return w.random.IntN(n) }

func (w *world) skew() time.Duration {
	return time.Duration(w.pick(601)-300) * time.Second
}

func (w *world) populate() {
	for n := range 3 {
		w.own(n, users()[n%3].Tenant)
	}
	w.start(w.skew(), func(p *process) { w.entry(p) })
	for range callers {
		w.start(w.skew(), func(p *process) { w.caller(p) })
	}
	w.start(w.skew(), func(p *process) { w.operator(p) })
	w.start(w.skew(), func(p *process) { w.operator(p) })
	w.start(w.skew(), func(p *process) { w.sweeper(p) })
	for range 2 {
		w.start(w.skew(), func(p *process) { w.meter(p) })
	}
	w.start(ledger.MaxSkew, func(p *process) { w.rival(p) })
}

func (w *world) own(datum int, tenant string) {
	w.db.items[ledger.OwnerKey("d", fmt.Sprint(datum))] = ledger.Item{"tenant": {S: tenant}}
}

func (w *world) admission(p *process, u terms.User, lane string, calls int64) ledger.Admission {
	w.serial++
	day := ledger.DayOf(p.now(), zone)
	return ledger.Admission{Execution: terms.ExecutionID(fmt.Sprint("e", w.serial)), User: u, Lane: laneNamed(lane), Version: fmt.Sprint("v", w.serial%2),
		Caps:     []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: calls}, {Limit: ledger.CostLimit, Take: costCap}, {Limit: ledger.TokensLimit, Take: tokenCap}},
		Slices:   []ledger.Slice{{Of: "user", Take: costCap, Cap: userCap, Date: day}, {Of: "tenant", Take: costCap, Cap: tenantCap, Date: day}},
		Hour:     int64(w.pick(2)) * 6 * 60, // six a minute
		Late:     time.Duration(w.pick(3)*30) * time.Second,
		Deadline: p.now().Add(time.Duration(60+w.pick(600)) * time.Second), At: p.now()}
}

// admit opens, and holds the ledger to what its switches said when the call began.
func (w *world) admit(p *process, a ledger.Admission) bool {
	lane := ledger.Switch{Kind: ledger.SwitchLane, Name: a.Lane.String()}
	user, stopped := w.stopped["user/"+ledger.UserName(a.User)], w.stopped["lane/"+a.Lane.String()] && !w.lifted(lane)
	throttled := w.throttled(a)
	_, err := p.l.Open(ctx, a)
	if err == nil && throttled && w.throttled(a) {
		w.wrong("an execution opened on a throttled lane")
	}
	if err == nil && (user || stopped && !w.lifted(lane)) {
		w.wrong("an execution opened on a stopped lane or for a stopped user")
	}
	if err == nil {
		w.executions = append(w.executions, a)
	}
	return err == nil
}

// throttled reads the throttle that is stored: another operator may have put a shorter one.
func (w *world) throttled(a ledger.Admission) bool {
	i := w.db.items[ledger.Key{Table: ledger.LedgerTable, Partition: "THROTTLE#" + a.Lane.Key(), Sort: "THROTTLE"}]
	return number(i, "until") > a.At.UnixMilli()
}

func (w *world) entry(p *process) {
	for range 7 {
		if n := len(w.executions); n > 0 && w.pick(6) == 0 { // an id that was used before
			again := w.executions[w.pick(n)]
			again.Deadline, again.At = p.now().Add(time.Minute), p.now()
			again.Slices = nil
			again.Caps = again.Caps[:1]
			if _, err := p.l.Open(ctx, again); err == nil {
				w.wrong("an id was opened twice")
			}
			continue
		}
		w.admit(p, w.admission(p, users()[w.pick(3)], []string{"stable", "canary"}[w.pick(2)], callCap))
	}
}

// claim is a call of some execution, right or wrong.
func (w *world) claim(p *process, e ledger.Admission) ledger.Claim {
	w.serial++
	c := ledger.Claim{Call: terms.CallID(fmt.Sprint("c", w.serial)), Execution: e.Execution, User: e.User, Tool: []string{"read", "write"}[w.pick(2)],
		Takes: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: int64(40 + 60*w.pick(5))}}, Lease: lease, At: p.now()}
	if c.Tool == "read" {
		c.Daily = []ledger.Daily{{Limit: "tool/read/" + e.User.ID, Take: 1, Cap: dailyCap, Date: ledger.DayOf(p.now(), zone), Indeterminate: w.pick(2) == 0}}
	}
	if w.pick(2) == 0 {
		c.Owner = &ledger.ItemCheck{Key: ledger.OwnerKey("d", fmt.Sprint(w.pick(4))), Where: map[string]string{"tenant": e.User.Tenant}}
	}
	if c.Tool == "write" {
		c.Once = &ledger.Once{Key: fmt.Sprint("k", w.pick(2)), For: []time.Duration{time.Hour, time.Second}[w.pick(2)], Until: "done"}
	}
	c.Intent = intentOf(c)
	return c
}

func intentOf(c ledger.Claim) []byte {
	in, _ := json.Marshal(body{Takes: c.Takes, Daily: c.Daily})
	return in
}

// finishAs ends a call as done or as released, with half of the cost used.
func (w *world) finishAs(p *process, c ledger.Claim, r ledger.Reservation, released bool) {
	o := ledger.Outcome{Execution: c.Execution, Fence: r.Fence, Status: ledger.Done, Took: c.Takes, Used: []ledger.Amount{{Limit: ledger.CostLimit, Take: 50}}, At: p.now()}
	if released {
		o.Status = ledger.Released
	}
	o.Record, _ = json.Marshal(body{Used: o.Used})
	_ = p.l.Settle(ctx, c.Call, o)
}

func (w *world) caller(p *process) {
	for range actions {
		for len(w.executions) == 0 {
			_, _ = p.l.Execution(ctx, "none yet")
			if w.steps > 200 {
				return
			}
		}
		e := w.executions[w.pick(len(w.executions))]
		switch w.pick(15) {
		case 0:
			_ = p.l.Deny(ctx, ledger.Denial{Call: "denied", Execution: []terms.ExecutionID{e.Execution, "nobody"}[w.pick(2)], Intent: []byte("{}"), At: p.now()})
		case 1, 2:
			w.propose(p, e)
		case 3, 4:
			w.approve(p)
		case 5, 11:
			w.again(p)
		case 6, 10:
			w.attack(p)
		case 7, 8, 9:
			_ = p.l.Happened(ctx, fmt.Sprint("k", w.pick(2)), "done", p.now())
		default:
			c := w.claim(p, e)
			w.call(p, c)
		}
	}
}

// rival frees a key by its event and claims it, over and over, while others hold it.
func (w *world) rival(p *process) {
	for range 12 {
		_ = p.l.Happened(ctx, "k0", "done", p.now())
		if len(w.executions) == 0 {
			continue
		}
		c := w.claim(p, w.executions[len(w.executions)-1])
		c.Tool, c.Daily, c.Owner, c.Once = "write", nil, nil, &ledger.Once{Key: "k0", For: time.Hour, Until: "done"}
		c.Intent = intentOf(c)
		w.call(p, c)
	}
}

// again repeats a call, with its id.
func (w *world) again(p *process) {
	if n := len(w.calls); n > 0 {
		c := w.calls[n-1-w.pick(min(n, 3))]
		c.At = p.now()
		w.call(p, c)
	}
}

// call is what a gateway does: reserve, run the tool, settle.
func (w *world) call(p *process, c ledger.Claim) {
	if w.pick(4) == 0 {
		c.Once = w.superseding(c)
	}
	w.calls = append(w.calls, c)
	stopped := w.stopped["tool/"+c.Tool] || w.stopped["execution/"+string(c.Execution)]
	r, err := p.l.Reserve(ctx, c)
	if err != nil {
		if r := new(ledger.Refusal); !errors.As(err, &r) && !errors.Is(err, ledger.ErrUnavailable) {
			w.wrong("reserve: %v", err)
		}
		return
	}
	w.admitted(c, stopped)
	w.answered(p, c, r)
}

// superseding is a call's claim in the place of whoever holds its key, or of somebody else.
func (w *world) superseding(c ledger.Claim) *ledger.Once {
	if c.Once == nil {
		return nil
	}
	once := *c.Once
	once.Supersedes = terms.CallID(w.db.items[onceKey(c.Once.Key)]["call"].S)
	if len(w.calls) > 0 && w.pick(3) == 0 {
		once.Supersedes = w.calls[w.pick(len(w.calls))].Call
	}
	if once.Supersedes == c.Call {
		return c.Once
	}
	return &once
}

// admitted holds a reservation to what was true while it was made.
func (w *world) admitted(c ledger.Claim, stopped bool) {
	if stopped {
		w.wrong("a call passed a switch that was thrown before it began")
	}
	if e := w.db.items[executionKey(c.Execution)]; c.At.UnixMilli() >= number(e, "deadline") {
		w.wrong("a call passed its deadline")
	}
	if c.Owner != nil && c.Owner.Key.Partition == "DATUM#d#3" {
		w.wrong("a datum nobody owns was read")
	}
	if c.Owner != nil && !w.owned(c.Owner) {
		w.wrong("another tenant's datum was read")
	}
}

func (w *world) owned(o *ledger.ItemCheck) bool {
	return w.db.items[o.Key]["tenant"].S == o.Where["tenant"]
}

func executionKey(id terms.ExecutionID) ledger.Key {
	return ledger.Key{Table: ledger.LedgerTable, Partition: "EXEC#" + string(id), Sort: "EXEC"}
}

func (w *world) end(p *process, c ledger.Claim, r ledger.Reservation) {
	o := ledger.Outcome{Execution: c.Execution, Fence: r.Fence, Status: ledger.Done, User: c.User, Took: c.Takes, Once: c.Once, Confirmation: c.Confirmation, At: p.now()}
	switch {
	case w.pick(3) == 0:
		o.Status = ledger.Released
	case w.pick(4) == 0:
		o.Fence = 0
	}
	if o.Status != ledger.Released && c.Once != nil {
		w.forward(c.Once.Key)
	}
	o.Used = []ledger.Amount{{Limit: ledger.CostLimit, Take: int64(w.pick(int(c.Takes[1].Take) + 1))}}
	o.Result = []byte("result of " + c.Call)
	o.Record, _ = json.Marshal(body{Used: o.Used})
	if c.Once != nil && o.Status == ledger.Done {
		if w.results[c.Once.Key] == nil {
			w.results[c.Once.Key] = map[string]bool{}
		}
		w.results[c.Once.Key][string(o.Result)] = true
	}
	if w.pick(5) == 0 {
		w.wrongly(p, c, o)
	}
	if c.Once != nil && w.pick(4) == 0 { // it completes before the answer is settled
		_ = p.l.Happened(ctx, c.Once.Key, "done", p.now())
	}
	for range 1 + w.pick(3) { // a caller that was not answered, or that is asked twice, settles again
		o.At = p.now()
		err := p.l.Settle(ctx, c.Call, o)
		if errors.Is(err, ledger.ErrInvalid) {
			w.wrong("settle: %v", err)
		}
		if err == nil && o.Fence != 0 && w.record(c, o.Fence) != o.Status {
			w.wrong("pass %d of %s is told to be settled and is not", o.Fence, c.Call)
		}
	}
}

// record is how a pass ended by its record.
func (w *world) record(c ledger.Claim, fence uint64) ledger.Status {
	k := ledger.Key{Table: ledger.LedgerTable, Partition: "RECORD#" + string(c.Execution), Sort: fmt.Sprintf("%s#%d#outcome", c.Call, fence)}
	return ledger.Status(w.db.items[k]["status"].S)
}

// wrongly settles with amounts that were never taken, or for another's confirmation.
func (w *world) wrongly(p *process, c ledger.Claim, o ledger.Outcome) {
	if n := len(w.proposals); n > 0 && w.pick(2) == 0 && c.Confirmation == nil {
		other := w.proposals[w.pick(n)]
		o.User, o.Confirmation = other.User, &ledger.Approved{ID: other.ID}
	} else {
		o.Took = slices.Clone(o.Took)
		o.Took[1].Take++
	}
	if err := p.l.Settle(ctx, c.Call, o); err == nil && o.Status != ledger.Released {
		w.wrong("an outcome that was not the call's was settled")
	}
}

func (w *world) propose(p *process, e ledger.Admission) {
	c := w.claim(p, e)
	c.Daily = nil
	if w.pick(3) == 0 {
		c.Once = w.superseding(c)
	}
	q := ledger.Proposal{ID: e.Lane.Own("p" + string(c.Call)), Call: c.Call, Execution: c.Execution, User: e.User, Lane: e.Lane, Tool: "write", Takes: c.Takes, Once: c.Once,
		Arguments: "args", Bundle: "bundle", Sealed: []byte("s"), Intent: intentOf(c), Expires: p.now().Add(time.Duration(30+w.pick(300)) * time.Second), At: p.now()}
	if n := len(w.proposals); n > 0 && w.pick(3) == 0 { // the same call, from another copy of the gateway
		q = w.proposals[n-1]
	}
	for range 1 + w.pick(2) {
		if n := len(w.proposals); n > 0 && w.pick(6) == 0 { // the id of another's
			other := w.proposals[w.pick(n)]
			q.ID, q.User, q.Arguments = other.ID, other.User, []terms.Digest{"forged", "args"}[w.pick(2)]
		}
		q.At = p.now()
		if !q.Expires.After(q.At) {
			return
		}
		got, err := p.l.Propose(ctx, q)
		if err != nil || got.ID == "" {
			continue
		}
		w.proposals = append(w.proposals, q)
		w.claimable(q)
		if i := w.db.items[confirmKey(q.User, q.ID)]; i["status"].S != "pending" || i["arguments"].S != string(q.Arguments) {
			w.wrong("a proposal is told to wait, and %s of %q is %s", q.ID, i["arguments"].S, i["status"].S)
		}
	}
}

// claimable holds a proposal to what its key was when it was told to wait.
func (w *world) claimable(q ledger.Proposal) {
	if q.Once == nil {
		return
	}
	i := w.db.items[onceKey(q.Once.Key)]
	replaces := q.Once.Supersedes != "" && i["call"].S == string(q.Once.Supersedes) && i["state"].S != "claimed"
	if number(i, "free") > q.At.UnixMilli() && !replaces {
		w.wrong("a proposal waits under %s, which is taken", q.Once.Key)
	}
}

// approve has a user decide on a proposal, and again at once where the gateway did not take
// the call.
func (w *world) approve(p *process) {
	if len(w.proposals) == 0 {
		return
	}
	q := w.proposals[w.pick(len(w.proposals))]
	for w.decide(p, q) && w.pick(3) > 0 {
	}
}

// decide opens the one-call execution of a proposal and runs it, sometimes wrongly. It
// answers whether an execution was opened and the gateway did not take the call.
func (w *world) decide(p *process, q ledger.Proposal) (untaken bool) {
	lane := q.Lane.Name
	if w.pick(6) == 0 {
		lane = "other"
	}
	if w.pick(8) == 0 {
		_ = p.l.Reject(ctx, q.User, q.ID, p.now())
		return false
	}
	a := w.admission(p, q.User, lane, 2)
	a.Approval = q.ID
	if !w.admit(p, a) {
		return false
	}
	if lane == "other" {
		w.wrong("a lane that did not propose runs what was approved")
	}
	c := w.claim(p, a)
	c.Tool, c.Owner, c.Daily, c.Once = q.Tool, nil, nil, q.Once
	c.Intent = intentOf(c)
	c.Confirmation = &ledger.Approved{ID: q.ID, Arguments: q.Arguments, Bundle: q.Bundle}
	w.approvals = append(w.approvals, c)
	if untaken = w.pick(3) == 0; !untaken {
		w.confirmed(p, c)
	}
	_ = p.l.Close(ctx, a.Execution, fmt.Sprint("decided ", w.steps), p.now())
	return untaken
}

// attack runs an approval in the wrong execution, too late, or with other words.
func (w *world) attack(p *process) {
	if len(w.approvals) == 0 || len(w.executions) == 0 {
		return
	}
	c := w.approvals[w.pick(len(w.approvals))]
	w.serial++
	c.Call, c.At = terms.CallID(fmt.Sprint("x", w.serial)), p.now()
	a := *c.Confirmation
	right := true
	switch w.pick(6) {
	case 0:
		a.Arguments, right = "other", false
	case 1:
		a.Bundle, right = "other", false
	case 2:
		c.Tool, right = "read", false
	case 3, 4:
		c.Execution = w.executions[w.pick(len(w.executions))].Execution
		right = w.approved(a.ID, c.Execution)
	}
	c.Confirmation = &a
	r, err := p.l.Reserve(ctx, c)
	if err == nil && !right {
		w.wrong("other words, or another execution, ran under an approval")
	}
	if err == nil {
		w.expiry(c)
		w.answered(p, c, r)
	}
}

// approved reports whether an execution was opened for a confirmation, which may be approved
// again after the gateway did not take it.
func (w *world) approved(confirmation string, by terms.ExecutionID) bool {
	return slices.ContainsFunc(w.approvals, func(c ledger.Claim) bool { return c.Confirmation.ID == confirmation && c.Execution == by })
}

// answered runs the tool for a reservation, or looks at the result of a duplicate.
func (w *world) answered(p *process, c ledger.Claim, r ledger.Reservation) {
	if r.Stored == nil {
		w.end(p, c, r)
	} else if !w.results[c.Once.Key][string(r.Stored)] {
		w.wrong("%s was answered with a result nobody stored: %q", c.Once.Key, r.Stored)
	}
}

func (w *world) confirmed(p *process, c ledger.Claim) {
	c.At = p.now()
	if r, err := p.l.Reserve(ctx, c); err == nil {
		w.expiry(c)
		w.answered(p, c, r)
	}
}

func (w *world) expiry(c ledger.Claim) {
	if c.At.UnixMilli() >= number(w.db.items[confirmKey(c.User, c.Confirmation.ID)], "expires") {
		w.wrong("an expired approval ran")
	}
}

func onceKey(key string) ledger.Key {
	return ledger.Key{Table: ledger.LedgerTable, Partition: "ONCE#" + key, Sort: "ONCE"}
}

func confirmKey(u terms.User, id string) ledger.Key {
	return ledger.Key{Table: ledger.LedgerTable, Partition: "CONFIRM#" + terms.OwnerOf(id) + "#" + u.Tenant + "#" + u.ID, Sort: id}
}

func (w *world) operator(p *process) {
	for range 5 {
		for range w.pick(15) {
			_, _ = p.l.Execution(ctx, "waiting")
		}
		w.operate(p)
	}
}

func (w *world) operate(p *process) {
	e := ledger.Admission{Execution: "nobody", User: users()[0], Lane: laneNamed("stable")}
	if len(w.executions) > 0 {
		e = w.executions[w.pick(len(w.executions))]
	}
	switch w.pick(10) {
	case 9:
		_ = p.l.Throttle(ctx, ledger.Throttle{Lane: e.Lane, Until: p.now().Add(time.Duration(1+w.pick(120)) * time.Second), Why: "odd", At: p.now()})
	case 0:
		w.stop(p, ledger.Switch{Kind: ledger.SwitchTool, Name: "read"})
	case 1:
		w.stop(p, ledger.Switch{Kind: ledger.SwitchUser, Name: ledger.UserName(e.User)})
	case 2:
		w.stop(p, ledger.Switch{Kind: ledger.SwitchExecution, Name: string(e.Execution)})
	case 3:
		w.stop(p, ledger.Switch{Kind: ledger.SwitchLane, Name: e.Lane.String()})
	case 4:
		_ = p.l.Close(ctx, []terms.ExecutionID{e.Execution, "nobody"}[w.pick(2)], fmt.Sprint("closed ", w.steps), p.now())
	case 5:
		_ = p.l.Happened(ctx, fmt.Sprint("k", w.pick(2)), []string{"done", "other"}[w.pick(2)], p.now().Add(-time.Duration(w.pick(2))*time.Hour))
	case 6:
		w.resume(p, e.Lane.String())
	case 7:
		w.raise(p, []terms.ExecutionID{e.Execution, e.Execution, "nobody"}[w.pick(3)], []string{ledger.ToolCallsLimit, ledger.ModelCostLimit}[w.pick(2)])
	case 8:
		w.own(w.pick(3), users()[w.pick(3)].Tenant)
	}
}

func (w *world) stop(p *process, s ledger.Switch) {
	s.Who, s.Why, s.At = "op", "odd", p.now()
	if _, err := p.l.Stop(ctx, s); err == nil && !w.lifted(s) {
		w.stopped[string(s.Kind)+"/"+s.Name] = true
	}
}

// lifted: another operator may have resumed what this one was still stopping.
func (w *world) lifted(s ledger.Switch) bool {
	i := w.db.items[ledger.Key{Table: ledger.LedgerTable, Partition: "SWITCHES", Sort: "SWITCHES"}]
	var now ledger.Switch
	_ = json.Unmarshal(i[string(s.Kind)+"/"+s.Name].B, &now)
	return now.Lifted != nil
}

// resume lifts a lane's switch for longer than the run; from then on nothing is claimed of
// openings on it.
func (w *world) resume(p *process, lane string) {
	delete(w.stopped, "lane/"+lane)
	w.widen(p, ledger.Want{Kind: ledger.SwitchLane, Name: lane})
}

// raise has two people add one to a limit, or, past what they may ask for, to one that the
// execution does not have.
func (w *world) raise(p *process, id terms.ExecutionID, limit string) {
	more := ledger.Amount{Limit: limit, Take: 1}
	if w.pick(2) == 0 {
		w.widen(p, ledger.Want{Execution: id, More: more})
		return
	}
	right, err := ledger.Widen("op", "boss", "month end", p.now(), p.now().Add(time.Hour))
	if err != nil {
		w.wrong("widen: %v", err)
	}
	_ = p.l.Raise(ctx, id, more, right, p.now())
}

// widen asks, looks elsewhere for a while, and has two people approve, perhaps too late.
func (w *world) widen(p *process, want ledger.Want) {
	want.Who, want.Why, want.At, want.Until = "op", "month end", p.now(), p.now().Add(5*time.Hour)
	asked, err := p.l.AskToWiden(ctx, want)
	if err != nil {
		return
	}
	for range w.pick(20) {
		_, _ = p.l.Execution(ctx, "waiting")
	}
	at := p.now().Add(time.Duration(w.pick(4)) * 25 * time.Minute)
	for _, second := range []string{"boss", "chief"} {
		_, _ = p.l.Widen(ctx, asked, second, at)
	}
}

func (w *world) sweeper(p *process) {
	for range 12 {
		for range w.pick(25) {
			_, _ = p.l.Execution(ctx, "waiting")
		}
		_, _ = p.l.Sweep(ctx, p.now(), 5)
	}
}

// meter charges executions, some of them long closed, with what was used of models, and a lane
// with what names none. Reports come again, to this copy and to another.
func (w *world) meter(p *process) {
	for range 10 {
		for range w.pick(20) {
			_, _ = p.l.Execution(ctx, "waiting")
		}
		w.serial++
		id, call := terms.ExecutionID("nobody"), terms.CallID(fmt.Sprint("m", w.serial))
		if n := len(w.executions); n > 0 && w.pick(8) > 0 {
			id = w.executions[w.pick(n)].Execution
		}
		m := ledger.Metered{Execution: id, Call: call, Amounts: []ledger.Amount{{Limit: ledger.TokensLimit, Take: int64(w.pick(tokenCap))}, {Limit: ledger.CostLimit, Take: int64(w.pick(2) * w.pick(costCap))}}}
		m.Intent, _ = json.Marshal(body{Takes: m.Amounts, Metered: true})
		if n := len(w.reports); n > 0 && w.pick(3) == 0 {
			m = w.reports[w.pick(n)]
		}
		if n := len(w.reports); n > 0 && w.pick(2) == 0 { // another call of the same execution, while the last one may be drained
			m.Execution = w.reports[n-1].Execution
		}
		w.reports = append(w.reports, m)
		for range 1 + w.pick(3) {
			w.report(p, m)
		}
		_ = p.l.ChargeLane(ctx, ledger.Unattributed{Lane: laneNamed("stable"), Date: "2026-11-24", Call: call, Amounts: m.Amounts[:1], At: p.now()})
		_ = p.l.ChargeLane(ctx, ledger.Unattributed{Lane: laneNamed("stable"), Date: "2026-11-24", Call: w.reports[w.pick(len(w.reports))].Call, Amounts: m.Amounts[:1], At: p.now()})
	}
}

// report charges, and holds the ledger to its word that what is used up is stopped.
func (w *world) report(p *process, m ledger.Metered) {
	m.At = p.now()
	_, err := p.l.Charge(ctx, m)
	if r := new(ledger.Refusal); err != nil && !errors.As(err, &r) && !errors.Is(err, ledger.ErrUnavailable) {
		w.wrong("charge: %v", err)
	}
	i := w.db.items[executionKey(m.Execution)]
	for _, a := range m.Amounts {
		if err == nil && a.Take > 0 && number(i, "left/"+a.Limit) <= 0 && i["status"].S == "open" {
			w.wrong("%s is open with nothing left of %s", m.Execution, a.Limit)
		}
	}
	if err == nil && i == nil {
		w.wrong("an execution nobody opened was charged")
	}
}

// settleDown lets time pass every lease, deadline and clock, sweeps without faults until all
// that was used must be known, and looks at what is left.
func (w *world) settleDown() {
	w.calm = true
	w.now = w.now.Add(2 * time.Hour)
	w.start(0, func(p *process) {
		for range 3 {
			if _, err := p.l.Sweep(ctx, p.now(), 10_000); err != nil {
				w.wrong("the last sweep: %v", err)
			}
			w.now = w.now.Add(time.Minute)
		}
	})
	w.run()
	w.sums()
	w.stranded()
}
