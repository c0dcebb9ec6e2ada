package lambda

import (
	"context"
	"strings"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

func TestTheWatchLooksAtEveryRegisteredLaneAndKeepsEachHourOnce(t *testing.T) {
	w := withTables(t)
	l, ctx, lane := &ledger.Ledger{Store: w.store(), Zone: w.e.Day}, context.Background(), w.lane("loan-processor", "stable").Term()
	then := time.Now().Add(-5 * time.Hour)
	if _, err := l.Open(ctx, ledger.Admission{Execution: "ex-watched", User: terms.User{ID: "ana", Tenant: "north"}, Lane: lane, Version: "v", Caps: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}}, At: then, Deadline: then.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(ctx, "ex-watched", "answered", then); err != nil {
		t.Fatal(err)
	}
	f := w.function("watch", w.site.Role("watch"), documents(t, "watch.json", w.e.Watched()), w.watchEnvironment(), time.Minute)
	for range 2 {
		text, err := f.Call(ctx, Event{Payload: []byte(`{"detail-type":"Scheduled Event"}`)})
		if err != nil || string(text) != `{"lanes":1,"alerts":0,"throttled":0}` {
			t.Fatalf("%s, %v", text, err)
		}
	}
	hours, err := l.Hours(ctx, lane.Agent)
	if err != nil || len(hours) < 90 {
		t.Fatalf("%d hours are kept: %v", len(hours), err)
	}
	kept := 0
	for _, h := range hours {
		if strings.Contains(string(h.Body), lane.Name) {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("the hour in which an execution closed is kept %d times", kept)
	}
}
