package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/anomaly"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

var (
	monday = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	ctx    = context.Background()
	ana    = terms.User{ID: "ana", Tenant: "north"}
)

func lane(agent, name string) terms.Lane {
	return terms.Lane{Platform: "acme", Environment: "prod", Agent: agent, Name: name}
}

// house is an environment that is watched: what its agents did, a ledger, and a clock.
type house struct {
	*testing.T
	*Watcher
	books   *ledger.Ledger
	ran     map[time.Time][]ledger.Ran // by the hour
	lanes   []policy.Registration
	at      time.Time
	metrics bytes.Buffer
	notes   []string
	down    map[string]bool // agents of which the ledger answers nothing
}

func (h *house) Lanes(context.Context) ([]policy.Registration, error) { return h.lanes, nil }

// counted is the ledger, but for executions, which are not run to be counted here.
type counted struct {
	*ledger.Ledger
	h *house
}

func (c counted) Hours(ctx context.Context, agent string) ([]ledger.Hour, error) {
	if c.h.down[agent] {
		return nil, ledger.ErrUnavailable
	}
	return c.Ledger.Hours(ctx, agent)
}

func (c counted) Traffic(_ context.Context, agent string, hour time.Time) (out []ledger.Ran, err error) {
	for _, r := range c.h.ran[hour.Truncate(time.Hour)] {
		if r.Lane.Agent == agent {
			out = append(out, r)
		}
	}
	return out, nil
}

func newHouse(t *testing.T) *house {
	h := &house{T: t, books: &ledger.Ledger{Store: &ledger.Memory{}}, at: monday, down: map[string]bool{}, ran: map[time.Time][]ledger.Ran{},
		lanes: []policy.Registration{{Lane: lane("clerk", "stable")}, {Lane: lane("clerk", "canary"), Share: 10}}}
	h.Watcher = &Watcher{Environment: "acme-prod", Declared: anomaly.Declared{Weeks: 1, AlertAbove: 1.5, ThrottleAbove: 10}, Ledger: counted{h.books, h}, Lanes: h,
		Metrics: &h.metrics, Note: func(lane, why string) { h.notes = append(h.notes, lane+": "+why) }, Now: func() time.Time { return h.at }}
	return h
}

// run is executions that close now, of so many calls and one more that is refused.
func (h *house) run(l terms.Lane, executions, calls int64) {
	for range executions {
		hour := h.at.Truncate(time.Hour)
		h.ran[hour] = append(h.ran[hour], ledger.Ran{Lane: l, Version: "v1", Closed: h.at, Calls: calls + 1, Refused: 1})
	}
}

// days lets time pass as it usually does: one execution of two calls and a refused one each
// step, of which every tenth is the canary's.
func (h *house) days(days int) {
	for n := range days * 24 * 12 {
		name := "stable"
		if n%10 == 9 {
			name = "canary"
		}
		h.run(lane("clerk", name), 1, 2)
		h.at = h.at.Add(anomaly.Step)
	}
}

func (h *house) watch() Watched {
	h.Helper()
	h.metrics.Reset()
	h.notes = nil
	got, err := h.Watch(ctx)
	if err != nil {
		h.Fatal(err)
	}
	return got
}

func TestALaneThatRunsAwayIsThrottledAndComesBackByItself(t *testing.T) {
	h := newHouse(t)
	h.days(9)
	for range 4 {
		h.watch()
	}
	if got := h.watch(); got != (Watched{Lanes: 2}) || len(h.notes) > 0 {
		t.Fatalf("an ordinary day is %+v: %v", got, h.notes)
	}
	h.run(lane("clerk", "stable"), 600, 2)
	h.at = h.at.Add(anomaly.Step)
	if got := h.watch(); got != (Watched{Lanes: 2, Throttled: 1}) {
		t.Fatalf("six hundred executions where one is usual are %+v", got)
	}
	why := "acme.prod.clerk.stable: acme.prod.clerk.stable: throttle; 1803 calls in 10 minutes, where 5.538 are usual"
	if len(h.notes) != 1 || !strings.HasPrefix(h.notes[0], why) {
		t.Errorf("operators are told %q", h.notes)
	}
	opened := 0
	opens := func(name string) error {
		opened++
		_, err := h.books.Open(ctx, ledger.Admission{Execution: terms.ExecutionID(fmt.Sprint("e", opened)), User: ana, Lane: lane("clerk", name), At: h.at, Deadline: h.at.Add(time.Minute)})
		return err
	}
	if err := opens("stable"); !reflect.DeepEqual(err, error(&ledger.Refusal{What: ledger.RefusedThrottled, RetryAt: h.at.Add(Hold)})) {
		t.Errorf("an opening on the lane: %v", err)
	}
	if err := opens("canary"); err != nil {
		t.Errorf("an opening on another lane: %v", err)
	}
	h.at = h.at.Add(time.Hour + anomaly.Step)
	if got := h.watch(); got.Throttled != 0 {
		t.Errorf("an hour after it has ended it is %+v: %v", got, h.notes)
	}
	h.at = h.at.Add(Hold)
	if err := opens("stable"); err != nil {
		t.Errorf("an opening after the throttle: %v", err)
	}
}

