package meter

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/audit"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

var (
	ctx    = context.Background()
	noon   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ana    = terms.User{ID: "ana", Tenant: "north"}
	stable = terms.Lane{Platform: "acme", Environment: "prod", Agent: "writer", Name: "stable"}
	canary = terms.Lane{Platform: "acme", Environment: "prod", Agent: "writer", Name: "canary"}
)

const group = "/acme/models"

func metered(lane terms.Lane) policy.Metered {
	return policy.Metered{Role: "arn:aws:iam::111111111111:role/remit/acme-prod-" + lane.Agent + "-" + lane.Name + "-execution",
		Overshoot: map[string]int64{ledger.TokensLimit: 500, ledger.ModelCostLimit: 5000},
		Models: policy.Models{Format: policy.Format, Lane: lane, Prices: map[string]policy.Price{
			"maker.small-1:0": {Input: 1_000_000, Output: 2_000_000, CacheRead: 100_000, CacheWrite: 1_500_000},
			"maker.large-1:0": {Input: 10_000_000, Output: 20_000_000, CacheRead: 1_000_000, CacheWrite: 15_000_000},
		}}}
}

// office is a meter of two lanes, with what it counted and noted.
type office struct {
	*Meter
	t       testing.TB
	l       *ledger.Ledger
	counted map[string]int
	notes   []string
}

func newOffice(t testing.TB) *office {
	o := &office{t: t, l: &ledger.Ledger{Store: &ledger.Memory{}}, counted: map[string]int{}}
	o.Meter = &Meter{Policy: policy.Meter{Format: policy.Format, Group: group, Day: "America/New_York", Lanes: []policy.Metered{metered(stable), metered(canary)}}, Ledger: o.l,
		Count: func(lane terms.Lane, what Kind) { o.counted[lane.Name+" "+string(what)]++ },
		Note:  func(reference, why string) { o.notes = append(o.notes, reference+": "+why) }}
	return o
}

func (o *office) open(lane terms.Lane, tokens int64) terms.ExecutionID {
	o.t.Helper()
	id := ledger.NewExecution(lane)
	_, err := o.l.Open(ctx, ledger.Admission{Execution: id, User: ana, Lane: lane, At: noon, Deadline: noon.Add(time.Hour),
		Caps: []ledger.Amount{{Limit: ledger.TokensLimit, Take: tokens}, {Limit: ledger.ModelCostLimit, Take: 10_000}, {Limit: ledger.CostLimit, Take: 20_000}}})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) used(id terms.ExecutionID) map[string]int64 {
	o.t.Helper()
	x, err := o.l.Execution(ctx, id)
	if err != nil {
		o.t.Fatal(err)
	}
	return x.Used
}

// stray is what was charged to a lane: calls and tokens.
func (o *office) stray(lane terms.Lane) [2]int64 {
	o.t.Helper()
	calls, used, err := o.l.LaneDay(ctx, lane, "2026-11-24")
	if err != nil {
		o.t.Fatal(err)
	}
	return [2]int64{calls, used[ledger.TokensLimit]}
}

// logged is a record as Bedrock writes it (Bedrock User Guide, model-invocation-logging), with
// some members changed; nil leaves one out.
func logged(changed map[string]any) map[string]any {
	i := map[string]any{
		"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": noon.Format(time.RFC3339), "accountId": "111111111111",
		"identity": map[string]any{"arn": "arn:aws:sts::111111111111:assumed-role/acme-prod-writer-stable-execution/session"},
		"region":   "us-east-1", "requestId": "r-1", "operation": "Converse", "modelId": "maker.small-1:0",
		"input":  map[string]any{"inputContentType": "application/json", "inputBodyJson": map[string]any{"messages": []any{map[string]any{"content": "SECRET question"}}}, "inputTokenCount": 100},
		"output": map[string]any{"outputContentType": "application/json", "outputBodyJson": map[string]any{"output": "SECRET answer"}, "outputTokenCount": 50},
	}
	maps.Copy(i, changed)
	maps.DeleteFunc(i, func(_ string, v any) bool { return v == nil })
	return i
}

// of is a record of an execution.
func of(id terms.ExecutionID, changed map[string]any) map[string]any {
	i := logged(changed)
	i["requestMetadata"] = map[string]any{ExecutionKey: string(id)}
	return i
}

