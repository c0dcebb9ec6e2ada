package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

// story is a ledger over a store, a user, and a clock that only the story moves.
type story struct {
	*testing.T
	store ledger.Store
	l     *ledger.Ledger
	user  terms.User
	lane  terms.Lane
	at    time.Time
	calls int
}

var ctx = context.Background()

func newStory(t *testing.T, s ledger.Store) *story {
	return &story{T: t, store: s, l: &ledger.Ledger{Store: s, Zone: "America/New_York"},
		user: terms.User{ID: "ada", Tenant: "acme", Roles: []string{"underwriter"}},
		lane: terms.Lane{Platform: "meridian", Environment: "prod", Agent: "loan-processor", Name: "stable"},
		at:   time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)}
}

func (s *story) day() terms.Date { return ledger.DayOf(s.at, s.l.Zone) }

func (s *story) admission(id string, calls int64) ledger.Admission {
	return ledger.Admission{Execution: terms.ExecutionID(id), User: s.user, Lane: s.lane, Purpose: "underwriting",
		Caps:     []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: calls}, {Limit: ledger.CostLimit, Take: 2_000_000}},
		Slices:   []ledger.Slice{{Of: "user", Take: 2_000_000, Cap: 50_000_000, Date: s.day()}, {Of: "tenant", Take: 2_000_000, Cap: 60_000_000, Date: s.day()}},
		Deadline: s.at.Add(time.Minute), At: s.at}
}

func (s *story) open(id string, calls int64) {
	s.Helper()
	_, err := s.l.Open(ctx, s.admission(id, calls))
	must(s.T, err)
}

// claim is a call of its own, with one tool call and 100,000 micro-dollars.
func (s *story) claim(id string) ledger.Claim {
	s.calls++
	return ledger.Claim{Call: terms.CallID(fmt.Sprint("call-", s.calls)), Execution: terms.ExecutionID(id), User: s.user, Tool: "pull_credit_report",
		Takes:  []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: 100_000}},
		Intent: []byte("intent"), Lease: 30 * time.Second, At: s.at}
}

func (s *story) daily(most int64) []ledger.Daily {
	return []ledger.Daily{{Limit: "tool/pull_credit_report", Take: 1, Cap: most, Date: s.day()}}
}

func (s *story) outcome(c ledger.Claim, status ledger.Status, cost int64) ledger.Outcome {
	return ledger.Outcome{Execution: c.Execution, Status: status, User: c.User, Took: c.Takes, Used: []ledger.Amount{{Limit: ledger.CostLimit, Take: cost}},
		Once: c.Once, Confirmation: c.Confirmation, Result: []byte("result of " + c.Call), Record: []byte("outcome"), At: s.at}
}

func (s *story) reserve(c ledger.Claim) ledger.Reservation {
	s.Helper()
	r, err := s.l.Reserve(ctx, c)
	must(s.T, err)
	return r
}

func (s *story) settle(c ledger.Claim, o ledger.Outcome) {
	s.Helper()
	must(s.T, s.l.Settle(ctx, c.Call, o))
}

// refused is what a refusal names, "" for none; an error of another kind fails the test.
func (s *story) refused(err error) string {
	s.Helper()
	var r *ledger.Refusal
	if err != nil && !errors.As(err, &r) {
		s.Fatalf("want a refusal: %v", err)
	}
	if r == nil {
		return ""
	}
	return r.What
}

func (s *story) refuses(what string, c ledger.Claim) {
	s.Helper()
	_, err := s.l.Reserve(ctx, c)
	if got := s.refused(err); got != what {
		s.Errorf("a call that should be refused as %q was refused as %q", what, got)
	}
}

func (s *story) execution(id string) ledger.Execution {
	s.Helper()
	e, err := s.l.Execution(ctx, terms.ExecutionID(id))
	must(s.T, err)
	return e
}

func (s *story) used(id string) map[string]int64 { s.Helper(); return s.execution(id).Used }

func (s *story) budget(limits ...string) ledger.Budget {
	s.Helper()
	b, err := s.l.Budget(ctx, s.user, s.day(), limits...)
	must(s.T, err)
	return b
}

func (s *story) sweep() []ledger.Ended {
	s.Helper()
	ended, err := s.l.Sweep(ctx, s.at, 1000)
	must(s.T, err)
	return ended
}

func (s *story) own(datum string) *ledger.ItemCheck {
	return &ledger.ItemCheck{Key: ledger.OwnerKey("applications", datum), Where: map[string]string{"tenant": s.user.Tenant}}
}

