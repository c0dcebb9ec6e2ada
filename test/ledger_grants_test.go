package test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/anomaly"
	"remit/grants"
	"remit/iam"
	"remit/identity"
	"remit/lambdas/closing"
	"remit/lambdas/gateway"
	"remit/lambdas/sealing"
	"remit/lambdas/watch"
	"remit/ledger"
	"remit/platform"
	"remit/policy"
	"remit/terms"
)

// asking notes what a function asks of the ledger's tables, as IAM sees it.
type asking struct {
	ledger.Store
	asked map[string]bool
}

func (a asking) note(action string, k ledger.Key) {
	a.asked[k.Table+" dynamodb:"+action+" "+family(k.Partition)] = true
}

// family is whose items a leading key is of, whichever lane and tool: that each has its own is
// what the rules prove.
func family(leading string) string {
	kind, rest, _ := strings.Cut(leading, "#")
	if kind == "USER" && strings.HasPrefix(rest, ledger.CostLimit+"#") {
		return "a user's cost"
	}
	return kind
}

func (a asking) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	a.note("GetItem", k)
	return a.Store.Get(ctx, k)
}

func (a asking) List(ctx context.Context, table, partition string) ([]ledger.Item, error) {
	a.note("Query", ledger.Key{Table: table, Partition: partition})
	return a.Store.List(ctx, table, partition)
}

func (a asking) Apply(ctx context.Context, token string, ops []ledger.Op) error {
	for _, op := range ops {
		switch {
		case op.Put != nil:
			a.note("PutItem", op.Key)
		case op.Delete:
			a.note("DeleteItem", op.Key)
		case op.IsCheck():
			a.note("ConditionCheckItem", op.Key)
		default:
			a.note("UpdateItem", op.Key)
		}
	}
	return a.Store.Apply(ctx, token, ops)
}

// company is one lane with a tool of each kind, and the functions that serve it.
type company struct {
	t                                                                 *testing.T
	request, response, entry, approve, closing, operate, watch, meter asking
	opens                                                             *ledger.Ledger
	bundle                                                            *policy.Bundle
}

var asked = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var askingLane = terms.Lane{Platform: "acme", Environment: "prod", Agent: "clerk", Name: "stable"}

func newCompany(t *testing.T) *company {
	t.Helper()
	tool := func(name string, change func(*policy.Tool)) *policy.Tool {
		out := &policy.Tool{Target: name, Access: terms.Write, DataClass: "OPEN", Callers: []string{"lead"}, Input: json.RawMessage(`{}`), Allow: []string{"$.state"},
			Datum: &policy.Datum{Directory: "orders", Argument: "order"}}
		change(out)
		return out
	}
	b := policy.Bundle{Format: policy.Format, Lane: askingLane, Day: "UTC", Callers: []string{"lead"}, Purposes: []string{"ordering"}, Constraints: []policy.Constraint{}, Tools: map[string]*policy.Tool{
		"find": tool("find", func(t *policy.Tool) { t.PerUserDay = 100 }),
		"ship": tool("ship", func(t *policy.Tool) { t.Once = &policy.Once{Key: []string{"order"}, Seconds: 3600} }),
		"refund": tool("refund", func(t *policy.Tool) {
			t.Once, t.Confirmation = &policy.Once{Key: []string{"order"}, Seconds: 3600}, &policy.Confirmation{Seconds: 900}
		}),
	}}
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	store := &ledger.Memory{}
	owner := ledger.Op{Key: ledger.OwnerKey("orders", "O-1"), Put: ledger.Item{"tenant": {S: "north"}}}
	if err := store.Apply(context.Background(), "own", []ledger.Op{owner}); err != nil {
		t.Fatal(err)
	}
	by := func() asking { return asking{store, map[string]bool{}} }
	c := &company{t: t, request: by(), response: by(), entry: by(), approve: by(), closing: by(), operate: by(), watch: by(), meter: by(), bundle: loaded}
	c.opens = &ledger.Ledger{Store: c.entry}
	return c
}

var ana = terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}

