package sweep

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestEverythingThatIsDueEndsInOneRunHoweverMuchItIs(t *testing.T) {
	l, ctx := &ledger.Ledger{Store: &ledger.Memory{}}, context.Background()
	for i := range 250 {
		id := terms.ExecutionID(fmt.Sprintf("ex-%d", i))
		user := terms.User{ID: fmt.Sprintf("u-%d", i%7), Tenant: "north"}
		caps := []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 5}, {Limit: ledger.CostLimit, Take: 10}}
		slices := []ledger.Slice{{Of: ledger.OfUser, Take: 10, Cap: 100_000, Date: "2026-11-23"}}
		if _, err := l.Open(ctx, ledger.Admission{Execution: id, User: user, Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"}, Caps: caps, Slices: slices, At: noon, Deadline: noon.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Reserve(ctx, ledger.Claim{Call: "c", Execution: id, User: user, Tool: "t", Takes: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}}, Lease: 30 * time.Second, At: noon}); err != nil {
			t.Fatal(err)
		}
	}
	s := &Sweeper{Ledger: l, Now: func() time.Time { return noon.Add(2 * time.Minute) }}
	if got, err := s.Sweep(ctx); err != nil || got != (Swept{Executions: 250, Calls: 250}) {
		t.Fatalf("swept %+v, %v", got, err)
	}
	if got, err := s.Sweep(ctx); err != nil || got != (Swept{}) {
		t.Errorf("a second run ended %+v, %v", got, err)
	}
	day, err := l.Budget(ctx, terms.User{ID: "u-0", Tenant: "north"}, "2026-11-23")
	if err != nil || day.User[ledger.CostLimit] != 0 {
		t.Errorf("a user's day still holds %v, %v", day.User, err)
	}
}

func TestASweepThatCannotEndEverythingSaysSo(t *testing.T) {
	if _, err := (&Sweeper{}).Sweep(context.Background()); err == nil {
		t.Error("a sweep without a ledger was called done")
	}
	down := &Sweeper{Ledger: &ledger.Ledger{}, Now: func() time.Time { return noon }}
	if _, err := down.Sweep(context.Background()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("the store is down and the sweep says %v", err)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&Sweeper{Ledger: &ledger.Ledger{Store: &ledger.Memory{}}, Now: down.Now}).Sweep(over); err == nil {
		t.Error("a sweep that ran out of time was called done")
	}
}
