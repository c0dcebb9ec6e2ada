package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"remit/ledger"
	"remit/terms"
)

// oracle adds up what the records say and compares it with what the items say, after every
// write. It knows the layout of items and none of the code that writes them. The first
// thing it finds wrong is kept.
type oracle struct {
	db        *database
	violation string
	forwards  map[string]int // probe runs, by key and epoch
	epochs    map[string]int // of a key: how often it was rightly freed
	results   map[string]map[string]bool
	stops     []func()
}

func (o *oracle) wrong(format string, args ...any) {
	if o.violation == "" {
		o.violation = fmt.Sprintf(format, args...)
	}
}

// body is what the scene writes into the opaque halves of a record, for the oracle to read.
type body struct {
	Takes []ledger.Amount
	Daily []ledger.Daily
	Used  []ledger.Amount

	Metered bool // taken after the act, whatever was left
}

func number(i ledger.Item, name string) int64 {
	if n := i[name].N; n != nil {
		return *n
	}
	return 0
}

// wrote judges one change of an item: which ones no item may ever make.
func (o *oracle) wrote(k ledger.Key, before, after ledger.Item) {
	if k.Table != ledger.LedgerTable {
		return
	}
	switch kind, _, _ := strings.Cut(k.Partition, "#"); kind {
	case "RECORD":
		if before != nil {
			o.wrong("record %s was changed", k.Sort)
		}
	case "EXEC":
		if k.Sort == "EXEC" {
			o.executionWrote(before, after)
		} else {
			o.callWrote(before, after)
		}
	case "CONFIRM":
		o.confirmationWrote(before, after)
	case "ONCE":
		o.onceWrote(k, before, after)
	}
}

func (o *oracle) executionWrote(before, after ledger.Item) {
	rank := map[string]int{"": 0, "open": 1, "stopped": 2, "closed": 3}
	if after["lane"].S == "" {
		o.wrong("an execution that nobody opened exists")
	}
	if rank[after["status"].S] < rank[before["status"].S] {
		o.wrong("an execution went from %s to %s", before["status"].S, after["status"].S)
	}
	for name := range after {
		raised := before != nil && strings.HasPrefix(name, "cap/") && number(before, name) != number(after, name)
		if _, had := before[name]; raised && (!had || before["status"].S != "open") {
			o.wrong("%s of an execution that is %s was raised from nothing, or after its end", name, before["status"].S)
		}
	}
	if before["status"].S == "closed" && before["why"].S != after["why"].S {
		o.wrong("an execution was closed twice")
	}
	if before != nil && before["opened"].N != nil && number(before, "opened") != number(after, "opened") {
		o.wrong("an execution was opened twice")
	}
}

func (o *oracle) callWrote(before, after ledger.Item) {
	if after["kind"].S != "call" {
		o.wrong("a call that nobody made exists")
	}
	was, is := number(before, "fence"), number(after, "fence")
	switch {
	case is == was && before["status"].S != "reserved":
		o.wrong("a call that had ended as %s ended as %s", before["status"].S, after["status"].S)
	case is != was && is != was+1:
		o.wrong("a call went from pass %d to %d", was, is)
	}
}

func (o *oracle) confirmationWrote(before, after ledger.Item) {
	allowed := map[string]string{"": "pending", "pending": "approved rejected expired pending", "approved": "running done expired approved pending", "running": "approved done indeterminate"}
	if !slices.Contains(strings.Fields(allowed[before["status"].S]), after["status"].S) {
		o.wrong("a confirmation went from %q to %q", before["status"].S, after["status"].S)
	}
	if before["status"].S == "approved" && after["status"].S == "pending" {
		runs := ledger.Key{Table: ledger.LedgerTable, Partition: "EXEC#" + before["execution"].S, Sort: "EXEC"}
		if o.db.items[runs]["status"].S != "closed" {
			o.wrong("an approval was taken from an execution that can still run it")
		}
	}
	if after["arguments"].S == "" || before != nil && before["arguments"].S != after["arguments"].S {
		o.wrong("the arguments of a confirmation changed")
	}
	if after["status"].S == "approved" && before["status"].S == "pending" && number(after, "approved") >= number(after, "expires") {
		o.wrong("an expired confirmation was approved")
	}
}

