package lambda

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

func TestWhatACrashedExecutionHeldIsGivenBackByTheSweep(t *testing.T) {
	w := withTables(t)
	l, ctx, now := &ledger.Ledger{Store: w.store(), Zone: w.e.Day}, context.Background(), time.Now()
	user := terms.User{ID: "crashed", Tenant: "north"}
	today := ledger.DayOf(now, w.e.Day)
	_, err := l.Open(ctx, ledger.Admission{
		Execution: "ex-crashed", User: user, Lane: w.lane("loan-processor", "stable").Term(), Purpose: "underwriting", At: now.Add(-3 * time.Minute), Deadline: now.Add(-time.Minute),
		Caps:   []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 5}, {Limit: ledger.CostLimit, Take: 1000}},
		Slices: []ledger.Slice{{Of: ledger.OfUser, Take: 1000, Cap: 5000, Date: today}, {Of: ledger.OfTenant, Take: 1000, Cap: 5000, Date: today}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(ctx, ledger.Claim{Call: "c", Execution: "ex-crashed", User: user, Tool: "t", Takes: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: 100}},
		Once: &ledger.Once{Key: "north/t/crashed", For: time.Hour}, Lease: time.Minute, At: now.Add(-2 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	f := w.function("sweep", w.site.Role("sweep"), nil, w.sweepEnvironment(), time.Minute)
	text, err := f.Call(ctx, Event{Payload: []byte(`{"detail-type":"Scheduled Event"}`)})
	if err != nil {
		t.Fatal(err)
	}
	var swept struct{ Executions, Calls int }
	if err := json.Unmarshal(text, &swept); err != nil || swept.Executions != 1 || swept.Calls != 1 {
		t.Errorf("swept %s, %v", text, err)
	}
	day, err := l.Budget(ctx, user, today)
	if err != nil || day.User[ledger.CostLimit] != 100 {
		t.Errorf("the user's day holds %v, want the 100 of the call whose outcome nobody knows: %v", day.User, err)
	}
}
