package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// told is what an agent is told, on both sides of a call.
type told struct {
	Result struct {
		StructuredContent map[string]any `json:"structuredContent"`
	} `json:"result"`
	Error *rpcError `json:"error"`
}

// round is one call all the way: the tool answers unless the request side does. AgentCore
// also shows the response side what the request side refused.
func round(t testing.TB, g *Gateway, id int, tool, arguments, meta string, tools func() string) (told, bool) {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{%s}}}`, id, tool, arguments, meta)
	reply := g.Request(context.Background(), event(body))
	ran := reply.MCP.Request != nil
	back := ""
	if ran {
		back = tools()
	} else {
		back = string(reply.MCP.Response.Body)
	}
	var out, before told
	reply = g.Response(context.Background(), response(body, back))
	if err := json.Unmarshal(reply.MCP.Response.Body, &out); err != nil {
		t.Fatalf("%s: %v", reply.MCP.Response.Body, err)
	}
	if !ran { // what the response side says is what the request side said
		_ = json.Unmarshal([]byte(back), &before)
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(out)
		if string(a) != string(b) {
			t.Errorf("the request side said %s and the response side %s", a, b)
		}
	}
	return out, ran
}

func replying(state string) func() string {
	return func() string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":{"content":[],"structuredContent":{"state":%q,"card":"4111"}}}`, state)
	}
}

func TestAtTheLimitAnAgentIsToldToAnswerWithWhatItHas(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	for i := range 40 {
		if got, ran := round(t, g, i, "close-order___close_order", `{}`, "", replying("closed")); !ran || got.Error != nil {
			t.Fatalf("call %d of 40 was refused: %+v", i+1, got.Error)
		}
	}
	got, ran := round(t, g, 40, "close-order___close_order", `{}`, "", replying("closed"))
	if ran || got.Error == nil || got.Error.Code != codeLimit || !strings.Contains(got.Error.Message, "answer with what you have") {
		t.Errorf("the 41st of 40 calls: %+v, ran %v", got.Error, ran)
	}
}

