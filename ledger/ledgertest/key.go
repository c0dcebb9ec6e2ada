package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"remit/ledger"
	"remit/terms"
)

// keyed is a claim under an idempotency key.
func (s *story) keyed(id, k string) ledger.Claim {
	c := s.claim(id)
	c.Tool, c.Once = "generate_recommendation", &ledger.Once{Key: k, For: time.Hour, Until: "ReviewCompleted"}
	return c
}

func keyAlive(s *story) {
	s.open("e1", 20)
	c := s.keyed("e1", "k")
	c.Once.For = time.Millisecond // even where the key lives shorter than its lease
	s.reserve(c)
	for _, later := range []time.Duration{0, 29 * time.Second} {
		again := s.keyed("e1", "k")
		again.At = s.at.Add(later)
		s.refuses(ledger.RefusedBusy, again)
	}
	same(s.T, "refused calls burned something", s.used("e1")["tool_calls"], int64(1))
}

func unknownOutcome(s *story) {
	s.open("e1", 20)
	c := s.keyed("e1", "k")
	s.reserve(c)
	s.at = s.at.Add(31 * time.Second)
	s.refuses(ledger.RefusedIndeterminate, s.keyed("e1", "k"))
	s.sweep()
	s.refuses(ledger.RefusedIndeterminate, s.keyed("e1", "k"))
	if err := s.l.Settle(ctx, c.Call, s.outcome(c, ledger.Done, 0)); !errors.Is(err, ledger.ErrNotReserved) {
		s.Errorf("a call that ended as indeterminate was settled: %v", err)
	}
	found, err := s.l.Find(ctx, "e1", c.Call)
	must(s.T, err)
	same(s.T, "the call", found, ledger.Call{Status: ledger.Indeterminate, Fence: 1, Intent: []byte("intent")})
}

func businessKey(s *story) {
	s.open("e1", 20)
	c := s.keyed("e1", "acme/flag/A-1007")
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Done, 0))
	reworded := s.keyed("e1", "acme/flag/A-1007") // another call id: the arguments differ
	if r := s.reserve(reworded); string(r.Stored) != "result of "+string(c.Call) {
		s.Errorf("the same application was flagged twice: %q", r.Stored)
	}
}

func duplicate(s *story) {
	s.open("e1", 3)
	c := s.keyed("e1", "k")
	c.Owner = s.own("A-1")
	must(s.T, apply(s.T, s.store, ledger.Op{Key: c.Owner.Key, Put: ledger.Item{"tenant": Text("acme")}}))
	s.reserve(c)
	o := s.outcome(c, ledger.Done, 100_000)
	o.Result = nil
	s.settle(c, o)
	again := s.keyed("e1", "k")
	again.Owner = c.Owner
	r := s.reserve(again)
	same(s.T, "the stored result, though empty", r.Stored, []byte{})
	same(s.T, "a duplicate is a call and costs nothing", s.used("e1"), map[string]int64{"tool_calls": 2, "cost": 100_000})
	same(s.T, "counts", s.execution("e1").Counts, ledger.Counts{Intents: 2, Outcomes: 2})
	found, err := s.l.Find(ctx, "e1", again.Call)
	must(s.T, err)
	same(s.T, "found", found.Status, ledger.Duplicate)
	must(s.T, apply(s.T, s.store, ledger.Op{Key: c.Owner.Key, Put: ledger.Item{"tenant": Text("globex")}}))
	stolen := s.keyed("e1", "k")
	stolen.Owner = c.Owner
	s.refuses(ledger.RefusedOwner, stolen)
	s.reserve(s.claim("e1"))
	s.refuses(ledger.ToolCallsLimit, s.keyed("e1", "k"))
}