var stories = map[string]func(*testing.T, *story){}

func init() {
	for name, test := range map[string]func(*story){
		"TheTwentyFirstCallIsRefusedAndBurnsNothing":             capHolds,
		"SixtyFourCallersAtTheLastCallAdmitExactlyOne":           lastCall,    // F1
		"TheFirstCallsOfANewUserAllCountTogether":                firstUse,    // F2
		"ACrashedCallIsEndedByOneSweepAndTheRestIsSpendable":     crash,       // F3
		"AnOversizedRequestIsRefusedAndNeverClipped":             oversized,   // F5
		"TwoLedgersOverOneStoreShareEveryLimit":                  twoEngines,  // F7
		"AStoreThatIsDownAdmitsNothing":                          storeDown,   // F8
		"ADayLimitIsFullAgainAtMidnightOfItsZone":                midnight,    // F9
		"AThousandDeniedCallsBurnNothingAndAreCounted":           denials,     // F11
		"ANewSessionDoesNotLowerWhatAUserHasUsed":                newSession,  // F13, F14
		"SettlingGivesBackExactlyWhatWasNotUsed":                 settleExact, // F15, F16
		"ReleasingGivesBackEverything":                           releaseAll,  // F31
		"AnApprovalRunsItsOwnArgumentsOnce":                      approval,    // F25
		"AnApprovalUnderWhichNothingRanWaitsAgain":               approvalUnused,
		"AnApprovalOfAnotherUserLaneOrTimeIsNone":                approvalAttacks,
		"AKeyIsNotReclaimedWhileItsHolderIsAlive":                keyAlive,       // F26
		"AnUnknownOutcomeIsNeverRunAgain":                        unknownOutcome, // F27
		"OtherWordsForTheSameApplicationAreTheSameCall":          businessKey,    // F28
		"AHungCallIsEndedAtItsLeaseAndItsExecutionAtItsDeadline": hung,           // F32
		"ADuplicateIsACallAndGetsTheStoredResult":                duplicate,
		"AClosingEventLetsTheNextCallRun":                        happened,
		"ASupersedingCallReplacesTheResultOrPutsItBack":          supersede,
		"ACallThatComesAgainIsADebitAndEndsThePassBefore":        secondPass,
		"AnotherTenantsDatumAndAnUnknownOneAreTheSameRefusal":    owner,
		"AStopIsSeenByTheNextCallAndByTheNextOpening":            stop,
		"AClosedExecutionReturnsItsSliceAndSettlesWhatRan":       closeReturns,
		"RunningTimeIsHeldAtOnceAndOnlyWhatRanStaysTaken":        running,
		"UsersWhoseNamesHoldSeparatorsShareNothing":              separators,
		"ALimitNobodyDeclaredIsRefused":                          undeclared, // F17
		"TheDayClosesAdmissionForUserAndTenant":                  dayCloses,
		"CallersWithWrongClocksPassNoCap":                        skew, // F10
		"TheAllowedPathIsOneRequestBeforeTheToolAndOneAfter":     requests,
		"TwoUsersTouchNoCommonItemButTheDatum":                   sharing, // F29
		"TwoPeopleRaiseALimitAndOneDoesNot":                      raise,
		"WhatOnePersonAskedForAnotherDoesAndOnlyOnce":            widen,
		"AnAskingThatSaysTooLittleIsNone":                        askTooLittle,
		"AnAskingIsNotUsedLateNorForASwitchThatWasThrownAgain":   widenStale,
		"OfManyWhoApproveOneWidensAndOneTime":                    widenRace,
		"AnExecutionIsCountedOnceWhenItsLastCallHasEnded":        counted,
		"AThrottleRefusesOpeningsUntilItEndsAndStopsNothing":     throttle,
		"HoursAreKeptForWhoeverAddsThemUp":                       hours,
		"AProposalIsRefusedLikeACall":                            proposalRefused,
		"WhatWasUsedIsChargedOnceAndStopsWhatIsUsedUp":           charges,
		"UsageThatIsReportedAfterTheCloseReachesTheDayOnce":      chargesLate,
		"WhatMayStillBeReportedIsReturnedToNoDay":                returnsWhenKnown,
		"UsageThatNamesNoExecutionIsTheLanes":                    chargesLane,
		"WhatConcurrentCallersAreToldFitsOneOrderOfTheirCalls":   history,
	} {
		stories[name] = func(_ *testing.T, s *story) { test(s) }
	}
}