func TestMetricsAreALineOfTheEmbeddedFormatForEachLane(t *testing.T) {
	h := newHouse(t)
	h.days(9)
	for range 5 {
		h.watch()
	}
	lines := strings.Split(strings.TrimSpace(h.metrics.String()), "\n")
	want := []string{
		`{"Anomaly":0,"CallsPerExecution":3,"CallsPerHour":3,"Environment":"acme-prod","ExecutionsPerHour":1,"ExpectedCallsPerHour":3.6,"Lane":"acme.prod.clerk.canary","Level":"ok","Refused":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Environment","Lane"]],"Metrics":[{"Name":"CallsPerHour","Unit":"Count"},{"Name":"ExecutionsPerHour","Unit":"Count"},{"Name":"Refused","Unit":"Count"},{"Name":"Anomaly","Unit":"Count"},{"Name":"CallsPerExecution","Unit":"Count"},{"Name":"ExpectedCallsPerHour","Unit":"Count"}],"Namespace":"Remit"}],"Timestamp":1794355200000}}`,
		`{"Anomaly":0,"CallsPerExecution":3,"CallsPerHour":33,"Environment":"acme-prod","ExecutionsPerHour":11,"ExpectedCallsPerHour":33,"Lane":"acme.prod.clerk.stable","Level":"ok","Refused":11,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Environment","Lane"]],"Metrics":[{"Name":"CallsPerHour","Unit":"Count"},{"Name":"ExecutionsPerHour","Unit":"Count"},{"Name":"Refused","Unit":"Count"},{"Name":"Anomaly","Unit":"Count"},{"Name":"CallsPerExecution","Unit":"Count"},{"Name":"ExpectedCallsPerHour","Unit":"Count"}],"Namespace":"Remit"}],"Timestamp":1794355200000}}`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestALaneIsNotJudgedUntilEveryHourIsThere(t *testing.T) {
	h := newHouse(t)
	h.days(9)
	h.run(lane("clerk", "stable"), 600, 2)
	h.at = h.at.Add(anomaly.Step)
	runs := 0
	for h.watch().Throttled == 0 {
		if runs++; runs > 9 {
			t.Fatal("it is never judged")
		}
	}
	if runs != 4 { // 201 hours, 48 at once
		t.Errorf("it was judged in run %d", runs+1)
	}
	if !strings.Contains(h.metrics.String(), `"Anomaly":2`) {
		t.Errorf("the metrics say %s", &h.metrics)
	}
}

func TestAnHourThatCannotBeReadIsAddedUpAgain(t *testing.T) {
	h := newHouse(t)
	h.days(9)
	for range 5 {
		h.watch()
	}
	from, until := h.at.Add(-50*time.Hour).Truncate(time.Hour), h.at.Add(24*time.Hour)
	good, err := h.books.Hours(ctx, "clerk")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "{", `[{"lane":{"agent":"another"}}]`, `[{"lane":{"agent":"clerk"},"minute":60}]`, `[{"lane":{"agent":"clerk"},"calls":-1}]`} {
		if err := h.books.KeepHour(ctx, "clerk", ledger.Hour{From: from, Body: []byte(body)}, until); err != nil {
			t.Fatal(err)
		}
		if got := h.watch(); got != (Watched{Lanes: 2}) || len(h.notes) != 1 {
			t.Errorf("with %q for an hour: %+v, %v", body, got, h.notes)
		}
		if mended, err := h.books.Hours(ctx, "clerk"); err != nil || !reflect.DeepEqual(mended, good) {
			t.Errorf("%q was not mended: %v", body, err)
		}
	}
}

func TestALaneThatCannotBeJudgedDoesNotKeepTheOthers(t *testing.T) {
	h := newHouse(t)
	h.lanes = append(h.lanes, policy.Registration{Lane: lane("broken", "stable")})
	h.down["broken"] = true
	got, err := h.Watch(ctx)
	if !errors.Is(err, ledger.ErrUnavailable) || !strings.Contains(err.Error(), "broken") || got != (Watched{Lanes: 2}) {
		t.Errorf("%+v, %v", got, err)
	}
	var line struct{ Lane string }
	if err := json.Unmarshal([]byte(strings.Split(h.metrics.String(), "\n")[0]), &line); err != nil || line.Lane != "acme.prod.clerk.canary" {
		t.Errorf("%+v, %v", line, err)
	}
	if _, err := (&Watcher{}).Watch(ctx); err == nil {
		t.Error("nothing was watched, and called done")
	}
}

func TestALaneIsExpectedTheShareThatIsLeftForIt(t *testing.T) {
	for want, shares := range map[float64][]int{1: {0}, 0.9: {0, 10}, 0.7: {0, 10, 20}, 0.1: {10, 0}, 0: {0, 100}} {
		var lanes []policy.Registration
		for n, s := range shares {
			lanes = append(lanes, policy.Registration{Lane: lane("clerk", fmt.Sprint(n)), Share: s})
		}
		if got := share(lanes[0], lanes); got != want {
			t.Errorf("of shares %v the first is %v, want %v", shares, got, want)
		}
	}
}