func TestADailyLimitSaysWhenItEnds(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	for i := range 3 {
		if _, ran := round(t, g, i, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped")); ran != (i == 0) {
			t.Fatalf("call %d ran: %v; the first has the effect and later ones are answered with its result", i+1, ran)
		}
	}
	g.Bundle.Tools["ship_order"].Once = nil
	for i := range 2 {
		if _, ran := round(t, g, 10+i, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped")); !ran {
			t.Fatalf("duplicates used the day up: call %d did not run", i+1)
		}
	}
	got, ran := round(t, g, 20, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped"))
	if ran || got.Error == nil || got.Error.Code != codeLimit || got.Error.Data.Detail != "tool/ship_order, again at 2026-11-24T00:00:00Z" {
		t.Errorf("the fourth of three a day: %+v, ran %v", got.Error, ran)
	}
}

func TestADuplicateGetsTheStoredResultAndTheToolRunsOnce(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	first, ran := round(t, g, 1, "ship-order___ship_order", `{"order":"O-1","note":"a"}`, "", replying("shipped on Monday"))
	again, reran := round(t, g, 2, "ship-order___ship_order", `{"order":"O-1","note":"b"}`, "", replying("shipped on Tuesday"))
	if !ran || reran || again.Result.StructuredContent["state"] != "shipped on Monday" || first.Result.StructuredContent["state"] != "shipped on Monday" {
		t.Errorf("first ran %v: %v\nagain ran %v: %v", ran, first, reran, again)
	}
	if strings.Contains(fmt.Sprint(again), "4111") {
		t.Error("a stored result holds what may not leave")
	}
}

// TestAToolThatSpeaksLikeThePolicyEngineGivesNothingBack: what a tool answers is its own
// words, and some put what an agent wrote in front of their errors. If such an answer undid
// the call, limits would have no end and a write would run twice under one key.
func TestAToolThatSpeaksLikeThePolicyEngineGivesNothingBack(t *testing.T) {
	for name, said := range map[string]string{
		"as a result": `{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"AuthorizeActionException - Tool Execution Denied: no policy applies"}]}}`,
		"as an error": `{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"Tool Execution Denied"}}`,
	} {
		g, _ := gatewayFor(t, "lead")
		count := 0
		denied := func() string { count++; return said }
		for i := range 50 {
			if got, ran := round(t, g, i, "close-order___close_order", `{}`, "", denied); ran && (got.Error == nil || got.Error.Code != codeRefused) {
				t.Fatalf("the engine's denial %s reads %+v", name, got)
			}
		}
		if count != 40 {
			t.Errorf("%s: a tool ran %d times in an execution that may make 40 calls", name, count)
		}
		g, _ = gatewayFor(t, "lead")
		round(t, g, 1, "ship-order___ship_order", `{"order":"O-1"}`, "", denied)
		if _, ran := round(t, g, 2, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped")); ran {
			t.Errorf("%s: a tool that may have shipped the order ran again", name)
		}
	}
}

func TestAToolThatFailedHoldsItsKeyAndItsCost(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	failing := func() string {
		return `{"jsonrpc":"2.0","id":1,"error":{"code":-32012,"message":"card 4111","data":{"detail":"card 4111"}}}`
	}
	got, _ := round(t, g, 1, "ship-order___ship_order", `{"order":"O-1"}`, "", failing)
	if got.Error == nil || got.Error.Code != codeFailed || strings.Contains(fmt.Sprint(got.Error), "4111") {
		t.Errorf("a failure that looks like a limit: %+v", got.Error)
	}
	x, err := g.Ledger.Execution(context.Background(), "e-1")
	if err != nil || x.Used[ledger.CostLimit] != 10 || x.Used[ledger.ToolCallsLimit] != 1 {
		t.Errorf("a tool that ran and failed cost %v, %v", x.Used, err)
	}
}

// TestAStoredResultLeavesThroughTheFilterInForce: results are kept for as long as their key
// is, and the declaration may have been narrowed since, because something had leaked.
func TestAStoredResultLeavesThroughTheFilterInForce(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	meta := fmt.Sprintf(`%q:%q`, ConfirmationMeta, proposed(t, g))
	open(t, g.Ledger.(*ledger.Ledger), "e-2", terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}, strings.Split(meta, `"`)[3])
	round(t, approving(g, "e-2"), 1, "refund-order___refund_order", `{"amount":5,"order":"O-1"}`, "", replying("4111"))
	round(t, g, 2, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("4111"))
	g.Bundle = bundle(t, func(b *policy.Bundle) {
		b.Tools["ship_order"].Allow, b.Tools["refund_order"].Allow = []string{"$.carrier"}, []string{"$.amount"}
	})
	for name, c := range map[string]struct{ tool, meta string }{
		"a duplicate":                  {"ship-order___ship_order", ""},
		"a confirmed call asked after": {"refund-order___refund_order", meta},
	} {
		if got, ran := round(t, g, 3, c.tool, `{"order":"O-1"}`, c.meta, replying("x")); ran || got.Error != nil || strings.Contains(fmt.Sprint(got), "4111") {
			t.Errorf("%s: a field that was withdrawn still leaves: ran %v, %+v", name, ran, got)
		}
	}
}

// TestARefusalEndsNoCallThatIsInFlight: the same message comes again while the tool works,
// because a client retries, or because an agent wants a write that happened to read as
// failed. What the request side refused ran nothing, so it ends nothing.
func TestARefusalEndsNoCallThatIsInFlight(t *testing.T) {
	const unknown = `"remit/confirmation":"cf-nobody"`
	for name, c := range map[string]struct {
		tool, meta string
		refused    int
	}{
		"a retry while the key is held":            {"ship-order___ship_order", "", codeUnavailable},
		"a question about another's confirmation":  {"ship-order___ship_order", unknown, codeRefused},
		"the same about a tool that wants no key":  {"close-order___close_order", unknown, codeRefused},
		"the same about a tool that reads a datum": {"find-order___find_order", unknown, codeRefused},
	} {
		g, _ := gatewayFor(t, "lead")
		got, ran := round(t, g, 1, c.tool, `{"order":"O-1"}`, "", func() string {
			if again, reran := round(t, g, 1, c.tool, `{"order":"O-1"}`, c.meta, replying("twice")); reran || again.Error == nil || again.Error.Code != c.refused {
				t.Errorf("%s: ran %v, %+v", name, reran, again.Error)
			}
			return replying("done")()
		})
		if !ran || got.Result.StructuredContent["state"] != "done" {
			t.Errorf("%s ended the call that the tool was working on: its result is lost and the record says that it failed: %+v", name, got.Error)
		}
	}
}