func packed(t testing.TB, b any) Event {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	var e Event
	e.Logs.Data = base64.StdEncoding.EncodeToString(out.Bytes())
	return e
}

func batchOf(t testing.TB, records ...any) Event {
	t.Helper()
	var events []any
	for n, r := range records {
		text, isText := r.(string)
		if !isText {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			text = string(line)
		}
		events = append(events, map[string]any{"id": fmt.Sprint("e", n), "timestamp": noon.UnixMilli(), "message": text})
	}
	return packed(t, map[string]any{"messageType": data, "owner": "111111111111", "logGroup": group, "logStream": "aws/bedrock/modelinvocations", "subscriptionFilters": []string{"f"}, "logEvents": events})
}

func TestWhatALogTellsIsChargedToTheExecutionItNamesOnce(t *testing.T) {
	o := newOffice(t)
	id, other := o.open(stable, 1000), o.open(stable, 1000)
	whole := map[string]any{"requestId": "r-2", "modelId": "arn:aws:bedrock:us-east-1:111111111111:inference-profile/us.maker.large-1:0",
		"input": map[string]any{"inputTokenCount": 10, "cacheReadInputTokenCount": 20, "cacheWriteInputTokenCount": 30}, "output": map[string]any{"outputTokenCount": 40}}
	for range 2 { // a batch may come twice
		if err := o.Handle(ctx, batchOf(t, of(id, nil), of(id, whole))); err != nil {
			t.Fatal(err)
		}
	}
	cost := int64(100+50*2) + 10*10 + 20*1 + 30*15 + 40*20
	if want := map[string]int64{"tokens": 250, "model_cost": cost, "cost": cost}; !maps.Equal(o.used(id), want) {
		t.Errorf("charged %v, want %v", o.used(id), want)
	}
	if got := o.used(other); got["tokens"] != 0 {
		t.Errorf("another execution was charged %v", got)
	}
	if len(o.counted) != 0 || len(o.notes) != 0 {
		t.Errorf("somebody was woken: %v %v", o.counted, o.notes)
	}
}

