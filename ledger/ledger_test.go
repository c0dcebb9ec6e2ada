package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/terms"
)

func TestALedgerWithoutAStoreRefusesEverything(t *testing.T) {
	var l Ledger
	ctx, now, u := context.Background(), time.Now(), terms.User{ID: "u", Tenant: "t"}
	widening, err := Widen("a", "b", "why", now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"open":     func() error { _, err := l.Open(ctx, Admission{}); return err },
		"approve":  func() error { _, err := l.Approve(ctx, Admission{Approval: "c"}); return err },
		"close":    func() error { return l.Close(ctx, "e", "", now) },
		"reserve":  func() error { _, err := l.Reserve(ctx, Claim{}); return err },
		"settle":   func() error { return l.Settle(ctx, "", Outcome{}) },
		"deny":     func() error { return l.Deny(ctx, Denial{Call: "c", Execution: "e", At: now}) },
		"find":     func() error { _, err := l.Find(ctx, "e", "c"); return err },
		"read":     func() error { _, err := l.Execution(ctx, "e"); return err },
		"budget":   func() error { _, err := l.Budget(ctx, u, "2026-11-24"); return err },
		"happened": func() error { return l.Happened(ctx, "k", "e", now) },
		"reject":   func() error { return l.Reject(ctx, u, "c", now) },
		"pending":  func() error { _, err := l.Pending(ctx, terms.Lane{}, u, now); return err },
		"lookup":   func() error { _, err := l.Confirmation(ctx, u, "c"); return err },
		"stop": func() error {
			_, err := l.Stop(ctx, Switch{Kind: SwitchTool, Name: "t", Who: "w", Why: "y", At: now})
			return err
		},
		"resume": func() error { return l.Resume(ctx, SwitchTool, "t", widening, now) },
		"ask": func() error {
			_, err := l.AskToWiden(ctx, Want{Kind: SwitchTool, Name: "t", Who: "a", Why: "y", At: now, Until: now.Add(time.Hour)})
			return err
		},
		"widen":    func() error { _, err := l.Widen(ctx, "w", "b", now); return err },
		"switches": func() error { _, err := l.Switches(ctx); return err },
		"sweep":    func() error { _, err := l.Sweep(ctx, now, 1); return err },
	} {
		if err := call(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s without a store: %v", name, err)
		}
	}
}

func TestNoTwoUsersShareAPartition(t *testing.T) {
	name := rapid.StringOfN(rapid.SampledFrom([]rune("ab#%23")), 1, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a := terms.User{Tenant: name.Draw(t, "tenant"), ID: name.Draw(t, "id")}
		b := terms.User{Tenant: name.Draw(t, "other tenant"), ID: name.Draw(t, "other id")}
		if (a.Tenant != b.Tenant || a.ID != b.ID) && (userDayKey(a, "", CostLimit) == userDayKey(b, "", CostLimit) || confirmations("", a) == confirmations("", b) || UserName(a) == UserName(b)) {
			t.Fatalf("%+v and %+v share a budget", a, b)
		}
	})
}