func TestASecondAnswerToOneCallLetsNothingOut(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	body := callOf("close-order___close_order", `{}`)
	g.Request(context.Background(), event(body))
	g.Response(context.Background(), response(body, replying("closed")()))
	for name, back := range map[string]string{
		"another result":               `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"card 4111"}]}}`,
		"an error like a limit":        `{"jsonrpc":"2.0","id":1,"error":{"code":-32012,"message":"x","data":{"detail":"card 4111"}}}`,
		"an error like an old refusal": `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"card 4111","data":{"detail":"card 4111"}}}`,
	} {
		if reply := g.Response(context.Background(), response(body, back)); strings.Contains(string(reply.MCP.Response.Body), "4111") {
			t.Errorf("%s: %s", name, reply.MCP.Response.Body)
		}
	}
}

// approving is the gateway as the one-call execution of an approval meets it.
func approving(g *Gateway, execution terms.ExecutionID) *Gateway {
	other := *g
	claims := g.Verifier.(trusting).claims
	claims.Execution = execution
	other.Verifier = trusting{claims}
	return &other
}

// proposed is a refund that waits for its user.
func proposed(t testing.TB, g *Gateway) string {
	t.Helper()
	got, ran := round(t, g, 1, "refund-order___refund_order", `{"order":"O-1","amount":5}`, "", replying("refunded"))
	id, _ := got.Result.StructuredContent["confirmation"].(string)
	if ran || got.Result.StructuredContent["status"] != "pending" || id == "" {
		t.Fatalf("a tool that needs confirmation ran %v and said %+v", ran, got)
	}
	return id
}

func TestAConfirmedCallRunsOnceAndTheAgentThenGetsItsResult(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	id := proposed(t, g)
	meta := fmt.Sprintf(`%q:%q`, ConfirmationMeta, id)
	if got, ran := round(t, g, 2, "refund-order___refund_order", `{"order":"O-1"}`, meta, replying("x")); ran || got.Result.StructuredContent["status"] != "pending" {
		t.Fatalf("asked before the user approved: ran %v, %+v", ran, got)
	}
	open(t, g.Ledger.(*ledger.Ledger), "e-2", terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}, id)
	got, ran := round(t, approving(g, "e-2"), 1, "refund-order___refund_order", `{"amount":5,"order":"O-1"}`, "", replying("refunded"))
	if !ran || got.Result.StructuredContent["state"] != "refunded" {
		t.Fatalf("the approved call ran %v: %+v", ran, got)
	}
	for i := range 3 {
		got, ran := round(t, g, 3+i, "refund-order___refund_order", `{"order":"O-1"}`, meta, replying("twice"))
		if ran || got.Result.StructuredContent["state"] != "refunded" {
			t.Errorf("asked again by its id: ran %v, %+v", ran, got)
		}
	}
	if _, ran := round(t, approving(g, "e-2"), 9, "refund-order___refund_order", `{"amount":5,"order":"O-1"}`, "", replying("twice")); ran {
		t.Error("an approval was used twice")
	}
}

func TestAnApprovalCoversExactlyWhatWasShown(t *testing.T) {
	for name, c := range map[string]struct {
		arguments string
		change    func(*Gateway)
	}{
		"another amount":    {`{"order":"O-1","amount":6}`, func(*Gateway) {}},
		"one more argument": {`{"order":"O-1","amount":5,"to":"me"}`, func(*Gateway) {}},
		"text for a number": {`{"order":"O-1","amount":"5"}`, func(*Gateway) {}},
		"another bundle":    {`{"order":"O-1","amount":5}`, func(g *Gateway) { g.Digest = terms.Digest("sha256:" + strings.Repeat("1", 64)) }},
		"after it expired":  {`{"order":"O-1","amount":5}`, func(g *Gateway) { g.Now = func() time.Time { return noon.Add(16 * time.Minute) } }},
		"a role less": {`{"order":"O-1","amount":5}`, func(g *Gateway) {
			claims := g.Verifier.(trusting).claims
			claims.User.Roles = []string{"clerk"}
			g.Verifier = trusting{claims}
		}},
		"another user": {`{"order":"O-1","amount":5}`, func(g *Gateway) {
			claims := g.Verifier.(trusting).claims
			claims.User.ID = "eve"
			g.Verifier = trusting{claims}
		}},
		"another's datum": {`{"order":"O-2","amount":5}`, func(*Gateway) {}},
		"in other execution": {`{"order":"O-1","amount":5}`, func(g *Gateway) {
			claims := g.Verifier.(trusting).claims
			claims.Execution = "e-1"
			g.Verifier = trusting{claims}
		}},
	} {
		g, _ := gatewayFor(t, "lead")
		id := proposed(t, g)
		open(t, g.Ledger.(*ledger.Ledger), "e-2", terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}, id)
		other := approving(g, "e-2")
		c.change(other)
		if _, ran := round(t, other, 1, "refund-order___refund_order", c.arguments, "", replying("refunded")); ran {
			t.Errorf("%s ran under an approval of something else", name)
		}
	}
}