func happened(s *story) {
	s.open("e1", 20)
	c := s.keyed("e1", "k")
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Done, 0))
	must(s.T, s.l.Happened(ctx, "k", "Other", s.at))
	must(s.T, s.l.Happened(ctx, "k", "ReviewCompleted", s.at.Add(-time.Second))) // of a review before this flag
	if r := s.reserve(s.keyed("e1", "k")); r.Stored == nil {
		s.Error("an event that is not the closing one ended the claim")
	}
	must(s.T, s.l.Happened(ctx, "k", "ReviewCompleted", s.at))
	must(s.T, s.l.Happened(ctx, "k", "ReviewCompleted", s.at))
	next := s.keyed("e1", "k")
	if r := s.reserve(next); r.Stored != nil {
		s.Error("after the review completed, a new flag was answered with the old one")
	}
	must(s.T, s.l.Happened(ctx, "k", "ReviewCompleted", s.at)) // while it runs
	other := s.keyed("e1", "k")
	s.reserve(other)
	s.settle(next, s.outcome(next, ledger.Done, 0))
	s.settle(other, s.outcome(other, ledger.Done, 0))
	if r := s.reserve(s.keyed("e1", "k")); string(r.Stored) != "result of "+string(other.Call) {
		s.Errorf("a call whose claim an event had ended overwrote another's result: %q", r.Stored)
	}
}

func supersede(s *story) {
	s.open("e1", 20)
	c := s.keyed("e1", "k")
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Done, 0))
	over := func(old terms.CallID) ledger.Claim {
		n := s.keyed("e1", "k")
		n.Once.Supersedes = old
		return n
	}
	if r := s.reserve(over("another")); r.Stored == nil {
		s.Error("a result was superseded by a call that named another")
	}
	released := over(c.Call)
	s.reserve(released)
	s.refuses(ledger.RefusedBusy, s.keyed("e1", "k"))
	s.settle(released, s.outcome(released, ledger.Released, 0))
	if r := s.reserve(s.keyed("e1", "k")); string(r.Stored) != "result of "+string(c.Call) {
		s.Errorf("nothing ran, and the old result is lost: %q", r.Stored)
	}
	n := over(c.Call)
	s.reserve(n)
	s.settle(n, s.outcome(n, ledger.Done, 0))
	if r := s.reserve(s.keyed("e1", "k")); string(r.Stored) != "result of "+string(n.Call) {
		s.Errorf("the superseding result is not the one that answers: %q", r.Stored)
	}
	first := over("gone")
	first.Once.Key = "never claimed"
	if r := s.reserve(first); r.Stored != nil {
		s.Error("a key nobody holds had a result")
	}
}

func secondPass(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	s.reserve(c)
	r := s.reserve(c)
	same(s.T, "fence", r.Fence, uint64(2))
	same(s.T, "a repeated call was free", s.used("e1")["tool_calls"], int64(2))
	same(s.T, "counts", s.execution("e1").Counts, ledger.Counts{Intents: 2, Outcomes: 1})
	o := s.outcome(c, ledger.Done, 0)
	o.Fence = 1
	if err := s.l.Settle(ctx, c.Call, o); !errors.Is(err, ledger.ErrNotReserved) {
		s.Errorf("the end of an old pass ended this one: %v", err)
	}
	o.Fence = 0
	s.settle(c, o)
	same(s.T, "counts", s.execution("e1").Counts, ledger.Counts{Intents: 2, Outcomes: 2})
	records, err := s.store.List(ctx, ledger.LedgerTable, "RECORD#e1")
	must(s.T, err)
	var got []string
	for _, i := range records {
		got = append(got, fmt.Sprint(i["pass"].S, " ", i["part"].S, " ", i["status"].S))
	}
	same(s.T, "records", got, []string{"1 intent reserved", "1 outcome indeterminate", "2 intent reserved", "2 outcome done"})
}