func capHolds(s *story) {
	s.open("e1", 20)
	for range 20 {
		s.reserve(s.claim("e1"))
	}
	before := s.used("e1")
	s.refuses(ledger.ToolCallsLimit, s.claim("e1"))
	same(s.T, "a refused call burned something", s.used("e1"), before)
	same(s.T, "used", before, map[string]int64{"tool_calls": 20, "cost": 2_000_000})
}

// race runs n claims at once and counts those that were admitted.
func (s *story) race(claims []ledger.Claim) int64 {
	var admitted atomic.Int64
	var wait sync.WaitGroup
	for _, c := range claims {
		wait.Go(func() {
			for range 50 {
				_, err := s.l.Reserve(ctx, c)
				if err == nil {
					admitted.Add(1)
				}
				if !errors.Is(err, ledger.ErrUnavailable) {
					return
				}
			}
		})
	}
	wait.Wait()
	return admitted.Load()
}

func lastCall(s *story) {
	s.open("e1", 2)
	s.reserve(s.claim("e1"))
	var claims []ledger.Claim
	for range 64 {
		claims = append(claims, s.claim("e1"))
	}
	same(s.T, "callers admitted at cap-1", s.race(claims), int64(1))
	same(s.T, "used", s.used("e1")["tool_calls"], int64(2))
}

func firstUse(s *story) {
	s.at = time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC) // midnight in New York
	var claims []ledger.Claim
	for n := range 16 {
		id := fmt.Sprint("e", n)
		s.open(id, 20)
		c := s.claim(id)
		c.Daily = s.daily(5)
		claims = append(claims, c)
	}
	same(s.T, "first calls of the day admitted under a limit of 5", s.race(claims), int64(5))
	same(s.T, "the day", s.budget("tool/pull_credit_report").User["tool/pull_credit_report"], int64(5))
}

func crash(s *story) {
	s.open("e1", 2)
	c := s.claim("e1")
	c.Daily = s.daily(1)
	s.reserve(c) // and its caller is never seen again
	s.at = s.at.Add(31 * time.Second)
	same(s.T, "ended", s.sweep(), []ledger.Ended{{Execution: "e1", Call: c.Call, Why: "lease"}})
	if e := s.execution("e1"); e.Counts != (ledger.Counts{Intents: 1, Outcomes: 1}) {
		s.Errorf("the crashed call is still in flight: %+v", e.Counts)
	}
	same(s.T, "costs of an unknown outcome stay taken", s.used("e1")["cost"], int64(100_000))
	same(s.T, "a daily limit that says so does not count it", s.budget().User["tool/pull_credit_report"], int64(0))
	s.reserve(s.claim("e1"))
	s.at = s.at.Add(time.Minute)
	s.sweep()
	s.sweep()
	same(s.T, "what the day holds after the deadline", s.budget().User[ledger.CostLimit], int64(200_000))
	same(s.T, "something is still due", s.sweep(), []ledger.Ended(nil))
}

func oversized(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	c.Takes[1].Take = 20_000_000
	s.refuses(ledger.CostLimit, c)
	c = s.claim("e1")
	c.Daily = s.daily(1)
	c.Daily[0].Take = 10
	s.refuses("tool/pull_credit_report", c)
	a := s.admission("e2", 1)
	a.Slices[0].Cap = 1
	_, err := s.l.Open(ctx, a)
	same(s.T, "a slice larger than the day", s.refused(err), "user/cost")
	same(s.T, "used", s.used("e1"), map[string]int64{"tool_calls": 0, "cost": 0})
}

func twoEngines(s *story) {
	other := &ledger.Ledger{Store: s.store}
	s.open("e1", 2)
	s.reserve(s.claim("e1"))
	if _, err := other.Reserve(ctx, s.claim("e1")); err != nil {
		s.Error(err)
	}
	_, err := other.Reserve(ctx, s.claim("e1"))
	same(s.T, "the third call, through the other ledger", s.refused(err), ledger.ToolCallsLimit)
}

func storeDown(s *story) {
	s.open("e1", 2)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err := s.l.Reserve(gone, s.claim("e1"))
	_, err2 := s.l.Open(gone, s.admission("e2", 1))
	for _, err := range []error{err, err2} {
		if !errors.Is(err, ledger.ErrUnavailable) {
			s.Errorf("a store that does not answer admitted something: %v", err)
		}
	}
	s.reserve(s.claim("e1")) // and service resumes by itself
}