func TestTheRecordSaysWhoseItWasAndWhatItUsedAndNothingThatWasSaid(t *testing.T) {
	o := newOffice(t)
	id := o.open(stable, 1000)
	if err := o.Handle(ctx, batchOf(t, of(id, nil))); err != nil {
		t.Fatal(err)
	}
	i, err := read([]byte(mustText(t, of(id, nil))))
	if err != nil {
		t.Fatal(err)
	}
	call, err := o.l.Find(ctx, id, i.call(stable))
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Decode(call.Intent)
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Record{Call: i.call(stable), Execution: id, Lane: stable, User: ana, Model: "maker.small-1:0", At: noon, Allowed: true,
		Checks: []audit.Check{{Name: "metered", Allowed: true, Reason: "request r-1: 100 tokens in, 50 out, 0 read from the cache, 0 written to it", Rule: "agents.writer.models"}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func mustText(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUsageThatNamesNoExecutionOfTheLaneIsTheLanesAndWakesSomebody(t *testing.T) {
	o := newOffice(t)
	ours, theirs := o.open(stable, 1000), o.open(canary, 1000)
	named := func(id string) map[string]any { return map[string]any{ExecutionKey: id} }
	records := []any{}
	for n, metadata := range []any{nil, map[string]any{"team": "x"}, named(""), named("nobody"), named(string(theirs)), named(stable.Own("x")), named(string(ours) + "--x"), named(stable.Key())} {
		records = append(records, logged(map[string]any{"requestId": fmt.Sprint("s-", n), "requestMetadata": metadata}))
	}
	for range 2 {
		if err := o.Handle(ctx, batchOf(t, records...)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := o.stray(stable), [2]int64{8, 8 * 150}; got != want {
		t.Errorf("the lane was charged %v, want %v", got, want)
	}
	if o.used(ours)["tokens"] != 0 || o.used(theirs)["tokens"] != 0 || o.stray(canary) != [2]int64{} {
		t.Error("somebody else was charged")
	}
	if o.counted["stable Unattributed"] != 16 || len(o.counted) != 1 || len(o.notes) != 16 {
		t.Errorf("counted %v and noted %d", o.counted, len(o.notes))
	}
}

func TestWhatOthersOfTheAccountUseIsNotOurs(t *testing.T) {
	o := newOffice(t)
	id := o.open(stable, 1000)
	for _, arn := range []string{
		"arn:aws:iam::111111111111:user/ana", "arn:aws:sts::222222222222:assumed-role/acme-prod-writer-stable-execution/s", "arn:aws:sts::111111111111:assumed-role/acme-prod-writer-stable/s",
		"arn:aws:sts::111111111111:assumed-role/x-acme-prod-writer-stable-execution/s", "arn:aws:sts::111111111111:federated-user/acme-prod-writer-stable-execution/s",
		"arn:aws:sts::111111111111:assumed-role/acme-prod-writer-stable-execution", "arn:aws-cn:sts::111111111111:assumed-role/acme-prod-writer-stable-execution/s",
		"arn:aws:sts::111111111111:assumed-role/remit/acme-prod-writer-stable-execution/s", "nobody",
	} {
		if err := o.Handle(ctx, batchOf(t, of(id, map[string]any{"identity": map[string]any{"arn": arn}}))); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
	}
	if o.used(id)["tokens"] != 0 || o.stray(stable) != [2]int64{} || len(o.counted)+len(o.notes) != 0 {
		t.Errorf("charged %v, the lane %v, counted %v", o.used(id), o.stray(stable), o.counted)
	}
}

func TestACallIsNeverCheaperForWhatItsLogLeavesOut(t *testing.T) {
	for name, c := range map[string]struct {
		changed      map[string]any
		tokens, cost int64
		counted      int
	}{
		"a model nobody declared is the dearest":       {map[string]any{"modelId": "other.model"}, 150, 100*10 + 50*20, 0},
		"a profile nobody declared is too":             {map[string]any{"modelId": "us.other.model"}, 150, 100*10 + 50*20, 0},
		"the ARN of a declared one is that one":        {map[string]any{"modelId": "arn:aws:bedrock:us-east-1::foundation-model/maker.small-1:0"}, 150, 200, 0},
		"an answer that is not counted wakes somebody": {map[string]any{"output": map[string]any{}}, 100, 100, 1},
		"nor one without its half":                     {map[string]any{"output": nil}, 100, 100, 1},
		"a question that is not counted too":           {map[string]any{"input": map[string]any{"inputBodyS3Path": "s3://b/k"}}, 50, 100, 1},
		"a call that failed used nothing":              {map[string]any{"errorCode": "ThrottlingException", "input": nil, "output": nil}, 0, 0, 0},
		"one that failed halfway used what it says":    {map[string]any{"errorCode": "ModelStreamErrorException", "output": nil}, 100, 100, 0},
		"a count below nothing gives nothing back":     {map[string]any{"input": map[string]any{"inputTokenCount": -1000}}, 50, 100, 0},
	} {
		o := newOffice(t)
		id := o.open(stable, 1000)
		if err := o.Handle(ctx, batchOf(t, of(id, c.changed))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := map[string]int64{"tokens": c.tokens, "model_cost": c.cost, "cost": c.cost}; !maps.Equal(o.used(id), want) {
			t.Errorf("%s: charged %v, want %v", name, o.used(id), want)
		}
		if o.counted["stable Unattributed"] != c.counted {
			t.Errorf("%s: counted %v", name, o.counted)
		}
	}
}

func TestARecordThatCannotBeReadKeepsNoOtherAndIsNotLost(t *testing.T) {
	for name, bad := range map[string]any{
		"no JSON": "SECRET", "cut": mustText(t, logged(nil))[:200], "another kind": logged(map[string]any{"schemaType": "Other"}), "another version": logged(map[string]any{"schemaVersion": "2.0"}),
		"no version": logged(map[string]any{"schemaVersion": nil}), "no time": logged(map[string]any{"timestamp": nil}), "no caller": logged(map[string]any{"identity": nil}), "no request": logged(map[string]any{"requestId": nil}),
		"no model": logged(map[string]any{"modelId": nil}), "a count in words": logged(map[string]any{"input": map[string]any{"inputTokenCount": "SECRET"}}), "a count that no number holds": logged(map[string]any{"input": map[string]any{"inputTokenCount": json.RawMessage("1e30")}}),
	} {
		o := newOffice(t)
		id := o.open(stable, 1000)
		err := o.Handle(ctx, batchOf(t, bad, of(id, nil)))
		if err == nil || !strings.Contains(err.Error(), "log event e0") || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
		if o.used(id)["tokens"] != 150 {
			t.Errorf("%s: it kept another from being charged: %v", name, o.used(id))
		}
	}
}

func TestABatchThatIsNoneIsRefusedAndATestByLogsIsNot(t *testing.T) {
	o := newOffice(t)
	if err := o.Handle(ctx, packed(t, map[string]any{"messageType": control, "logEvents": []any{}})); err != nil {
		t.Error(err)
	}
	raw := func(text string) Event { var e Event; e.Logs.Data = text; return e }
	for name, e := range map[string]Event{
		"empty": {}, "no base64": raw("%%%"), "no gzip": raw(base64.StdEncoding.EncodeToString([]byte("SECRET"))), "too much to unpack": raw(strings.Repeat("A", MaxPacked+1)),
		"no batch": packed(t, "SECRET"), "another kind": packed(t, map[string]any{"messageType": "OTHER"}), "of another group": packed(t, map[string]any{"messageType": data, "logGroup": "/other"}),
		"unpacked over its bound": packed(t, map[string]any{"messageType": data, "logGroup": group, "pad": strings.Repeat(" ", MaxBatch)}),
	} {
		if err := o.Handle(ctx, e); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cut := batchOf(t, logged(nil))
	cut.Logs.Data = cut.Logs.Data[:len(cut.Logs.Data)/2/4*4]
	if err := o.Handle(ctx, cut); err == nil {
		t.Error("half a batch was taken for one")
	}
}

// down is a ledger of which one part does not answer.
type down struct {
	Ledger
	part string
}

func (d down) Execution(c context.Context, id terms.ExecutionID) (ledger.Execution, error) {
	if d.part == "look" {
		return ledger.Execution{}, ledger.ErrUnavailable
	}
	return d.Ledger.Execution(c, id)
}

func (d down) Charge(c context.Context, m ledger.Metered) (ledger.Execution, error) {
	if d.part == "charge" {
		return ledger.Execution{}, ledger.ErrUnavailable
	}
	return d.Ledger.Charge(c, m)
}

func (d down) ChargeLane(c context.Context, u ledger.Unattributed) error {
	if d.part == "lane" {
		return ledger.ErrUnavailable
	}
	return d.Ledger.ChargeLane(c, u)
}

func TestWithAPartMissingOrDownTheBatchComesAgain(t *testing.T) {
	for name, spoil := range map[string]func(*Meter){
		"everything": func(m *Meter) { *m = Meter{} }, "the ledger": func(m *Meter) { m.Ledger = nil }, "the alarm": func(m *Meter) { m.Count = nil }, "the log": func(m *Meter) { m.Note = nil },
		"the lanes": func(m *Meter) { m.Policy.Lanes = nil },
		"the look":  func(m *Meter) { m.Ledger = down{m.Ledger, "look"} }, "the charge": func(m *Meter) { m.Ledger = down{m.Ledger, "charge"} }, "the lane": func(m *Meter) { m.Ledger = down{m.Ledger, "lane"} },
	} {
		o := newOffice(t)
		id := o.open(stable, 1000)
		good := *o.Meter
		e := batchOf(t, of(id, nil), logged(map[string]any{"requestId": "r-2"}))
		spoil(o.Meter)
		if err := o.Handle(ctx, e); err == nil {
			t.Errorf("without %s the batch was taken for used", name)
		}
		if err := good.Handle(ctx, e); err != nil {
			t.Error(err)
		}
		if o.used(id)["tokens"] != 150 || o.stray(stable) != [2]int64{1, 150} {
			t.Errorf("without %s, and then with it: charged %v and %v", name, o.used(id), o.stray(stable))
		}
	}
}

func TestAnExecutionThatUsedMoreThanWasThoughtPossibleWakesSomebody(t *testing.T) {
	o := newOffice(t)
	id := o.open(stable, 100)
	charge := func(request string, tokens int) {
		t.Helper()
		if err := o.Handle(ctx, batchOf(t, of(id, map[string]any{"requestId": request, "input": map[string]any{"inputTokenCount": tokens}, "output": map[string]any{"outputTokenCount": 0}}))); err != nil {
			t.Fatal(err)
		}
	}
	charge("r-1", 600) // the cap and the overshoot, to the token
	if len(o.counted) != 0 {
		t.Errorf("counted %v", o.counted)
	}
	charge("r-2", 1)
	if want := map[string]int{"stable Overshoot": 1}; !maps.Equal(o.counted, want) {
		t.Errorf("counted %v, want %v", o.counted, want)
	}
	if x, err := o.l.Execution(ctx, id); err != nil || x.Open || x.Why != "tokens is used up" {
		t.Errorf("it goes on: %+v, %v", x, err)
	}
}

// The promise of a metered limit: an agent that uses so many tokens a second, whose log comes so
// long after, and whose entry looks so often, is ended with no more used than the cap and what
// it can use in that time.
func TestUsageIsAtMostTheCapAndWhatIsUsedUntilTheLogHasTold(t *testing.T) {
	worst := map[string]int64{}
	rapid.Check(t, func(r *rapid.T) {
		const limit, looks = 20_000, 5
		rate, delay := rapid.Int64Range(200, 3000).Draw(r, "tokens a second"), rapid.IntRange(0, 300).Draw(r, "seconds until the log")
		o := newOffice(t)
		id := o.open(stable, limit)
		used, waiting := int64(0), [][2]int64{} // when it comes, and what it tells
		for second := int64(0); ; second++ {
			for len(waiting) > 0 && waiting[0][0] <= second {
				record := of(id, map[string]any{"requestId": fmt.Sprint("r-", waiting[0][0]), "input": map[string]any{"inputTokenCount": waiting[0][1]}, "output": map[string]any{"outputTokenCount": 0}})
				if err := o.record(ctx, []byte(mustText(t, record))); err != nil {
					r.Fatal(err)
				}
				waiting = waiting[1:]
			}
			if x, err := o.l.Execution(ctx, id); err != nil || second%looks == 0 && !x.Open {
				if err != nil {
					r.Fatal(err)
				}
				break
			}
			used += rate
			waiting = append(waiting, [2]int64{second + int64(delay), rate})
		}
		if most := limit + rate*int64(delay+looks+1); used > most {
			r.Errorf("%d were used at %d a second, %d s before the log tells; the promise is %d", used, rate, delay, most)
		}
		if over := used - limit; over > worst["over"] {
			worst = map[string]int64{"over": over, "rate": rate, "delay": int64(delay)}
		}
	})
	t.Logf("worst seen: %d tokens beyond the cap, at %d a second with a log %d s late and a look every 5 s (rate × (delay + look) is %d)", worst["over"], worst["rate"], worst["delay"], worst["rate"]*(worst["delay"]+6))
}

func TestACountIsALineThatCloudWatchMakesAMetricOf(t *testing.T) {
	var log bytes.Buffer
	count := Metrics(&log)
	for _, kind := range Kinds {
		count(stable, kind)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var got []string
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		aws, _ := m["_aws"].(map[string]any)
		if at, _ := aws["Timestamp"].(float64); at < float64(noon.Add(-365*24*time.Hour).UnixMilli()) {
			t.Errorf("a metric of %v", aws["Timestamp"])
		}
		delete(aws, "Timestamp")
		got = append(got, mustText(t, m))
	}
	want := []string{
		`{"Environment":"prod","Lane":"acme.prod.writer.stable","Unattributed":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Environment","Lane"]],"Metrics":[{"Name":"Unattributed","Unit":"Count"}],"Namespace":"Remit"}]}}`,
		`{"Environment":"prod","Lane":"acme.prod.writer.stable","Overshoot":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Environment","Lane"]],"Metrics":[{"Name":"Overshoot","Unit":"Count"}],"Namespace":"Remit"}]}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func FuzzNoBatchCrashesTheMeterOrLeaksWhatWasSaid(f *testing.F) {
	f.Add([]byte(`{"messageType":"DATA_MESSAGE","logGroup":"/acme/models","logEvents":[{"id":"1","message":"{}"}]}`))
	f.Add([]byte(mustText(f, logged(nil))))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := newOffice(t)
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		_, _ = zip.Write(text)
		_ = zip.Close()
		var e Event
		e.Logs.Data = base64.StdEncoding.EncodeToString(out.Bytes())
		_ = o.Handle(ctx, e)
		if i, err := read(text); err != nil && !errors.Is(err, errNoRecord) || err == nil && i.Request == "" {
			t.Errorf("%+v, %v", i, err)
		}
	})
}