func owner(s *story) {
	s.open("e1", 20)
	for _, i := range []ledger.Item{nil, {"tenant": Text("globex")}, {"tenant": Text("acme inc")}, {"user": Text("acme")}} {
		c := s.claim("e1")
		c.Owner = s.own("A-1")
		if i != nil {
			must(s.T, apply(s.T, s.store, ledger.Op{Key: c.Owner.Key, Put: i}))
		}
		s.refuses(ledger.RefusedOwner, c)
	}
	c := s.claim("e1")
	c.Owner = s.own("A-1")
	c.Owner.Where["relation/assigned"] = "ada"
	must(s.T, apply(s.T, s.store, ledger.Op{Key: c.Owner.Key, Put: ledger.Item{"tenant": Text("acme"), "relation/assigned": {SS: []string{"ada", "bob"}}}}))
	s.reserve(c)
	c = s.claim("e1")
	c.Owner = &ledger.ItemCheck{Key: ledger.OwnerKey("applications", "A-1")}
	if _, err := s.l.Reserve(ctx, c); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("an owner check that checks nothing passed: %v", err)
	}
}

func hung(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	s.reserve(c)
	s.at = s.at.Add(60 * time.Second)
	s.refuses(ledger.RefusedClosed, s.claim("e1"))
	same(s.T, "ended at the deadline", s.sweep(), []ledger.Ended{{Execution: "e1", Call: c.Call, Why: "lease"}, {Execution: "e1", Lane: s.lane, Why: "deadline"}})
	same(s.T, "the day", s.budget().User["cost"], int64(100_000))
	same(s.T, "something is still due", s.sweep(), []ledger.Ended(nil))
}

func stop(s *story) {
	s.open("e1", 20)
	throw := func(kind ledger.SwitchKind, name string) []terms.ExecutionID {
		ids, err := s.l.Stop(ctx, ledger.Switch{Kind: kind, Name: name, Who: "op", Why: "odd", At: s.at})
		must(s.T, err)
		return ids
	}
	throw(ledger.SwitchTool, "pull_credit_report")
	s.refuses(ledger.RefusedStopped, s.claim("e1"))
	s.reserve(s.keyed("e1", "k"))
	s.open("e2", 20)
	s.refuses(ledger.RefusedStopped, s.claim("e2"))
	same(s.T, "executions of a user that were stopped", len(throw(ledger.SwitchUser, ledger.UserName(s.user))), 2)
	s.refuses(ledger.RefusedStopped, s.keyed("e1", "k2"))
	_, err := s.l.Open(ctx, s.admission("e3", 1))
	same(s.T, "an opening of a stopped user", s.refused(err), ledger.RefusedStopped)
	s.user.ID = "bob"
	s.open("e4", 1)
	throw(ledger.SwitchExecution, "e4")
	s.refuses(ledger.RefusedStopped, s.keyed("e4", "k4"))
	throw(ledger.SwitchLane, s.lane.String())
	_, err = s.l.Open(ctx, s.admission("e5", 1))
	same(s.T, "an opening on a stopped lane", s.refused(err), ledger.RefusedStopped)
	s.resume(s.lane.String())
	must(s.T, s.l.Close(ctx, "e4", "done", s.at))
}

func (s *story) resume(lane string) {
	if err := s.l.Resume(ctx, ledger.SwitchLane, lane, ledger.Widening{}, s.at); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("one operator resumed a lane: %v", err)
	}
	for _, second := range []string{"", "op", "OP "} {
		if _, err := ledger.Widen("op", second, "fixed", s.at, s.at.Add(time.Hour)); !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("%q was a second person", second)
		}
	}
	w, err := ledger.Widen("op", "boss", "fixed", s.at, s.at.Add(time.Hour))
	must(s.T, err)
	must(s.T, s.l.Resume(ctx, ledger.SwitchLane, lane, w, s.at))
	s.open("e6", 1)
	s.at = s.at.Add(time.Hour - time.Second) // an execution must end before the lift does
	_, err = s.l.Open(ctx, s.admission("e7", 1))
	same(s.T, "an opening after the widening", s.refused(err), ledger.RefusedStopped)
	switches, err := s.l.Switches(ctx)
	must(s.T, err)
	same(s.T, "switches", len(switches), 3)
}