// onceWrote counts the epochs of a key. It ends by an event that is its own and not older
// than the claim, by a call that supersedes, or by its date; each by the oracle's own
// reading of what was stored.
func (o *oracle) onceWrote(k ledger.Key, before, after ledger.Item) {
	if after != nil && after["call"].S == "" {
		o.wrong("a key that nobody claimed is %s", after["state"].S)
	}
	if before == nil || after == nil {
		return
	}
	if before["call"].S == after["call"].S && number(before, "fence") == number(after, "fence") {
		return
	}
	switch {
	case after["supersedes"].S == before["call"].S && before["state"].S != "claimed": // the result stays until there is a better one
		o.epochs[k.Partition]++
	case before["supersedes"].S == after["call"].S && after["state"].S != "claimed": // nothing ran: back to what it would have replaced
	case before["state"].S != "claimed" && number(after, "claimed") >= number(before, "free"):
		o.epochs[k.Partition]++
	default:
		o.wrong("%s was taken from %s, which was %s", k.Partition, before["call"].S, before["state"].S)
	}
}

// freed judges a key that is gone: by its own event, or by the call that holds it.
func (o *oracle) freed(op ledger.Op, before ledger.Item) {
	for _, c := range op.If {
		switch {
		case c.Attribute == "until":
			o.epochs[op.Key.Partition]++
			if before["until"].S != c.Value.S {
				o.wrong("%s was freed by an event that is not its own", op.Key.Partition)
			}
		case c.Attribute == "claimed" && number(before, "claimed") > *c.Value.N:
			o.wrong("%s was freed by an event older than its claim", op.Key.Partition)
		case c.Attribute == "holder" && before["holder"].S != c.Value.S:
			o.wrong("%s was freed by a call that does not hold it", op.Key.Partition)
		}
	}
}

// sums checks every equation between items and records.
func (o *oracle) sums() {
	charged, metered, counts := map[string]map[string]int64{}, map[string]map[string]int64{}, map[string][3]int64{}
	daily := map[string]int64{}
	for k, i := range o.db.items {
		if i["kind"].S != "record" || i["part"].S == "denial" {
			o.deny(counts, i)
			continue
		}
		c := counts[i["execution"].S]
		if i["part"].S == "outcome" {
			c[1]++
			counts[i["execution"].S] = c
			continue
		}
		c[0]++
		counts[i["execution"].S] = c
		end := k
		end.Sort = strings.TrimSuffix(k.Sort, "intent") + "outcome"
		o.charge(charged, daily, i, o.db.items[end])
		o.meter(metered, i)
	}
	for k, i := range o.db.items {
		switch i["kind"].S {
		case "execution":
			o.execution(i, charged[i["execution"].S], metered[i["execution"].S], counts[i["execution"].S])
		case "day":
			whose := strings.Split(k.Partition, "#")
			if whose[0] == "USER" && whose[1] != ledger.CostLimit && number(i, "used") != 0 {
				daily[strings.TrimPrefix(k.Sort, "DAY#")+whose[1]] -= number(i, "used")
			}
		}
	}
	o.traffic()
	for day, n := range daily {
		if n != 0 {
			o.wrong("the daily limits of %s differ from the records by %d", day, n)
		}
	}
	o.days(metered)
	o.lanes()
}

// meter adds up what was taken after it was used.
func (o *oracle) meter(metered map[string]map[string]int64, intent ledger.Item) {
	var in body
	if _ = json.Unmarshal(intent["body"].B, &in); !in.Metered {
		return
	}
	e := intent["execution"].S
	if metered[e] == nil {
		metered[e] = map[string]int64{}
	}
	for _, t := range in.Takes {
		metered[e][t.Limit] += t.Take
	}
}

// lanes checks that a lane's day is what was counted on it, each call once.
func (o *oracle) lanes() {
	counted := map[string]int64{}
	for k, i := range o.db.items {
		switch i["kind"].S {
		case "unattributed":
			counted[k.Partition] += number(i, "took/tokens")
		case "lane":
			counted[k.Partition] -= number(i, "used/tokens")
		}
	}
	for lane, n := range counted {
		if n != 0 {
			o.wrong("%s differs from what was counted on it by %d", lane, n)
		}
	}
}

