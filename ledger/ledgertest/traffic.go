package ledgertest

import (
	"errors"
	"time"

	"remit/ledger"
	"remit/terms"
)

func (s *story) traffic(hour time.Time) []ledger.Ran {
	s.Helper()
	ran, err := s.l.Traffic(ctx, s.lane.Agent, hour)
	must(s.T, err)
	return ran
}

func counted(s *story) {
	a := s.admission("e1", 20)
	a.Version = "v1"
	_, err := s.l.Open(ctx, a)
	must(s.T, err)
	c := s.claim("e1")
	s.reserve(c)
	must(s.T, s.l.Deny(ctx, ledger.Denial{Call: "denied", Execution: "e1", At: s.at}))
	closed := s.at.Add(10 * time.Second)
	must(s.T, s.l.Close(ctx, "e1", "done", closed))
	same(s.T, "an execution with a call in flight was counted", s.traffic(closed), []ledger.Ran(nil))
	s.settle(c, s.outcome(c, ledger.Done, 10_000))
	s.at = s.at.Add(2 * time.Hour)
	for range 2 {
		s.sweep()
		must(s.T, s.l.Close(ctx, "e1", "again", s.at))
	}
	want := ledger.Ran{Execution: "e1", Lane: s.lane, Version: "v1", Closed: closed, Calls: 2, Refused: 1}
	same(s.T, "the hour of closing", s.traffic(closed), []ledger.Ran{want})
	same(s.T, "the hour in which it was swept", s.traffic(s.at), []ledger.Ran(nil))

	must(s.T, s.l.Deny(ctx, ledger.Denial{Call: "late", Execution: "e1", At: s.at}))
	s.sweep()
	same(s.T, "a refusal after the end", s.traffic(closed), []ledger.Ran{want})

	a = s.admission("e2", 20)
	a.Slices, a.Caps = nil, a.Caps[:1] // nothing to give back
	_, err = s.l.Open(ctx, a)
	must(s.T, err)
	must(s.T, s.l.Close(ctx, "e2", "done", s.at))
	same(s.T, "an execution that took nothing from any day", s.traffic(s.at), []ledger.Ran{{Execution: "e2", Lane: s.lane, Closed: s.at}})
}

func throttle(s *story) {
	s.open("e1", 20)
	held := ledger.Throttle{Lane: s.lane, Until: s.at.Add(15 * time.Minute), Why: "ten times the usual", At: s.at}
	for _, wrong := range []ledger.Throttle{
		{}, {Lane: s.lane, Until: held.Until, At: s.at}, {Until: held.Until, Why: "w", At: s.at}, {Lane: s.lane, Until: s.at, Why: "w", At: s.at},
		{Lane: s.lane, Until: s.at.Add(ledger.MaxThrottle + time.Second), Why: "w", At: s.at},
	} {
		if err := s.l.Throttle(ctx, wrong); !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("%+v: %v", wrong, err)
		}
	}
	must(s.T, s.l.Throttle(ctx, held))
	_, err := s.l.Open(ctx, s.admission("e2", 1))
	same(s.T, "an opening on a throttled lane", err, error(&ledger.Refusal{What: ledger.RefusedThrottled, RetryAt: held.Until}))
	same(s.T, "the day of who was refused", s.budget().User[ledger.CostLimit], int64(2_000_000))
	got, err := s.l.Throttled(ctx, s.lane)
	must(s.T, err)
	same(s.T, "what holds the lane", got, held)
	s.reserve(s.claim("e1"))

	canary := s.admission("e3", 1)
	canary.Lane.Name = "canary"
	_, err = s.l.Open(ctx, canary)
	same(s.T, "another lane of the agent", s.refused(err), "")
	s.at = held.Until
	s.open("e2", 1)
	records, err := s.store.List(ctx, ledger.LedgerTable, "RECORD#THROTTLES")
	must(s.T, err)
	same(s.T, "records of throttles", len(records), 1)
	none, err := s.l.Throttled(ctx, terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"})
	must(s.T, err)
	same(s.T, "a lane nobody throttled", none, ledger.Throttle{})
}

func hours(s *story) {
	first, second := s.at.Truncate(time.Hour), s.at.Truncate(time.Hour).Add(time.Hour)
	until := s.at.Add(8 * 24 * time.Hour)
	for _, h := range []ledger.Hour{{From: second, Body: []byte("2")}, {From: first, Body: []byte("0")}, {From: first, Body: []byte("1")}} {
		must(s.T, s.l.KeepHour(ctx, "loan-processor", h, until))
	}
	must(s.T, s.l.KeepHour(ctx, "another", ledger.Hour{From: first}, until))
	kept, err := s.l.Hours(ctx, "loan-processor")
	must(s.T, err)
	same(s.T, "hours", kept, []ledger.Hour{{From: first, Body: []byte("1")}, {From: second, Body: []byte("2")}})
	for _, err := range []error{s.l.KeepHour(ctx, "", ledger.Hour{From: first}, until), s.l.KeepHour(ctx, "a", ledger.Hour{}, until), s.l.KeepHour(ctx, "a", ledger.Hour{From: first}, first)} {
		if !errors.Is(err, ledger.ErrInvalid) {
			s.Errorf("an hour of nobody, or of no time, was kept: %v", err)
		}
	}
}