func raise(s *story) {
	s.open("e1", 1)
	s.reserve(s.claim("e1"))
	more := ledger.Amount{Limit: ledger.ToolCallsLimit, Take: 1}
	w, err := ledger.Widen("op", "boss", "month end", s.at, s.at.Add(time.Hour))
	must(s.T, err)
	for _, err := range []error{s.l.Raise(ctx, "e1", more, ledger.Widening{}, s.at), s.l.Raise(ctx, "e1", more, w, s.at.Add(time.Hour)), s.l.Raise(ctx, "e1", ledger.Amount{Limit: ledger.CostLimit, Take: 1}, w, s.at)} {
		if !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("a limit was raised by one person, too late, or in money: %v", err)
		}
	}
	same(s.T, "an execution nobody opened", s.refused(s.l.Raise(ctx, "nobody", more, w, s.at)), ledger.RefusedClosed)
	same(s.T, "a limit it does not have", s.refused(s.l.Raise(ctx, "e1", ledger.Amount{Limit: "tokens", Take: 1}, w, s.at)), ledger.RefusedClosed)
	must(s.T, s.l.Raise(ctx, "e1", more, w, s.at))
	s.reserve(s.claim("e1"))
	s.refuses(ledger.ToolCallsLimit, s.claim("e1"))
	same(s.T, "cap", s.execution("e1").Caps[ledger.ToolCallsLimit], int64(2))
}

func (s *story) proposal(id string) ledger.Proposal {
	c := s.claim(id)
	return ledger.Proposal{ID: s.lane.Own("p" + string(c.Call)), Call: c.Call, Execution: c.Execution, User: s.user, Lane: s.lane, Tool: "generate_recommendation", Takes: c.Takes,
		Arguments: "sha256:a", Bundle: "sha256:b", Sealed: []byte("sealed"), Intent: []byte("i"), Expires: s.at.Add(15 * time.Minute), At: s.at}
}

// approve opens the one-call execution of a proposal and answers its claim.
func (s *story) approve(id string, p ledger.Proposal) (ledger.Claim, error) {
	a := s.admission(id, 1)
	a.Approval = p.ID
	_, err := s.l.Approve(ctx, a)
	c := s.claim(id)
	c.Tool, c.Confirmation = p.Tool, &ledger.Approved{ID: p.ID, Arguments: p.Arguments, Bundle: p.Bundle}
	return c, err
}

func approval(s *story) {
	s.open("e1", 20)
	p := s.proposal("e1")
	for range 2 {
		got, err := s.l.Propose(ctx, p)
		must(s.T, err)
		same(s.T, "status", got.Status, ledger.ConfirmationPending)
	}
	same(s.T, "a proposal is a call, each time", s.used("e1"), map[string]int64{"tool_calls": 2, "cost": 0})
	pending, err := s.l.Pending(ctx, s.lane, s.user, s.at)
	must(s.T, err)
	same(s.T, "pending", len(pending), 1)
	s.at = s.at.Add(10 * time.Minute)
	c, err := s.approve("a1", p)
	must(s.T, err)
	for name, change := range map[string]func(*ledger.Claim){
		"arguments": func(c *ledger.Claim) {
			c.Confirmation = &ledger.Approved{ID: p.ID, Arguments: "sha256:A", Bundle: p.Bundle}
		},
		"bundle": func(c *ledger.Claim) {
			c.Confirmation = &ledger.Approved{ID: p.ID, Arguments: p.Arguments, Bundle: "sha256:B"}
		},
		"tool": func(c *ledger.Claim) { c.Tool = "flag_for_review" },
		"user": func(c *ledger.Claim) { c.User.ID = "bob" },
		"time": func(c *ledger.Claim) { c.At = p.Expires },
	} {
		changed := c
		change(&changed)
		if _, err := s.l.Reserve(ctx, changed); name != "time" && s.refused(err) != ledger.RefusedConfirmation || err == nil {
			s.Errorf("another %s ran under the approval: %v", name, err)
		}
	}
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Released, 0)) // nothing ran: the approval stands
	c.Call = "again"
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Done, 0))
	if _, err := s.approve("a2", p); s.refused(err) != ledger.RefusedConfirmation {
		s.Errorf("an approval was used twice: %v", err)
	}
	got, err := s.l.Confirmation(ctx, s.user, p.ID)
	must(s.T, err)
	same(s.T, "the stored result", string(got.Result), "result of again")
	same(s.T, "status", got.Status, ledger.ConfirmationDone)
}

