package closing

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"remit/lambdas/arguments"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ana  = terms.User{ID: "ana", Tenant: "north"}
)

// desk is a ledger with one flagged order of north's, and the closer of flags.
type desk struct {
	t     *testing.T
	store *ledger.Memory
	l     *ledger.Ledger
	*Closer
	calls int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, store: &ledger.Memory{}}
	d.l = &ledger.Ledger{Store: d.store}
	d.Closer = &Closer{Ledger: d.l, Directory: Owners{d.store}, Closings: []policy.Closing{{Tool: "flag", Event: "Reviewed", Bus: "orders", ID: "order_id", Argument: "order", Directory: "orders"}}}
	d.own("north")
	_, err := d.l.Open(ctx, ledger.Admission{Execution: "ex", User: ana, Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "l"}, At: noon, Deadline: noon.Add(time.Hour), Caps: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 50}}})
	if err != nil {
		t.Fatal(err)
	}
	if d.flag() != "made" {
		t.Fatal("the first flag was not made")
	}
	return d
}

func (d *desk) own(tenant string) {
	d.t.Helper()
	if err := d.store.Apply(ctx, time.Now().String()+tenant, []ledger.Op{{Key: ledger.OwnerKey("orders", "O-1"), Put: ledger.Item{"tenant": {S: tenant}}}}); err != nil {
		d.t.Fatal(err)
	}
}

// flag flags the order as the gateway does, and answers whether a flag was made or returned.
func (d *desk) flag() string {
	d.t.Helper()
	d.calls++
	once := &ledger.Once{Key: arguments.Key("flag", "north", []string{"order"}, map[string]any{"order": "O-1", "reason": "late"}), For: time.Hour, Until: "Reviewed"}
	call, takes := terms.CallID(string(rune('a'+d.calls))), []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}}
	r, err := d.l.Reserve(ctx, ledger.Claim{Call: call, Execution: "ex", User: ana, Tool: "flag", Takes: takes, Once: once, Lease: time.Minute, At: noon})
	if err != nil {
		d.t.Fatal(err)
	}
	if r.Stored != nil {
		return "returned"
	}
	if err := d.l.Settle(ctx, call, ledger.Outcome{Execution: "ex", Status: ledger.Done, User: ana, Took: takes, Once: once, Result: []byte("F-1"), At: noon}); err != nil {
		d.t.Fatal(err)
	}
	return "made"
}

func event(t *testing.T, text string) Event {
	t.Helper()
	var e Event
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

const reviewed = `{"bus":"orders","event":{"version":"0","id":"1","detail-type":"Reviewed","source":"desk","account":"1","time":"2026-11-24T12:00:01Z","region":"r","resources":[],"detail":{"order_id":"O-1","by":"kim"}}}`

func TestAFlagIsReturnedUntilItsReviewAndThenMadeAnew(t *testing.T) {
	d := newDesk(t)
	for _, want := range []string{"returned", "returned"} {
		if got := d.flag(); got != want {
			t.Errorf("a second flag was %s", got)
		}
	}
	for range 2 { // EventBridge delivers at least once
		if err := d.Handle(ctx, event(t, reviewed)); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.flag(); got != "made" {
		t.Errorf("after the review a flag was %s", got)
	}
	if got := d.flag(); got != "returned" {
		t.Errorf("and then a second one was %s", got)
	}
}

func TestAnEventThatIsNotTheDeclaredOneClosesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		fail bool // so that operators look
	}{
		"of another bus":                         {`{"bus":"other","event":{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z","detail":{"order_id":"O-1"}}}`, true},
		"of another type":                        {`{"bus":"orders","event":{"detail-type":"Asked","time":"2026-11-24T12:00:01Z","detail":{"order_id":"O-1"}}}`, true},
		"about another order":                    {`{"bus":"orders","event":{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z","detail":{"order_id":"O-2"}}}`, true},
		"without an order":                       {`{"bus":"orders","event":{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z","detail":{"order":"O-1"}}}`, true},
		"with a number":                          {`{"bus":"orders","event":{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z","detail":{"order_id":1}}}`, true},
		"without a detail":                       {`{"bus":"orders","event":{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z"}}`, true},
		"without a time":                         {`{"bus":"orders","event":{"detail-type":"Reviewed","detail":{"order_id":"O-1"}}}`, true},
		"of before the flag":                     {`{"bus":"orders","event":{"detail-type":"Reviewed","time":"2026-11-24T11:59:59Z","detail":{"order_id":"O-1"}}}`, false},
		"as EventBridge has it, without its bus": {`{"detail-type":"Reviewed","time":"2026-11-24T12:00:01Z","detail":{"order_id":"O-1"}}`, true},
	} {
		d := newDesk(t)
		if err := d.Handle(ctx, event(t, c.text)); (err != nil) != c.fail {
			t.Errorf("%s: %v", name, err)
		}
		if got := d.flag(); got != "returned" {
			t.Errorf("%s: a second flag was %s", name, got)
		}
	}
}

func TestAnEventClosesTheItemOfWhoeverOwnsTheDatumNow(t *testing.T) {
	d := newDesk(t)
	d.own("south")
	if err := d.Handle(ctx, event(t, reviewed)); err != nil {
		t.Fatal(err)
	}
	if got := d.flag(); got != "returned" {
		t.Errorf("south's review closed north's flag: it was %s", got)
	}
}

// down is a directory that does not answer.
type down struct{}

func (down) Owner(context.Context, string, string) (string, error) { return "", errors.New("down") }

func TestWithAPartMissingOrDownNothingIsClosedAndTheEventIsNotLost(t *testing.T) {
	for name, spoil := range map[string]func(*Closer){
		"everything": func(c *Closer) { *c = Closer{} }, "the ledger": func(c *Closer) { c.Ledger = nil }, "the directory": func(c *Closer) { c.Directory = nil },
		"the closings": func(c *Closer) { c.Closings = nil }, "the directory's answer": func(c *Closer) { c.Directory = down{} }, "the ledger's answer": func(c *Closer) { c.Ledger = &ledger.Ledger{} },
	} {
		d := newDesk(t)
		spoil(d.Closer)
		if err := d.Handle(ctx, event(t, reviewed)); err == nil {
			t.Errorf("without %s the event was taken for used", name)
		}
		if got := d.flag(); got != "returned" {
			t.Errorf("without %s a second flag was %s", name, got)
		}
	}
}