func (o *oracle) deny(counts map[string][3]int64, i ledger.Item) {
	if i["part"].S == "denial" {
		c := counts[i["execution"].S]
		c[2]++
		counts[i["execution"].S] = c
	}
}

// charge is what one pass takes, by its two records.
func (o *oracle) charge(charged map[string]map[string]int64, daily map[string]int64, intent, outcome ledger.Item) {
	var in, out body
	_ = json.Unmarshal(intent["body"].B, &in)
	_ = json.Unmarshal(outcome["body"].B, &out)
	e := intent["execution"].S
	if charged[e] == nil {
		charged[e] = map[string]int64{}
	}
	status := outcome["status"].S
	used := map[string]int64{}
	for _, u := range out.Used {
		used[u.Limit] = u.Take
	}
	for _, t := range in.Takes {
		n, told := used[t.Limit]
		switch {
		case status == "released", (status == "duplicate" || status == "proposed") && t.Limit != ledger.ToolCallsLimit:
			n = 0
		case !told || status != "done" && status != "failed":
			n = t.Take
		}
		charged[e][t.Limit] += n
	}
	for _, d := range in.Daily {
		superseded := outcome["why"].S == "pass"
		if status == "released" || status == "duplicate" || status == "proposed" || status == "indeterminate" && !d.Indeterminate && !superseded {
			continue
		}
		daily[string(d.Date)+d.Limit] += d.Take
	}
}

func (o *oracle) execution(i ledger.Item, charged, metered map[string]int64, counts [3]int64) {
	id := i["execution"].S
	for name := range i {
		limit, ok := strings.CutPrefix(name, "left/")
		if !ok {
			continue
		}
		most, left := number(i, "cap/"+limit), number(i, name)
		if left+metered[limit] < 0 || left > most { // what was reserved passes no cap
			o.wrong("%s of %s: %d left of a cap of %d", limit, id, left, most)
		}
		if limit == ledger.CostLimit {
			most -= number(i, "returned")
		}
		if limit == ledger.CostLimit {
			most -= o.ran(i)
		}
		if most-left != charged[limit] {
			o.wrong("%s of %s: %d are counted as used, %d by the records", limit, id, most-left, charged[limit])
		}
	}
	if got := [3]int64{number(i, "intents"), number(i, "outcomes"), number(i, "denials")}; got != counts {
		o.wrong("%s counts %v records and left %v", id, got, counts)
	}
}

// traffic checks that an execution is counted once its last call has ended, once, where it
// closed, and as what it was.
func (o *oracle) traffic() {
	counted := map[string]ledger.Item{}
	for k, i := range o.db.items {
		if i["kind"].S != "count" {
			continue
		}
		id := i["execution"].S
		if _, twice := counted[id]; twice || k.Sort != id {
			o.wrong("%s is counted twice, or under another's name", id)
		}
		counted[id] = i
		e := o.db.items[executionKey(terms.ExecutionID(id))]
		if at := time.UnixMilli(number(e, "closed")).UTC().Format("2006-01-02T15"); e["status"].S != "closed" || k.Partition != "COUNT#a#"+at {
			o.wrong("%s is counted in %s, and is %s at %s", id, k.Partition, e["status"].S, at)
		}
		if e["lane"].S != i["lane"].S || e["version"].S != i["version"].S {
			o.wrong("%s is counted as %s of %s", id, i["version"].S, i["lane"].S)
		}
		calls, refused := number(i, "calls"), number(i, "refused")
		_, dueAgain := e["due"] // what was reported since is charged, and counted by the sweep that takes it from the days
		if number(e, "intents") != number(e, "outcomes") || calls-refused > number(e, "intents") || calls-refused < number(e, "intents") && !dueAgain || refused > number(e, "denials") {
			o.wrong("%s is counted with %d calls, %d refused", id, calls, refused)
		}
	}
	for _, i := range o.db.items {
		if i["kind"].S == "execution" && i["status"].S == "closed" && i["due"].N == nil && counted[i["execution"].S] == nil {
			o.wrong("%s has ended and is not counted", i["execution"].S)
		}
	}
}