func midnight(s *story) {
	s.at = time.Date(2026, 11, 25, 4, 59, 59, 0, time.UTC)
	s.open("e1", 20)
	call := func() error {
		c := s.claim("e1")
		c.Daily = s.daily(1)
		_, err := s.l.Reserve(ctx, c)
		return err
	}
	must(s.T, call())
	var r *ledger.Refusal
	if err := call(); !errors.As(err, &r) || !r.RetryAt.Equal(s.at.Add(time.Second)) || r.Left != 0 {
		s.Errorf("the second call of the day: %v", err)
	}
	s.at = r.RetryAt
	must(s.T, call())
}

func denials(s *story) {
	s.open("e1", 2)
	for range 100 {
		must(s.T, s.l.Deny(ctx, ledger.Denial{Call: "same", Execution: "e1", Intent: []byte("x"), At: s.at}))
	}
	e := s.execution("e1")
	same(s.T, "denied calls burned something", e.Used, map[string]int64{"tool_calls": 0, "cost": 0})
	same(s.T, "counts", e.Counts, ledger.Counts{Denials: 100})
	records, err := s.store.List(ctx, ledger.LedgerTable, "RECORD#e1")
	must(s.T, err)
	same(s.T, "records", len(records), 100)
	same(s.T, "a denial of an execution nobody opened", s.refused(s.l.Deny(ctx, ledger.Denial{Call: "c", Execution: "nobody", At: s.at})), ledger.RefusedClosed)
}

func newSession(s *story) {
	for n := range 50 {
		id := fmt.Sprint("e", n)
		if n == 25 {
			_, err := s.l.Open(ctx, s.admission(id, 20))
			same(s.T, "the 26th session of a 50 dollar day", s.refused(err), "user/cost")
			return
		}
		s.open(id, 20)
	}
}

func settleExact(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	s.reserve(c)
	o := s.outcome(c, ledger.Done, 30_000)
	wrong := o
	wrong.Took = []ledger.Amount{{Limit: ledger.CostLimit, Take: 900_000}}
	if err := s.l.Settle(ctx, c.Call, wrong); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("an outcome that claims it took more gave it back: %v", err)
	}
	over := o
	over.Used = []ledger.Amount{{Limit: ledger.CostLimit, Take: 100_001}}
	if err := s.l.Settle(ctx, c.Call, over); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("more was used than reserved, in silence: %v", err)
	}
	s.settle(c, o)
	s.settle(c, o)
	same(s.T, "used after settling twice", s.used("e1"), map[string]int64{"tool_calls": 1, "cost": 30_000})
	for _, other := range []ledger.Outcome{s.outcome(c, ledger.Failed, 30_000), s.outcome(c, ledger.Done, 20_000), s.outcome(c, ledger.Released, 0)} {
		if err := s.l.Settle(ctx, c.Call, other); !errors.Is(err, ledger.ErrNotReserved) {
			s.Errorf("another outcome of a settled call: %v", err)
		}
	}
	if err := s.l.Settle(ctx, "never", o); !errors.Is(err, ledger.ErrNotReserved) {
		s.Errorf("a call that never came was settled: %v", err)
	}
	free := s.claim("e1")
	s.reserve(free)
	s.settle(free, s.outcome(free, ledger.Failed, 0)) // an explicit zero is zero, not missing
	same(s.T, "used", s.used("e1"), map[string]int64{"tool_calls": 2, "cost": 30_000})
	same(s.T, "counts", s.execution("e1").Counts, ledger.Counts{Intents: 2, Outcomes: 2})
}

func releaseAll(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	c.Daily, c.Once = s.daily(1), &ledger.Once{Key: "k", For: time.Hour}
	s.reserve(c)
	for range 2 {
		s.settle(c, s.outcome(c, ledger.Released, 0))
	}
	same(s.T, "used", s.used("e1"), map[string]int64{"tool_calls": 0, "cost": 0})
	same(s.T, "the day", s.budget().User["tool/pull_credit_report"], int64(0))
	again := s.claim("e1")
	again.Daily, again.Once = c.Daily, c.Once
	if r := s.reserve(again); r.Stored != nil {
		s.Error("a released key answers as if something had run")
	}
}