func TestAConfirmationIsItsUsersAndItsToolsAlone(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	meta := fmt.Sprintf(`%q:%q`, ConfirmationMeta, proposed(t, g))
	stranger := *g
	stranger.Verifier = trusting{identity.Claims{User: terms.User{ID: "eve", Tenant: "north", Roles: []string{"lead"}}, Lane: lane, Execution: "e-1", Purpose: "ordering", Expires: noon.Add(time.Minute)}}
	if got, ran := round(t, &stranger, 5, "refund-order___refund_order", `{"order":"O-1"}`, meta, replying("x")); ran || got.Error == nil || got.Error.Code != codeRefused {
		t.Errorf("another user asks: ran %v, %+v", ran, got)
	}
	if got, ran := round(t, g, 6, "ship-order___ship_order", `{"order":"O-1"}`, meta, replying("x")); ran || got.Error == nil || got.Error.Code != codeRefused {
		t.Errorf("asked through another tool: ran %v, %+v", ran, got)
	}
}

func TestAStoppedLaneAndAnEndedExecutionHaveTheirOwnAnswers(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	l := g.Ledger.(*ledger.Ledger)
	if _, err := l.Stop(context.Background(), ledger.Switch{Kind: ledger.SwitchTool, Name: "close_order", Who: "op", Why: "a test", At: noon}); err != nil {
		t.Fatal(err)
	}
	if got, ran := round(t, g, 1, "close-order___close_order", `{}`, "", replying("x")); ran || got.Error == nil || got.Error.Code != codeRefused {
		t.Errorf("a quarantined tool: ran %v, %+v", ran, got.Error)
	}
	if err := l.Close(context.Background(), "e-1", "a test", noon); err != nil {
		t.Fatal(err)
	}
	if got, ran := round(t, g, 2, "find-order___find_order", `{"order":"O-1"}`, "", replying("x")); ran || got.Error == nil || got.Error.Code != codeEnded {
		t.Errorf("a closed execution: ran %v, %+v", ran, got.Error)
	}
}

// TestAfterItsEndAnExecutionIsToldNoResult: the token lives on for a while, and asking after
// a confirmation debits nothing that would notice the end.
func TestAfterItsEndAnExecutionIsToldNoResult(t *testing.T) {
	for name, end := range map[string]func(*Gateway, *ledger.Ledger) error{
		"it was closed": func(_ *Gateway, l *ledger.Ledger) error {
			return l.Close(context.Background(), "e-1", "answered", noon)
		},
		"its user was quarantined": func(_ *Gateway, l *ledger.Ledger) error {
			_, err := l.Stop(context.Background(), ledger.Switch{Kind: ledger.SwitchUser, Name: ledger.UserName(terms.User{ID: "ana", Tenant: "north"}), Who: "op", Why: "a test", At: noon})
			return err
		},
		"its deadline has passed": func(g *Gateway, _ *ledger.Ledger) error {
			g.Now = func() time.Time { return noon.Add(time.Minute) }
			return nil
		},
	} {
		g, _ := gatewayFor(t, "lead")
		l, id := g.Ledger.(*ledger.Ledger), proposed(t, g)
		open(t, l, "e-2", terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}, id)
		round(t, approving(g, "e-2"), 1, "refund-order___refund_order", `{"amount":5,"order":"O-1"}`, "", replying("refunded"))
		if err := end(g, l); err != nil {
			t.Fatal(err)
		}
		got, ran := round(t, g, 3, "refund-order___refund_order", `{"order":"O-1"}`, fmt.Sprintf(`%q:%q`, ConfirmationMeta, id), replying("x"))
		if ran || got.Error == nil || got.Error.Code != codeEnded {
			t.Errorf("%s, and it still reads results: ran %v, %+v", name, ran, got)
		}
	}
}