func approvalUnused(s *story) {
	s.open("e1", 20)
	p := s.proposal("e1")
	_, err := s.l.Propose(ctx, p)
	must(s.T, err)
	stands := func(what string, want ledger.ConfirmationStatus) {
		got, err := s.l.Confirmation(ctx, s.user, p.ID)
		must(s.T, err)
		same(s.T, what, got.Status, want)
	}
	first, err := s.approve("a1", p)
	must(s.T, err)
	must(s.T, s.l.Close(ctx, "a1", "the gateway refused", s.at))
	stands("nothing ran", ledger.ConfirmationPending)
	if _, err := s.l.Reserve(ctx, first); err == nil {
		s.Error("a call ran under an approval that was given back")
	}
	_, err = s.approve("a2", p)
	must(s.T, err)
	s.at = s.at.Add(2 * time.Minute) // whoever opened it is gone
	s.sweep()
	stands("the sweep closed it", ledger.ConfirmationPending)
	last, err := s.approve("a3", p)
	must(s.T, err)
	s.reserve(last)
	must(s.T, s.l.Close(ctx, "a3", "its user has gone", s.at))
	stands("the call still runs", ledger.ConfirmationRunning)
	_, err = s.approve("a4", p)
	same(s.T, "a running call approved again", s.refused(err), ledger.RefusedConfirmation)
	s.settle(last, s.outcome(last, ledger.Released, 0))
	s.at = s.at.Add(2 * time.Minute)
	s.sweep()
	stands("nothing ran after all", ledger.ConfirmationPending)
	s.at = p.Expires
	s.sweep()
	stands("nobody came back", ledger.ConfirmationExpired)
}

func approvalAttacks(s *story) {
	s.open("e1", 20)
	p := s.proposal("e1")
	_, err := s.l.Propose(ctx, p)
	must(s.T, err)
	changed := p
	changed.Arguments = "sha256:other"
	_, err = s.l.Propose(ctx, changed)
	same(s.T, "the same id for other arguments", s.refused(err), ledger.RefusedConfirmation)
	direct := s.claim("e1")
	direct.Tool, direct.Confirmation = p.Tool, &ledger.Approved{ID: p.ID, Arguments: p.Arguments, Bundle: p.Bundle}
	s.refuses(ledger.RefusedConfirmation, direct) // the agent, before anybody approved
	me, lane := s.user, s.lane
	s.user.ID = "bob"
	_, err = s.approve("bob", p)
	same(s.T, "another user approved", s.refused(err), ledger.RefusedConfirmation)
	s.user, s.lane.Name = me, "canary"
	_, err = s.approve("canary", p)
	same(s.T, "another lane ran it", s.refused(err), ledger.RefusedConfirmation)
	s.lane = lane
	_, err = s.approve("a1", p)
	must(s.T, err)
	s.refuses(ledger.RefusedConfirmation, direct) // the agent, after the user approved
	foreign := s.proposal("e1")
	foreign.Lane.Name = "canary"
	_, err = s.l.Propose(ctx, foreign)
	same(s.T, "an id of another lane's", errors.Is(err, ledger.ErrInvalid), true)
	late := s.proposal("e1")
	_, err = s.l.Propose(ctx, late)
	must(s.T, err)
	no := s.proposal("e1")
	_, err = s.l.Propose(ctx, no)
	must(s.T, err)
	must(s.T, s.l.Reject(ctx, s.user, no.ID, s.at))
	_, err = s.approve("no", no)
	same(s.T, "a rejected one was approved", s.refused(err), ledger.RefusedConfirmation)
	s.at = late.Expires
	_, err = s.approve("late", late)
	same(s.T, "an expired one was approved", s.refused(err), ledger.RefusedConfirmation)
	s.sweep()
	got, err := s.l.Confirmation(ctx, s.user, late.ID)
	must(s.T, err)
	same(s.T, "an expired one", []any{got.Status, got.Sealed}, []any{ledger.ConfirmationExpired, []byte(nil)})
}