func running(s *story) {
	a := s.admission("e1", 20)
	a.Hour = 3_600_000 // a dollar's thousandth a second
	_, err := s.l.Open(ctx, a)
	must(s.T, err)
	same(s.T, "a minute is held", s.used("e1"), map[string]int64{"tool_calls": 0, "cost": 60_000})
	c := s.claim("e1")
	c.Takes[1].Take = 1_950_000
	s.refuses(ledger.CostLimit, c) // the time it may still run is not to be spent on calls
	s.at = s.at.Add(9500 * time.Millisecond)
	must(s.T, s.l.Close(ctx, "e1", "answered", s.at))
	must(s.T, s.l.Close(ctx, "e1", "again", s.at.Add(time.Second)))
	same(s.T, "ten seconds were begun", s.used("e1"), map[string]int64{"tool_calls": 0, "cost": 10_000})
	same(s.T, "the day", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 10_000}, Tenant: 10_000})

	a = s.admission("e2", 20)
	a.Hour = 3_600_000
	_, err = s.l.Open(ctx, a)
	must(s.T, err)
	s.at = s.at.Add(time.Hour) // found by a sweep long after: it cannot have run for longer than it could
	s.sweep()
	same(s.T, "its whole life", s.used("e2"), map[string]int64{"tool_calls": 0, "cost": 60_000})
	a = s.admission("e3", 20)
	a.Hour = 200 * 3_600_000
	_, err = s.l.Open(ctx, a)
	same(s.T, "a cap that does not cover the time", errors.Is(err, ledger.ErrInvalid), true)
}

func closeReturns(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	s.reserve(c)
	must(s.T, s.l.Close(ctx, "e1", "done", s.at))
	must(s.T, s.l.Close(ctx, "e1", "again", s.at))
	s.refuses(ledger.RefusedClosed, s.claim("e1"))
	same(s.T, "the day while a call is in flight", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 100_000}, Tenant: 100_000})
	s.settle(c, s.outcome(c, ledger.Done, 10_000))
	s.at = s.at.Add(time.Minute)
	s.sweep()
	same(s.T, "the day after it settled", s.budget(), ledger.Budget{Date: s.day(), User: map[string]int64{"cost": 10_000}, Tenant: 10_000})
	e := s.execution("e1")
	same(s.T, "used", e.Used, map[string]int64{"tool_calls": 1, "cost": 10_000})
	same(s.T, "why", e.Why, "done")
	_, err := s.l.Open(ctx, s.admission("e1", 1))
	same(s.T, "the same id again", s.refused(err), ledger.RefusedClosed)
	must(s.T, s.l.Close(ctx, "nobody", "x", s.at))
	same(s.T, "closing made an execution", s.execution("nobody"), ledger.Execution{})
}

func separators(s *story) {
	for n, u := range []terms.User{{ID: "b#c", Tenant: "a"}, {ID: "c", Tenant: "a#b"}, {ID: "c", Tenant: "a%23b"}} {
		s.user = u
		s.open(fmt.Sprint("e", n), 1)
		same(s.T, "the day of a user who did nothing before", s.budget().User["cost"], int64(2_000_000))
	}
}

func undeclared(s *story) {
	s.open("e1", 20)
	c := s.claim("e1")
	c.Takes = append(c.Takes, ledger.Amount{Limit: "tokens", Take: 0})
	s.refuses("tokens", c)
	if _, err := s.l.Reserve(ctx, ledger.Claim{}); !errors.Is(err, ledger.ErrInvalid) {
		s.Errorf("the zero claim: %v", err)
	}
	s.refuses(ledger.RefusedClosed, s.claim("nobody"))
}

func dayCloses(s *story) {
	for n := range 25 {
		s.open(fmt.Sprint("a", n), 1)
	}
	_, err := s.l.Open(ctx, s.admission("a25", 1))
	same(s.T, "past the user's 50 dollars", s.refused(err), "user/cost")
	s.user.ID = "bob"
	for n := range 5 {
		s.open(fmt.Sprint("b", n), 1)
	}
	_, err = s.l.Open(ctx, s.admission("b5", 1))
	same(s.T, "past the tenant's 60 dollars", s.refused(err), "tenant/cost")
	s.at = ledger.NextDay(s.day(), s.l.Zone)
	s.open("c", 1)
}

func skew(s *story) {
	s.open("e1", 3)
	noon := s.at
	for n, off := range []time.Duration{-ledger.MaxSkew, 0, 30 * time.Second} {
		s.at = noon.Add(off)
		c := s.claim("e1")
		c.Daily = s.daily(2)
		if n == 2 {
			s.refuses("tool/pull_credit_report", c)
		} else {
			s.reserve(c)
		}
	}
	s.at = noon.Add(ledger.MaxSkew)
	s.refuses(ledger.RefusedClosed, s.claim("e1"))
}
