package lambda

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// event is what a rule passes on (constructs/closing.go).
func event(bus, kind, application string, at time.Time) Event {
	return Event{Payload: []byte(fmt.Sprintf(`{"bus":%q,"event":{"version":"0","id":"e","detail-type":%q,"source":"loan-desk","account":"111111111113","time":%q,"region":"us-east-1","resources":[],"detail":{"application_id":%q,"by":"kim"}}}`,
		bus, kind, at.UTC().Format(time.RFC3339), application))}
}

func TestAFlagIsReturnedByTheBuiltInterceptorsUntilTheBuiltFunctionHearsThatItsReviewIsOver(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	f := w.function("closing", w.site.Role("closing"), documents(t, "closings.json", w.p.Closings(w.e)), w.closingEnvironment(), 30*time.Second)
	flags := func(execution opened, want bool) {
		t.Helper()
		got := l.call(execution.Token, "flag_for_review", `{"application_id":"A-1007","reason":"thin file"}`, `{"flag_id":"F-1"}`)
		if made := got.Sent != nil; made != want {
			t.Errorf("a flag was made: %v, want %v: %s", made, want, got.body)
		}
	}
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		flags(o, true)
		flags(o, false)
		for name, e := range map[string]Event{
			"another application": event("loan-events", "ReviewCompleted", "A-1008", time.Now().Add(time.Minute)),
			"a review of before":  event("loan-events", "ReviewCompleted", "A-1007", time.Now().Add(-time.Hour)),
		} {
			if _, err := f.Call(context.Background(), e); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		flags(o, false)
		for name, e := range map[string]Event{
			"nobody's application": event("loan-events", "ReviewCompleted", "A-9999", time.Now()), "another bus": event("other", "ReviewCompleted", "A-1007", time.Now()), "another event": event("loan-events", "LoanAssessed", "A-1007", time.Now()),
		} {
			if _, err := f.Call(context.Background(), e); err == nil {
				t.Errorf("%s was taken for used, and no queue will show it", name)
			}
		}
		flags(o, false)
		if _, err := f.Call(context.Background(), event("loan-events", "ReviewCompleted", "A-1007", time.Now().Add(time.Minute))); err != nil {
			t.Error(err)
		}
		flags(o, true)
	})
}