func (c *company) open(l *ledger.Ledger, id terms.ExecutionID, approval string) {
	c.t.Helper()
	_, err := l.Open(context.Background(), ledger.Admission{Execution: id, User: ana, Lane: askingLane, Purpose: "ordering", Approval: approval, At: asked, Deadline: asked.Add(time.Minute),
		Caps:   []ledger.Amount{{Limit: ledger.CostLimit, Take: 10}, {Limit: ledger.ToolCallsLimit, Take: 20}},
		Slices: []ledger.Slice{{Of: ledger.OfUser, Take: 10, Cap: 100, Date: "2026-11-24"}, {Of: ledger.OfTenant, Take: 10, Cap: 100, Date: "2026-11-24"}}})
	if err != nil {
		c.t.Fatal(err)
	}
}

type anyone struct{ claims identity.Claims }

func (a anyone) Verify(context.Context, string, string, time.Time) (identity.Claims, error) {
	return a.claims, nil
}

type anything struct{}

func (anything) Validate(any) error { return nil }

// call is one call through both interceptors; meanwhile happens while the tool works.
func (c *company) call(execution terms.ExecutionID, id int, tool, arguments, meta, reply string, meanwhile func()) string {
	c.t.Helper()
	side := func(s asking) *gateway.Gateway {
		return &gateway.Gateway{Bundle: c.bundle, Digest: "sha256:0", Ledger: &ledger.Ledger{Store: s}, Sealer: sealing.Sealer{Keys: keys},
			Verifier: anyone{identity.Claims{User: ana, Lane: askingLane, Execution: execution, Purpose: "ordering", Expires: asked.Add(time.Minute)}},
			Schemas:  map[string]gateway.Schema{"find": anything{}, "ship": anything{}, "refund": anything{}}, Now: func() time.Time { return asked }, Note: func(string, string) {}}
	}
	var e gateway.Event
	e.MCP.GatewayRequest = &gateway.Message{Headers: map[string]string{"Authorization": "Bearer t"},
		Body: json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s___%s","arguments":%s,"_meta":{%s}}}`, id, tool, tool, arguments, meta))}
	before := side(c.request).Request(context.Background(), e)
	e.MCP.GatewayResponse = before.MCP.Response
	if before.MCP.Request != nil {
		meanwhile()
		e.MCP.GatewayResponse = &gateway.Message{Body: json.RawMessage(reply)}
	}
	return string(side(c.response).Response(context.Background(), e).MCP.Response.Body)
}

var keys = sealing.NewLocal()

// day is everything that calls do to a ledger: they run, fail, are refused, come twice, wait
// and are approved.
func (c *company) day() {
	const done, failed = `{"jsonrpc":"2.0","id":1,"result":{"content":[],"structuredContent":{"state":"x"}}}`, `{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"AuthorizeActionException - Tool Execution Denied"}]}}`
	nothing := func() {}
	c.open(c.opens, "e-1", "")
	for n, order := range []string{`{"order":"O-1"}`, `{"order":"O-9"}`, `{}`} {
		c.call("e-1", n, "find", order, "", done, nothing)
	}
	c.call("e-1", 3, "find", `{"order":"O-1"}`, "", failed, nothing)
	c.call("e-1", 4, "ship", `{"order":"O-1"}`, "", done, func() { c.call("e-1", 4, "ship", `{"order":"O-1"}`, "", done, nothing) })
	c.call("e-1", 5, "ship", `{"order":"O-1"}`, "", done, nothing)
	var waits struct {
		Result struct {
			Content struct{ Confirmation string } `json:"structuredContent"`
		}
	}
	for range 2 {
		if err := json.Unmarshal([]byte(c.call("e-1", 6, "refund", `{"order":"O-1"}`, "", done, nothing)), &waits); err != nil || waits.Result.Content.Confirmation == "" {
			c.t.Fatalf("nothing waits: %v", err)
		}
	}
	approves := c.approval(waits.Result.Content.Confirmation)
	if said := c.call("e-2", 1, "refund", `{"order":"O-1"}`, "", done, nothing); !strings.Contains(said, `"state":"x"`) {
		c.t.Fatalf("the approved call did not run: %s", said)
	}
	if err := approves.Close(context.Background(), "e-2", "the approved call has run", asked); err != nil {
		c.t.Fatal(err)
	}
	c.call("e-1", 7, "refund", `{"order":"O-1"}`, fmt.Sprintf("%q:%q", gateway.ConfirmationMeta, waits.Result.Content.Confirmation), done, nothing)
	closer := closing.Closer{Closings: []policy.Closing{{Tool: "ship", Event: "Shipped", Bus: "b", ID: "id", Argument: "order", Directory: "orders"}}, Ledger: &ledger.Ledger{Store: c.closing}, Directory: closing.Owners{Store: c.closing}}
	happened := closing.Event{Bus: "b"}
	happened.Event.Type, happened.Event.Time, happened.Event.Detail = "Shipped", asked, map[string]any{"id": "O-1"}
	if err := closer.Handle(context.Background(), happened); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.opens.Execution(context.Background(), "e-1"); err != nil {
		c.t.Fatal(err)
	}
	if err := c.opens.Close(context.Background(), "e-1", "answered", asked); err != nil {
		c.t.Fatal(err)
	}
	c.intervene()
	c.metering()
	c.watched()
}

// intervene is everything that people do at the operating function.
func (c *company) intervene() {
	l, ctx, until := &ledger.Ledger{Store: c.operate}, context.Background(), asked.Add(time.Hour)
	c.open(c.opens, "e-3", "")
	for _, w := range []ledger.Want{
		{Execution: "e-3", More: ledger.Amount{Limit: ledger.ToolCallsLimit, Take: 1}, Who: "olu", Why: "month end", At: asked, Until: until},
		{Kind: ledger.SwitchLane, Name: askingLane.String(), Who: "olu", Why: "mended", At: asked, Until: until},
	} {
		if w.Kind != "" {
			if ended, err := l.Stop(ctx, ledger.Switch{Kind: w.Kind, Name: w.Name, Who: "olu", Why: "odd", At: asked}); err != nil || len(ended) != 1 {
				c.t.Fatalf("%v, %v", ended, err)
			}
		}
		id, err := l.AskToWiden(ctx, w)
		if err == nil {
			_, err = l.Widen(ctx, id, "pam", asked)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := l.Switches(ctx); err != nil {
		c.t.Fatal(err)
	}
	if _, err := l.Budget(ctx, ana, "2026-11-24", terms.DailyLimit("find")); err != nil {
		c.t.Fatal(err)
	}
}

// watched is what the watch asks: it looks at a lane, and throttles it.
func (c *company) watched() {
	l := &ledger.Ledger{Store: c.watch}
	w := watch.Watcher{Environment: "acme-prod", Declared: anomaly.Declared{Weeks: 1, AlertAbove: 1.5}, Ledger: l, Lanes: registered{{Lane: askingLane}}, Metrics: io.Discard, Note: func(string, string) {}, Now: func() time.Time { return asked }}
	if got, err := w.Watch(context.Background()); err != nil || got.Lanes != 1 {
		c.t.Fatalf("%+v, %v", got, err)
	}
	if err := l.Throttle(context.Background(), ledger.Throttle{Lane: askingLane, Until: asked.Add(watch.Hold), Why: "a test", At: asked}); err != nil {
		c.t.Fatal(err)
	}
}

// metering charges an execution until it is used up, one that has closed, and the lane.
func (c *company) metering() {
	c.t.Helper()
	l, ctx := &ledger.Ledger{Store: c.meter}, context.Background()
	c.open(c.opens, "e-4", "")
	for n, id := range []terms.ExecutionID{"e-4", "e-4", "e-1"} {
		if x, err := l.Execution(ctx, id); err != nil || x.ID != id {
			c.t.Fatalf("%+v, %v", x, err)
		}
		if _, err := l.Charge(ctx, ledger.Metered{Execution: id, Call: terms.CallID(fmt.Sprint("m", n)), At: asked, Amounts: []ledger.Amount{{Limit: ledger.CostLimit, Take: 7}}}); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := l.ChargeLane(ctx, ledger.Unattributed{Lane: askingLane, Date: "2026-11-24", Call: "m9", At: asked}); err != nil {
		c.t.Fatal(err)
	}
}

type registered []policy.Registration

func (r registered) Lanes(context.Context) ([]policy.Registration, error) { return r, nil }

// approval is what approvals ask before the call runs, in e-2; a first try is not taken.
func (c *company) approval(id string) *ledger.Ledger {
	l, ctx := &ledger.Ledger{Store: c.approve}, context.Background()
	waits, err := l.Pending(ctx, askingLane, ana, asked)
	if err != nil || len(waits) != 1 {
		c.t.Fatalf("%v, %v", waits, err)
	}
	kept, err := l.Confirmation(ctx, ana, id)
	if err != nil {
		c.t.Fatal(err)
	}
	if x, err := l.Execution(ctx, kept.Proposed); err != nil || !x.Open {
		c.t.Fatalf("%v, %v", x, err)
	}
	c.open(l, "e-0", id)
	if err := l.Close(ctx, "e-0", "the gateway did not take it", asked); err != nil {
		c.t.Fatal(err)
	}
	c.open(l, "e-2", id)
	return l
}

// TestEachFunctionMayAskOfTheLedgerExactlyWhatItAsks: a permission that is missing stops
// every call, and one that is not needed is what a function that was turned can do.
func TestEachFunctionMayAskOfTheLedgerExactlyWhatItAsks(t *testing.T) {
	c := newCompany(t)
	c.day()
	companies := map[string]string{"meter": "lumen"} // which uses models directly
	for kind, function := range map[string]asking{"request": c.request, "response": c.response, "entry": c.entry, "approve": c.approve, "closing": c.closing, "operate": c.operate, "watch": c.watch, "meter": c.meter} {
		p := declared(t, cmp.Or(companies[kind], "meridian"))
		e, _ := p.Environment("prod")
		granted := ledgerGrants(p, e, grants.Intended(p, "prod"), kind)
		for need := range function.asked {
			if !granted[need] {
				t.Errorf("the %s function asks for %s and may not: every call that needs it is refused", kind, need)
			}
		}
		for g := range granted {
			// A failed condition answers with the item it met: whoever may write under a
			// condition may see what stood in the way.
			shown := strings.Replace(g, "GetItem", "UpdateItem", 1)
			claimed, freed := strings.Replace(g, "GetItem", "PutItem", 1), strings.Replace(g, "GetItem", "DeleteItem", 1)
			if !function.asked[g] && !(strings.Contains(g, "GetItem") && (function.asked[shown] || function.asked[claimed] || function.asked[freed])) {
				t.Errorf("the %s function may %s and never asks: whoever turns it can", kind, g)
			}
		}
	}
}

// ledgerGrants is what the roles of a kind may do to the two tables, by leading key.
func ledgerGrants(p *platform.Platform, e platform.Environment, w iam.World, kind string) map[string]bool {
	site, out := p.Site(e, platform.PlatformAccount), map[string]bool{}
	tables := map[string]string{site.TableARN(site.Ledger()): ledger.LedgerTable, site.TableARN(site.Directory()): ledger.DirectoryTable}
	for _, r := range w.Roles {
		if !strings.HasSuffix(r.ARN.Name(), "-"+kind) || !strings.Contains(string(r.ARN), platform.RolePath) {
			continue
		}
		for _, s := range r.Policy.Statements {
			table := ""
			for _, on := range s.Resources.Of {
				table += tables[on]
			}
			i := slices.IndexFunc(s.When, func(c iam.Condition) bool {
				return c.Key == "dynamodb:LeadingKeys" && c.Op == "ForAllValues:StringLike"
			})
			if table == "" || i < 0 {
				continue
			}
			for _, action := range s.Actions.Of {
				for _, leading := range s.When[i].Values {
					out[table+" "+action+" "+family(leading)] = true
				}
			}
		}
	}
	return out
}