func TestATokenThatOutlivedItsExecutionAdmitsNothing(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	body := callOf("close-order___close_order", `{}`)
	if code(t, g.Request(context.Background(), event(body))) != 0 {
		t.Fatal("the call itself was refused")
	}
	g.Now = func() time.Time { return noon.Add(2 * time.Minute) }
	if got, ran := round(t, g, 7, "close-order___close_order", `{}`, "", replying("x")); ran || got.Error == nil || got.Error.Code != codeEnded {
		t.Errorf("past the deadline: ran %v, %+v", ran, got.Error)
	}
	if reply := g.Response(context.Background(), response(body, replying("closed")())); !strings.Contains(string(reply.MCP.Response.Body), "closed") {
		t.Errorf("a call in flight at the deadline was not settled: %s", reply.MCP.Response.Body)
	}
}

func TestAToolThatCannotSeeIAMIsShownAnAssertion(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	var asserted identity.Call
	g.Assert = func(_ context.Context, c identity.Call, _ time.Time) (string, error) {
		asserted = c
		return "signed", nil
	}
	reply := g.Request(context.Background(), event(callOf("ship-order___ship_order", `{"order":"O-1"}`)))
	if reply.MCP.Request == nil || reply.MCP.Request.Headers["X-Remit-Assertion"] != "signed" {
		t.Fatalf("no assertion: %+v", reply)
	}
	if asserted.Tool != "ship_order" || asserted.User.ID != "ana" || asserted.Lane != lane || asserted.Key != reply.MCP.Request.Headers["X-Remit-Key"] || asserted.Arguments == [32]byte{} {
		t.Errorf("it asserts %+v", asserted)
	}
}

// TestACallThatCannotBeAssertedTakesNothing: nothing ran, so a limit that it took, or a key,
// would be lost to a signature that did not come.
func TestACallThatCannotBeAssertedTakesNothing(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	down := true
	g.Assert = func(context.Context, identity.Call, time.Time) (string, error) {
		if down {
			return "", errors.New("no signature")
		}
		return "signed", nil
	}
	got, ran := round(t, g, 1, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped"))
	x, err := g.Ledger.Execution(context.Background(), "e-1")
	if ran || got.Error == nil || got.Error.Code != codeUnavailable || err != nil || x.Used[ledger.ToolCallsLimit] != 0 {
		t.Errorf("ran %v, %+v, used %v, %v", ran, got.Error, x.Used, err)
	}
	down = false
	if got, ran := round(t, g, 2, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("shipped")); !ran || got.Result.StructuredContent["state"] != "shipped" {
		t.Errorf("an order that was never shipped can never be: ran %v, %+v", ran, got.Error)
	}
}

// TestAResultTooLargeToKeepLeavesAllTheSame: the tool ran, so the call ends and says so.
func TestAResultTooLargeToKeepLeavesAllTheSame(t *testing.T) {
	g, _ := gatewayFor(t, "lead")
	large := strings.Repeat("x", ledger.MaxResult)
	if got, ran := round(t, g, 1, "ship-order___ship_order", `{"order":"O-1"}`, "", replying(large)); !ran || got.Result.StructuredContent["state"] != large {
		t.Errorf("ran %v, and the agent is told %+v", ran, got.Error)
	}
	x, err := g.Ledger.Execution(context.Background(), "e-1")
	if err != nil || x.Counts.Intents != x.Counts.Outcomes {
		t.Errorf("a call that ended has no outcome: %+v, %v", x.Counts, err)
	}
	if got, ran := round(t, g, 2, "ship-order___ship_order", `{"order":"O-1"}`, "", replying("twice")); ran || got.Error == nil {
		t.Errorf("its duplicate ran %v: %+v", ran, got)
	}
}