// ran is what running time takes of an execution: all that it might cost until it has closed
// and given back, and then what it did.
func (o *oracle) ran(i ledger.Item) int64 {
	if i["running"].N != nil || i["hour"].N == nil {
		return number(i, "running")
	}
	return o.time(i)
}

// held is what a closed execution still holds for time that it did not run: where as much was
// charged beyond what was left, the two are even and stay.
func (o *oracle) held(i ledger.Item) int64 {
	if i["running"].N == nil {
		return 0
	}
	return number(i, "running") - o.time(i)
}

// time is what the running of a closed execution cost.
func (o *oracle) time(i ledger.Item) int64 {
	seconds := (number(i, "closed") - number(i, "opened") + 999) / 1000
	held := (number(i, "deadline") - number(i, "opened") + 999) / 1000
	return (number(i, "hour")*max(0, min(seconds, held)) + 3599) / 3600
}

// days checks that a day's budget is what executions hold of it, and never more than it is.
func (o *oracle) days(metered map[string]map[string]int64) {
	held, beyond := map[ledger.Key]int64{}, map[ledger.Key]int64{}
	for _, i := range o.db.items {
		if i["kind"].S != "execution" {
			continue
		}
		n, late := number(i, "cap/cost")-number(i, "returned"), metered[i["execution"].S][ledger.CostLimit]
		for slice, day := range map[string]string{"slice/user": "USER#cost#" + i["tenant"].S + "#" + i["user"].S, "slice/tenant": "TENANT#" + i["tenant"].S} {
			if d := i[slice].S; d != "" {
				k := ledger.Key{Table: ledger.LedgerTable, Partition: day, Sort: "DAY#" + d}
				held[k], beyond[k] = held[k]+n, beyond[k]+late
			}
		}
	}
	for k, n := range held {
		if used := number(o.db.items[k], "used"); used != n {
			o.wrong("%s %s: %d are counted, executions hold %d", k.Partition, k.Sort, used, n)
		}
	}
	for k, i := range o.db.items {
		if i["kind"].S != "day" {
			continue
		}
		most := int64(dailyCap)
		switch {
		case strings.HasPrefix(k.Partition, "TENANT#"):
			most = tenantCap
		case strings.HasPrefix(k.Partition, "USER#"+ledger.CostLimit+"#"):
			most = userCap
		}
		if n := number(i, "used"); n < 0 || n-beyond[k] > most {
			o.wrong("%s %s: %d used of %d", k.Partition, k.Sort, n, most)
		}
	}
}

// forward runs the probe: the side effect that must happen at most once under a key.
func (o *oracle) forward(key string) {
	if key == "" {
		return
	}
	at := fmt.Sprint("ONCE#", key, "/", o.epochs["ONCE#"+key])
	if o.forwards[at]++; o.forwards[at] > 1 {
		o.wrong("the tool ran twice under %s", at)
	}
}

// stranded checks that nothing waits for anybody once every lease is over and swept.
func (o *oracle) stranded() {
	for k, i := range o.db.items {
		switch status := i["status"].S; {
		case i["due"].N != nil:
			o.wrong("%s %s is still due, as %s", k.Partition, k.Sort, status)
		case i["kind"].S == "execution" && (status != "closed" || number(i, "intents") != number(i, "outcomes")):
			o.wrong("%s is %s with %d calls in flight", k.Partition, status, number(i, "intents")-number(i, "outcomes"))
		case i["kind"].S == "execution" && number(i, "left/cost")+o.held(i) != 0:
			o.wrong("%s strands %d", k.Partition, number(i, "left/cost"))
		case i["kind"].S == "call" && status == "reserved", i["kind"].S == "open":
			o.wrong("%s %s is left over", k.Partition, k.Sort)
		case i["kind"].S == "confirmation" && (status == "pending" || status == "approved" || status == "running"):
			o.wrong("confirmation %s is still %s", k.Sort, status)
		case i["kind"].S == "once" && i["state"].S == "claimed":
			o.wrong("%s is still claimed", k.Partition)
		}
	}
}
