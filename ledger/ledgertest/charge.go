package ledgertest

import (
	"errors"
	"time"

	"remit/ledger"
	"remit/terms"
)

// metered is an admission whose models are used directly: tokens and their cost are known late.
func (s *story) metered(id string, tokens int64) ledger.Admission {
	a := s.admission(id, 20)
	a.Caps = append(a.Caps, ledger.Amount{Limit: ledger.TokensLimit, Take: tokens})
	return a
}

func (s *story) charge(id, call string, tokens, cost int64) error {
	_, err := s.l.Charge(ctx, ledger.Metered{Execution: terms.ExecutionID(id), Call: terms.CallID(call), At: s.at, Intent: []byte("intent"), Record: []byte("outcome"),
		Amounts: []ledger.Amount{{Limit: ledger.TokensLimit, Take: tokens}, {Limit: ledger.CostLimit, Take: cost}}})
	return err
}

func charges(s *story) {
	_, err := s.l.Open(ctx, s.metered("e1", 1000))
	must(s.T, err)
	for range 3 { // logs come at least once
		must(s.T, s.charge("e1", "r1", 400, 100_000))
	}
	e := s.execution("e1")
	same(s.T, "used", e.Used, map[string]int64{"tool_calls": 0, "cost": 100_000, "tokens": 400})
	same(s.T, "a record with both halves", e.Counts, ledger.Counts{Intents: 1, Outcomes: 1})
	found, err := s.l.Find(ctx, "e1", "r1")
	must(s.T, err)
	same(s.T, "the call", found, ledger.Call{Status: ledger.Done, Fence: 1, Intent: []byte("intent")})
	s.reserve(s.claim("e1"))
	must(s.T, s.charge("e1", "r2", 600, 0))
	e = s.execution("e1")
	same(s.T, "why it stopped", e.Why, "tokens is used up")
	s.refuses(ledger.RefusedStopped, s.claim("e1"))
	must(s.T, s.charge("e1", "r3", 50, 0)) // what was used is a fact, whatever is left
	same(s.T, "tokens", s.used("e1")["tokens"], int64(1050))
	same(s.T, "an execution nobody opened", s.refused(s.charge("nobody", "r1", 1, 1)), ledger.RefusedClosed)
	same(s.T, "charging made an execution", s.execution("nobody"), ledger.Execution{})
	for name, m := range map[string]ledger.Metered{"nothing": {}, "no call": {Execution: "e1", At: s.at}, "no time": {Execution: "e1", Call: "r4"},
		"a gift": {Execution: "e1", Call: "r4", At: s.at, Amounts: []ledger.Amount{{Limit: ledger.TokensLimit, Take: -1}}}} {
		if _, err := s.l.Charge(ctx, m); !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("%s: %v", name, err)
		}
	}
}

func chargesLate(s *story) {
	_, err := s.l.Open(ctx, s.metered("e1", 1000))
	must(s.T, err)
	must(s.T, s.charge("e1", "r1", 10, 300_000))
	must(s.T, s.l.Close(ctx, "e1", "answered", s.at))
	same(s.T, "the day", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 300_000}, Tenant: 300_000})
	for range 2 {
		must(s.T, s.charge("e1", "r2", 10, 50_000))
		s.at = s.at.Add(time.Minute)
		s.sweep()
		s.sweep()
		same(s.T, "the day knows it too, once", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 350_000}, Tenant: 350_000})
	}
	e := s.execution("e1")
	same(s.T, "used", e.Used, map[string]int64{"tool_calls": 0, "cost": 350_000, "tokens": 20})
	same(s.T, "why it closed", e.Why, "answered")
	must(s.T, s.charge("e1", "r3", 10, 2_000_000)) // beyond the execution's whole cap
	s.sweep()
	same(s.T, "the day past the slice", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 2_350_000}, Tenant: 2_350_000})
	same(s.T, "used past the cap", s.used("e1")["cost"], int64(2_350_000))
}

func returnsWhenKnown(s *story) {
	a := s.metered("e1", 1000)
	a.Late = 5 * time.Minute
	_, err := s.l.Open(ctx, a)
	must(s.T, err)
	must(s.T, s.l.Close(ctx, "e1", "answered", s.at))
	whole := ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 2_000_000}, Tenant: 2_000_000}
	same(s.T, "the day after it closed", s.budget(), whole)
	s.at = s.at.Add(4 * time.Minute)
	must(s.T, s.charge("e1", "r1", 10, 120_000))
	s.sweep()
	same(s.T, "the day while more may come", s.budget(), whole)
	s.at = s.at.Add(time.Minute)
	s.sweep()
	same(s.T, "the day when all is known", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 120_000}, Tenant: 120_000})
	a = s.metered("e2", 1000)
	a.Late = -time.Second
	_, err = s.l.Open(ctx, a)
	same(s.T, "usage known before it", errors.Is(err, ledger.ErrInvalid), true)
}

func chargesLane(s *story) {
	stray := func(lane terms.Lane, call string, tokens int64) error {
		return s.l.ChargeLane(ctx, ledger.Unattributed{Lane: lane, Date: s.day(), Call: terms.CallID(call), At: s.at, Amounts: []ledger.Amount{{Limit: ledger.TokensLimit, Take: tokens}}})
	}
	other := s.lane
	other.Name = "canary"
	for range 2 {
		must(s.T, stray(s.lane, "r1", 40))
		must(s.T, stray(s.lane, "r2", 2))
		must(s.T, stray(other, "r1", 7))
	}
	for lane, want := range map[terms.Lane][2]int64{s.lane: {2, 42}, other: {1, 7}} {
		calls, used, err := s.l.LaneDay(ctx, lane, s.day())
		must(s.T, err)
		same(s.T, "the lane's day", [2]int64{calls, used[ledger.TokensLimit]}, want)
	}
	for name, u := range map[string]ledger.Unattributed{"nothing": {}, "no call": {Lane: s.lane, Date: s.day(), At: s.at}, "no day": {Lane: s.lane, Call: "r", At: s.at},
		"a gift": {Lane: s.lane, Date: s.day(), Call: "r", At: s.at, Amounts: []ledger.Amount{{Limit: ledger.TokensLimit, Take: -1}}}} {
		if err := s.l.ChargeLane(ctx, u); !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("%s: %v", name, err)
		}
	}
}