// opened is an execution with some of each limit, and a claim that passes.
func opened(t interface{ Fatal(...any) }, l *Ledger) Claim {
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	u := terms.User{ID: "u", Tenant: "t"}
	_, err := l.Open(context.Background(), Admission{Execution: "e", User: u, Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"},
		Caps: []Amount{{ToolCallsLimit, 2}, {CostLimit, 10}}, At: now, Deadline: now.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return Claim{Call: "c", Execution: "e", User: u, Tool: "tool", Takes: []Amount{{ToolCallsLimit, 1}}, Lease: time.Second, At: now}
}

// restrictions each ask more of a claim; whether they let it pass is drawn.
var restrictions = []func(c *Claim, pass bool){
	func(c *Claim, pass bool) { c.Takes = append(c.Takes, Amount{CostLimit, pick[int64](pass, 10, 11)}) },
	func(c *Claim, pass bool) { c.Takes[0].Take = pick[int64](pass, 2, 3) },
	func(c *Claim, pass bool) {
		c.Daily = []Daily{{Limit: "d", Take: 1, Cap: pick[int64](pass, 1, 0), Date: "2026-11-24"}}
	},
	func(c *Claim, pass bool) {
		c.Owner = &ItemCheck{Key: OwnerKey("d", pick(pass, "mine", "theirs")), Where: map[string]string{"tenant": "t"}}
	},
	func(c *Claim, pass bool) { c.Once = &Once{Key: pick(pass, "free", "held"), For: time.Hour} },
	func(c *Claim, pass bool) { c.At = c.At.Add(pick[time.Duration](pass, 0, time.Minute)) },
	func(c *Claim, pass bool) { c.Tool = pick(pass, "tool", "stopped") },
}

func pick[T any](pass bool, yes, no T) T {
	if pass {
		return yes
	}
	return no
}

// One rule must not hide another: every set of restrictions, each met or not, is admitted
// exactly when all of them are met.
func TestAClaimPassesExactlyWhenEveryRestrictionDoes(t *testing.T) {
	ctx := context.Background()
	for asked := range 1 << len(restrictions) {
		for met := asked; ; met = (met - 1) & asked {
			l := &Ledger{Store: &Memory{}}
			c := opened(t, l)
			for _, op := range []Op{
				{Key: OwnerKey("d", "mine"), Put: Item{"tenant": text("t")}}, {Key: OwnerKey("d", "theirs"), Put: Item{"tenant": text("x")}},
				{Key: onceKey("held"), Put: Item{"state": text(claimed), "lease": instant(c.At.Add(time.Hour)), "free": number(never)}},
				{Key: executionKey("e"), Join: map[string][]string{"stopped_tools": {"stopped"}}},
			} {
				if err := l.Store.Apply(ctx, l.token(), []Op{op}); err != nil {
					t.Fatal(err)
				}
			}
			for n, restrict := range restrictions {
				if asked&(1<<n) != 0 {
					restrict(&c, met&(1<<n) != 0)
				}
			}
			if _, err := l.Reserve(ctx, c); (err == nil) != (met == asked) {
				t.Fatalf("restrictions %07b, of which %07b are met: %v", asked, met, err)
			}
			if met == 0 {
				break
			}
		}
	}
}

func TestTenThousandSessionsForgetNothingAUserSpent(t *testing.T) {
	l := &Ledger{Store: &Memory{}}
	ctx, now, u := context.Background(), time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC), terms.User{ID: "u", Tenant: "t"}
	const most, each = 5_000, 1
	opened := 0
	for n := range 10_000 {
		id := terms.ExecutionID(fmt.Sprint("e", n))
		_, err := l.Open(ctx, Admission{Execution: id, User: u, Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"}, Caps: []Amount{{CostLimit, 10}},
			Slices: []Slice{{Of: OfUser, Take: 10, Cap: most, Date: "2026-11-24"}}, At: now, Deadline: now.Add(time.Minute)})
		if r := new(Refusal); errors.As(err, &r) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		opened++
		c := Claim{Call: "c", Execution: id, Takes: []Amount{{CostLimit, each}}, Lease: time.Second, At: now}
		if _, err := l.Reserve(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Settle(ctx, "c", Outcome{Execution: id, Status: Done, Took: c.Takes, At: now}), l.Close(ctx, id, "done", now)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := l.Budget(ctx, u, "2026-11-24")
	if err != nil || b.User[CostLimit] != int64(opened*each) || b.User[CostLimit] > most || b.User[CostLimit] < most*99/100 {
		t.Errorf("%d sessions spent %d each; the day counts %d of %d (%v)", opened, each, b.User[CostLimit], most, err)
	}
}

func TestAThousandOpeningsOfOneTenantLoseNoUpdate(t *testing.T) {
	l := &Ledger{Store: &Memory{}}
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	var wait sync.WaitGroup
	for n := range 1000 {
		wait.Go(func() {
			_, err := l.Open(context.Background(), Admission{Execution: terms.ExecutionID(fmt.Sprint(n)), User: terms.User{ID: fmt.Sprint(n), Tenant: "t"},
				Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"}, Caps: []Amount{{CostLimit, 3}},
				Slices: []Slice{{Of: OfTenant, Take: 3, Cap: 2000, Date: "2026-11-24"}}, At: now, Deadline: now.Add(time.Minute)})
			if r := new(Refusal); err != nil && !errors.As(err, &r) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	b, err := l.Budget(context.Background(), terms.User{ID: "x", Tenant: "t"}, "2026-11-24")
	if err != nil || b.Tenant != 1998 {
		t.Errorf("1,000 openings of 3 under a cap of 2,000 hold %d, want 1998 (%v)", b.Tenant, err)
	}
}