func proposalRefused(s *story) {
	s.open("e1", 1)
	p := s.proposal("e1")
	p.Once = &ledger.Once{Key: "k", For: time.Hour}
	p.Owner = s.own("A-9")
	_, err := s.l.Propose(ctx, p)
	same(s.T, "a proposal about another's datum", s.refused(err), ledger.RefusedOwner)
	p.Owner = nil
	_, err = s.l.Propose(ctx, p)
	must(s.T, err)
	_, err = s.l.Propose(ctx, s.proposal("e1"))
	same(s.T, "a proposal past the limit", s.refused(err), ledger.ToolCallsLimit)
	c, err := s.approve("a1", p)
	must(s.T, err)
	c.Once = p.Once
	s.reserve(c)
	s.settle(c, s.outcome(c, ledger.Done, 0))
	s.open("e2", 5)
	again := s.proposal("e2")
	again.Once = p.Once
	got, err := s.l.Propose(ctx, again)
	must(s.T, err)
	same(s.T, "a duplicate proposal", got, ledger.Confirmation{Status: ledger.ConfirmationDone, Result: []byte("result of " + string(c.Call))})
}

// watched counts what is asked of a store.
type watched struct {
	ledger.Store
	applied [][]ledger.Op
	reads   int
}

func (w *watched) Apply(ctx context.Context, token string, ops []ledger.Op) error {
	w.applied = append(w.applied, ops)
	return w.Store.Apply(ctx, token, ops)
}

func (w *watched) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	w.reads++
	return w.Store.Get(ctx, k)
}

func (w *watched) List(ctx context.Context, table, partition string) ([]ledger.Item, error) {
	w.reads++
	return w.Store.List(ctx, table, partition)
}

// full is a claim with everything a claim can have but a confirmation.
func (s *story) full(id, datum string) ledger.Claim {
	c := s.keyed(id, datum)
	c.Daily, c.Owner = s.daily(50), s.own(datum)
	must(s.T, apply(s.T, s.store, ledger.Op{Key: c.Owner.Key, Put: ledger.Item{"tenant": Text(s.user.Tenant)}}))
	return c
}

func requests(s *story) {
	w := &watched{Store: s.store}
	s.open("e1", 20)
	c := s.full("e1", "A-1")
	s.l.Store = w
	s.reserve(c)
	same(s.T, "requests before the tool", []int{len(w.applied), w.reads}, []int{1, 0})
	s.settle(c, s.outcome(c, ledger.Done, 1))
	same(s.T, "requests before and after it", []int{len(w.applied), w.reads}, []int{2, 0})
}

func sharing(s *story) {
	touched := map[string]map[ledger.Key]bool{}
	for _, id := range []string{"ada", "bob"} {
		w := &watched{Store: s.store}
		s.user.ID, s.l.Store = id, s.store
		s.open(id, 20)
		c := s.full(id, "A-1")
		s.l.Store = w
		if r := s.reserve(c); r.Stored == nil {
			s.settle(c, s.outcome(c, ledger.Done, 1))
		}
		s.reserve(s.full(id, "A-1")) // a duplicate
		s.reserve(c)                 // a second pass
		touched[id] = map[ledger.Key]bool{}
		for _, ops := range w.applied {
			for _, op := range ops {
				touched[id][op.Key] = true
			}
		}
	}
	var common []ledger.Key
	for k := range touched["ada"] {
		if touched["bob"][k] && k != ledger.OwnerKey("applications", "A-1") && k.Partition != "ONCE#A-1" {
			common = append(common, k)
		}
	}
	same(s.T, "items that two users of a tenant share besides the datum and its key", common, []ledger.Key(nil))
}
