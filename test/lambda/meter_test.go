package lambda

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"remit/ledger"
	"remit/platform/load"
	"remit/policy"
	"remit/terms"
)

// meterOf is what the meter of the company that has one decides by.
func meterOf(t *testing.T) policy.Meter {
	t.Helper()
	p, err := load.Dir("environments/lumen", "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	e, _ := p.Environment("dev")
	return p.Meter(e)
}

// invoked is what Logs sends of one call of a model, as Bedrock logs it.
func invoked(t *testing.T, group, role, request, metadata string, tokens int) Event {
	t.Helper()
	record := fmt.Sprintf(`{"schemaType":"ModelInvocationLog","schemaVersion":"1.0","timestamp":%q,"accountId":"444444444443","identity":{"arn":%q},"region":"us-east-1","requestId":%q,"operation":"Converse",
		"modelId":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","requestMetadata":%s,"input":{"inputBodyJson":{"messages":[{"content":"how is C-11?"}]},"inputTokenCount":%d},"output":{"outputTokenCount":0}}`,
		time.Now().UTC().Format(time.RFC3339), "arn:aws:sts::444444444443:assumed-role/"+role[strings.LastIndex(role, "/")+1:]+"/s", request, metadata, tokens)
	batch := documents(t, "", map[string]any{"messageType": "DATA_MESSAGE", "logGroup": group, "logEvents": []any{map[string]any{"id": "1", "message": record}}})
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(batch[""]); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return Event{Payload: []byte(`{"awslogs":{"data":"` + base64.StdEncoding.EncodeToString(out.Bytes()) + `"}}`)}
}

func TestTheBuiltMeterChargesWhatTheLogTellsAndStopsWhatIsUsedUp(t *testing.T) {
	w := withTablesFor(t, "lumen")
	meter := w.p.Meter(w.e)
	lane, l, ctx, now := meter.Lanes[0].Models.Lane, w.ledger(), context.Background(), time.Now()
	id := ledger.NewExecution(lane)
	if _, err := l.Open(ctx, ledger.Admission{Execution: id, User: terms.User{ID: "bea", Tenant: "harbor"}, Lane: lane, Purpose: "progress_reporting", At: now, Deadline: now.Add(time.Hour),
		Caps: []ledger.Amount{{Limit: ledger.TokensLimit, Take: 1000}, {Limit: ledger.ModelCostLimit, Take: 1_000_000}, {Limit: ledger.CostLimit, Take: 1_000_000}}}); err != nil {
		t.Fatal(err)
	}
	f := w.function("meter", w.site.Role("meter"), documents(t, "meter.json", meter), w.meterEnvironment(), time.Minute)
	send := func(e Event) {
		t.Helper()
		if _, err := f.Call(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	mine, role := fmt.Sprintf(`{"remit_execution":%q}`, id), meter.Lanes[0].Role
	for range 2 { // Logs delivers at least once
		send(invoked(t, meter.Group, role, "r-1", mine, 600))
		send(invoked(t, meter.Group, role, "r-2", `{}`, 70))
		send(invoked(t, meter.Group, w.site.Role("someone"), "r-3", mine, 9))
	}
	x, err := l.Execution(ctx, id)
	if want := map[string]int64{"tokens": 600, "model_cost": 1800, "cost": 1800}; err != nil || !x.Open || !maps.Equal(x.Used, want) {
		t.Errorf("it stands as %+v, %v; want open, with %v used", x, err, want)
	}
	calls, used, err := l.LaneDay(ctx, lane, ledger.DayOf(time.Now(), w.e.Day))
	if err != nil || calls != 1 || used[ledger.TokensLimit] != 70 {
		t.Errorf("the lane was charged %d calls, %v, %v", calls, used, err)
	}
	if !strings.Contains(w.logs.String(), `"Unattributed":1`) || strings.Contains(w.logs.String(), "C-11") {
		t.Errorf("nobody is woken, or the log tells what was asked:\n%s", w.logs)
	}
	send(invoked(t, meter.Group, role, "r-4", mine, 400))
	if x, err := l.Execution(ctx, id); err != nil || x.Open || x.Why != "tokens is used up" {
		t.Errorf("it goes on: %+v, %v", x, err)
	}
	if err := l.Close(ctx, id, "over", time.Now()); err != nil {
		t.Fatal(err)
	}
	send(invoked(t, meter.Group, role, "r-5", mine, 5))
	if x, err := l.Execution(ctx, id); err != nil || x.Used[ledger.TokensLimit] != 1005 {
		t.Errorf("a late report is lost: %+v, %v", x, err)
	}
	if _, err := f.Call(ctx, invoked(t, "/another", role, "r-6", mine, 5)); err == nil {
		t.Error("a batch of another log group was taken for used")
	}
}
