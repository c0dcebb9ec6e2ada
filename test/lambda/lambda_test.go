package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
	"remit/test/lambda/cloud"
)

const (
	// risk is what the risk model answers: more than an agent may see.
	risk = `{"risk_band":"B","reason_codes":[{"code":"R07","text":"thin file"}],"features":{"dti":0.31},"raw_score":0.8123}`
	ours = `{"application_id":"A-1007"}` // north's
	// theirs is south's.
	theirs = `{"application_id":"A-2001"}`
)

func TestTheEntryStreamsTheAnswerOfAnAgentPieceByPiece(t *testing.T) {
	w := withTables(t)
	w.lane("loan-processor", "stable")
	seen := make(chan struct{})
	w.cloud.Agent(func(out http.ResponseWriter, _ cloud.Invocation) {
		out.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(out, "first ") // the entry has gone if this fails
		_ = http.NewResponseController(out).Flush()
		<-seen // nobody writes the rest before the first piece was read
		_, _ = io.WriteString(out, "second")
	})
	response, err := w.ask("ana", "loan-processor", "underwriting")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, len("first "))
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first " {
		t.Fatalf("the first piece: %q, %v", first, err)
	}
	close(seen)
	rest, err := io.ReadAll(response.Body)
	if err != nil || string(rest) != "second" {
		t.Errorf("the rest: %q, %v", rest, err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("X-Remit-Lane") != "meridian.dev.loan-processor.stable" {
		t.Errorf("the application sees %d %v", response.StatusCode, response.Header)
	}
	if execution := response.Header.Get("X-Remit-Execution"); !slices.Equal(w.cloud.Stopped(), []string{execution}) {
		t.Errorf("the session of %s was left running: ended are %v", execution, w.cloud.Stopped())
	}
}

func TestAtTheDeadlineTheAnswerIsCutTheExecutionEndsAndTheSessionIsStopped(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	short := w.p.Registration(l.Running, l.runtime(), l.gatewayURL(), "")
	short.Seconds = 2
	w.cloud.Put(l.Registration(), string(documents(t, "", short)[""]))
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	w.cloud.Agent(func(out http.ResponseWriter, _ cloud.Invocation) {
		_, _ = io.WriteString(out, "thinking") // the entry has gone if this fails
		_ = http.NewResponseController(out).Flush()
		<-over // it never comes to an end by itself
	})
	a := w.whole("ana", "loan-processor", "underwriting") // on a slow machine nothing of the answer arrives
	if len(w.cloud.Stopped()) != 1 {
		t.Fatalf("the application sees %+v, and the sessions that ended are %v", a, w.cloud.Stopped())
	}
	if x, err := w.ledger().Execution(context.Background(), terms.ExecutionID(w.cloud.Stopped()[0])); err != nil || x.ID == "" || x.Open || x.Why != "deadline" {
		t.Errorf("the execution stands as %+v, %v", x, err)
	}
}

func TestTheBuiltEntryCutsTheAnswerOfAnExecutionThatIsStopped(t *testing.T) {
	w := withTables(t)
	w.lane("loan-processor", "stable")
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	w.cloud.Agent(func(out http.ResponseWriter, i cloud.Invocation) {
		_, _ = io.WriteString(out, "thinking")
		_ = http.NewResponseController(out).Flush()
		if _, err := w.ledger().Stop(context.Background(), ledger.Switch{Kind: ledger.SwitchExecution, Name: i.Session, Who: "op", Why: "odd", At: time.Now()}); err != nil {
			t.Error(err)
		}
		<-over // it never comes to an end by itself
	})
	a := w.whole("ana", "loan-processor", "underwriting")
	if len(w.cloud.Stopped()) != 1 {
		t.Fatalf("the application sees %+v, and the sessions that ended are %v", a, w.cloud.Stopped())
	}
	if x, err := w.ledger().Execution(context.Background(), terms.ExecutionID(w.cloud.Stopped()[0])); err != nil || x.ID == "" || x.Open || x.Why != "odd" {
		t.Errorf("the execution stands as %+v, %v", x, err)
	}
}

func TestACallIsAllowedSettledAndFilteredByTheBuiltInterceptors(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	a := w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		got := l.call(o.Token, "query_risk_model", ours, risk)
		if got.Sent == nil {
			t.Fatalf("the call was refused: %+v", got.Got.Error)
		}
		if _, leaks := got.Sent.Headers["Authorization"]; leaks || got.Sent.Headers["X-Remit-User"] != "ana" || got.Sent.Headers["X-Remit-Tenant"] != "north" {
			t.Errorf("the tool is told %v", got.Sent.Headers)
		}
		for _, secret := range []string{"features", "0.8123", "dti"} {
			if strings.Contains(string(got.Got.Result), secret) {
				t.Errorf("%s of the risk model reached the agent: %s", secret, got.Got.Result)
			}
		}
		if !strings.Contains(string(got.Got.Result), "thin file") {
			t.Errorf("what is declared did not come back: %s", got.Got.Result)
		}
		w.settled(o.Execution, got.Sent.Headers["X-Remit-Call"])
	})
	if a.status != http.StatusOK || a.body != "done" {
		t.Errorf("the application sees %+v", a)
	}
	x, err := w.ledger().Execution(context.Background(), terms.ExecutionID(a.header.Get("X-Remit-Execution")))
	if err != nil || x.Open {
		t.Errorf("the execution is still open: %+v, %v", x, err)
	}
}

func (w *world) ledger() *ledger.Ledger {
	return &ledger.Ledger{Store: w.store(), Zone: terms.Zone(w.e.Day)}
}

func (w *world) settled(execution, call string) {
	w.t.Helper()
	kept, err := w.ledger().Find(context.Background(), terms.ExecutionID(execution), terms.CallID(call))
	if err != nil || kept.Status != ledger.Done || len(kept.Intent) == 0 {
		w.t.Errorf("the ledger holds %q with an intent of %d bytes, %v; what a call took would be given back", kept.Status, len(kept.Intent), err)
	}
}

func TestAnotherTenantsDatumIsRefusedAndTheToolDoesNotRun(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		got := l.call(o.Token, "query_risk_model", theirs, risk)
		if got.Sent != nil || got.Got.Error == nil || got.Got.Error.Code != -32001 || got.Got.Error.Message != "refused" {
			t.Errorf("north reads south's application: %+v", got)
		}
		if got := l.call(o.Token, "query_risk_model", `{"application_id":"A-9999"}`, risk); got.Sent != nil || got.Got.Error == nil || got.Got.Error.Code != -32001 {
			t.Errorf("a datum that nobody owns tells itself from one of another tenant: %+v", got)
		}
	})
}

func TestATokenOfOneLaneIsNothingAtAnother(t *testing.T) {
	w := withTables(t)
	w.lane("loan-processor", "stable")
	canary := w.lane("loan-processor", "canary")
	reporter := w.lane("compliance-reporter", "stable")
	w.execution("cleo", "compliance-reporter", "compliance_reporting", func(o opened) {
		if got := reporter.call(o.Token, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`, `{"citation":"12 CFR 1002.9"}`); got.Sent == nil {
			t.Errorf("its own lane refuses it: %+v", got.Got.Error)
		}
		if got := canary.call(o.Token, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`, `{}`); got.Sent != nil || got.Got.Error == nil || got.Got.Error.Code != -32001 {
			t.Errorf("another lane takes the reporter's token: %+v", got)
		}
	})
}

func TestNobodyWithoutARoleOfTheAgentOpensAnExecution(t *testing.T) {
	w := withTables(t)
	w.lane("loan-processor", "stable")
	a := w.execution("cleo", "loan-processor", "underwriting", func(opened) { t.Error("an agent ran for a compliance officer who may not use it") })
	if a.status != http.StatusForbidden || !strings.Contains(a.body, `"error":"refused"`) {
		t.Errorf("the application sees %+v", a)
	}
	response, err := w.send(http.MethodPost, "/executions", w.login.token("ana")+"x", `{"agent":"loan-processor","purpose":"underwriting"}`)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a token whose signature is spoilt is answered %s", response.Status)
	}
}

// A gateway gives both interceptors and the call itself two seconds in a hurry; the function
// is ended after two here, as Lambda would end it, so a later answer is no answer.
func TestWithTheLedgerGoneACallIsDeniedBeforeTwoSecondsAreOver(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		if got := l.call(o.Token, "query_risk_model", ours, risk); got.Sent == nil {
			t.Fatalf("with the ledger there it is refused: %+v", got.Got.Error)
		}
		w.cloud.Down(cloud.DynamoDB, true)
		defer w.cloud.Down(cloud.DynamoDB, false)
		l.request.Timeout = 2 * time.Second
		got := l.call(o.Token, "query_risk_model", `{"application_id":"A-1008"}`, risk)
		if got.Sent != nil || got.Got.Error == nil || got.Got.Error.Code != -32010 {
			t.Errorf("a call runs, or is refused for good, though nobody could count it: %+v", got)
		}
	})
}

func TestWithTheLedgerGoneNoExecutionIsOpened(t *testing.T) {
	w := deployed(t)
	w.lane("loan-processor", "stable")
	w.cloud.Down(cloud.DynamoDB, true)
	a := w.execution("ana", "loan-processor", "underwriting", func(opened) { t.Error("an agent runs that nobody counts") })
	if a.status != http.StatusServiceUnavailable {
		t.Errorf("the application sees %+v", a)
	}
}

func TestAFunctionWithoutOneOfItsVariablesDoesNotStartAndNamesIt(t *testing.T) {
	w := deployed(t)
	l := w.lane("loan-processor", "stable")
	lent := documents(t, "reaches.json", w.p.Reached(l.Running))
	for _, f := range []*Function{
		w.entry, l.request, l.response,
		w.function("approve", w.site.Role("approve"), w.entrance(), w.approveEnvironment(), time.Minute),
		w.function("closing", w.site.Role("closing"), documents(t, "closings.json", w.p.Closings(w.e)), w.closingEnvironment(), time.Minute),
		w.function("operate", w.site.Role("operate"), nil, w.operateEnvironment(), time.Minute),
		w.function("meter", w.site.Role("meter"), documents(t, "meter.json", meterOf(t)), w.meterEnvironment(), time.Minute),
		w.function("gate", "", nil, w.gateEnvironment(), time.Minute),
		w.function("hook", "", nil, w.hookEnvironment(), time.Minute),
		w.function("reach", l.LaneSite.Role("reach"), lent, l.reachEnvironment(), time.Minute),
		w.function("authorizer", "", nil, map[string]string{"REMIT_TOOL": "lookup_regulation", "REMIT_ISSUER": w.door.URL}, time.Minute),
	} {
		for variable := range f.Environment {
			if !strings.HasPrefix(variable, "REMIT_") || variable == "REMIT_CALL_KEY" && f == l.request { // a lane that asserts nothing has none
				continue
			}
			lacking := &Function{Name: f.Name, Task: f.Task, Environment: maps.Clone(f.Environment), Timeout: f.Timeout}
			delete(lacking.Environment, variable)
			_, err := lacking.Warm(context.Background())
			lacking.Close()
			var failed *InitError
			if !errors.As(err, &failed) || !strings.Contains(failed.Said, variable) {
				t.Errorf("%s starts without %s, or does not say so: %v", f.Name, variable, err)
			}
		}
	}
}

func TestAFunctionWithoutItsDocumentDoesNotStartAndNamesIt(t *testing.T) {
	w := deployed(t)
	l := w.lane("loan-processor", "stable")
	for name, bare := range map[string]*Function{
		"entrance.json": w.function("entry", "", nil, w.entryEnvironment(), time.Minute),
		" approvals":    w.function("approve", w.site.Role("approve"), documents(t, "entrance.json", withoutApprovals(w)), w.approveEnvironment(), time.Minute),
		"closings.json": w.function("closing", "", nil, w.closingEnvironment(), time.Minute),
		"meter.json":    w.function("meter", "", nil, w.meterEnvironment(), time.Minute),
		"bundle.json":   w.function("request", "", nil, l.environment("request"), time.Minute),
		"reaches.json":  w.function("reach", "", nil, map[string]string{"REMIT_LANE": "a/b/c/d"}, time.Minute),
	} {
		_, err := bare.Warm(context.Background())
		var failed *InitError
		if !errors.As(err, &failed) || !strings.Contains(failed.Said, name) {
			t.Errorf("%s starts without what it decides by: %v", bare.Name, err)
		}
	}
}

func withoutApprovals(w *world) any {
	entrance := w.p.Entrance(w.e)
	entrance.Approvals = nil
	return entrance
}

func TestTheEntryVendsMemoryToTheAgentOfAnOpenExecutionAndToNobodyElse(t *testing.T) {
	w := withTables(t)
	w.lane("loan-processor", "stable")
	var token, execution string
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		token, execution = o.Token, o.Execution
		if status := w.memory(execution, token); status != http.StatusOK {
			t.Errorf("the agent gets no memory: %d", status)
		}
		if status := w.memory(execution, w.login.token("ana")); status != http.StatusForbidden {
			t.Errorf("a user's own token vends credentials: %d", status)
		}
	})
	if status := w.memory(execution, token); status != http.StatusForbidden {
		t.Errorf("memory of an execution that has ended is vended: %d", status)
	}
	role := w.p.Lanes(w.e)[0].LaneSite.Role("memory")
	var taken []cloud.Call
	for _, c := range w.cloud.Calls() {
		if c.Action == "sts:AssumeRole" {
			taken = append(taken, c)
		}
	}
	if len(taken) != 1 || taken[0].Resource != role || !slices.Equal(taken[0].Context["aws:RequestTag/tenant"], []string{"north"}) || !slices.Equal(taken[0].Context["sts:SourceIdentity"], []string{execution}) {
		t.Errorf("credentials for whom? %+v", taken)
	}
}

func (w *world) memory(execution, token string) int {
	w.t.Helper()
	response, err := w.send(http.MethodPost, "/executions/"+execution+"/memory", token, "")
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestTheAuthorizerAllowsTheCallThatTheRequestInterceptorAssertedAndNoOther(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	deciding := func(tool string) *Function {
		return w.function("authorizer", "", nil, map[string]string{"REMIT_TOOL": tool, "REMIT_ISSUER": w.door.URL + "/"}, 10*time.Second)
	}
	its, anothers := deciding("query_risk_model"), deciding("lookup_regulation")
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		got := l.call(o.Token, "query_risk_model", ours, risk)
		if got.Sent == nil {
			t.Fatalf("the call was refused: %+v", got.Got.Error)
		}
		assertion, arguments := got.Sent.Headers["X-Remit-Assertion"], got.Sent.Headers["X-Remit-Arguments"]
		if effect, user := w.authorize(its, assertion, arguments); effect != "Allow" || user != "ana" {
			t.Errorf("the asserted call is answered %s for %q", effect, user)
		}
		if effect, _ := w.authorize(anothers, assertion, arguments); effect != "Deny" {
			t.Error("an assertion for one tool opens another")
		}
		if effect, _ := w.authorize(its, assertion, strings.Repeat("0", 64)); effect != "Deny" {
			t.Error("an assertion opens a call with other arguments")
		}
		if effect, _ := w.authorize(its, o.Token, arguments); effect != "Deny" {
			t.Error("a delegation token passes for an assertion")
		}
	})
}

func (w *world) authorize(f *Function, assertion, arguments string) (effect, user string) {
	w.t.Helper()
	event := fmt.Sprintf(`{"type":"REQUEST","methodArn":"arn:aws:execute-api:us-east-1:111111111111:a/live/POST/risk","multiValueHeaders":{"X-Remit-Assertion":[%q],"x-remit-arguments":[%q]}}`, assertion, arguments)
	text, err := f.Call(context.Background(), Event{Payload: []byte(event)})
	if err != nil {
		w.t.Fatalf("API Gateway would answer 500: %v", err)
	}
	var out struct {
		PolicyDocument struct{ Statement []struct{ Effect string } }
		Context        map[string]any
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.PolicyDocument.Statement) != 1 {
		w.t.Fatalf("the authorizer answers %s: %v", text, err)
	}
	user, _ = out.Context["user"].(string)
	return out.PolicyDocument.Statement[0].Effect, user
}

func TestTheEntryPublishesItsKeysAndServesNothingElse(t *testing.T) {
	w := deployed(t)
	for path, want := range map[string]int{
		"/.well-known/openid-configuration": 200, "/jwks.json": 200, "/calls/.well-known/openid-configuration": 200, "/calls/jwks.json": 200,
		"/": 404, "/executions": 405, "/entrance.json": 404, "/../entrance.json": 404,
	} {
		response, err := w.send(http.MethodGet, path, "", "")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != want {
			t.Errorf("GET %s is %s, want %d: %s", path, response.Status, want, text)
		}
		if strings.HasSuffix(path, "configuration") && !strings.Contains(string(text), `"issuer":"`+w.door.URL) {
			t.Errorf("GET %s names another issuer: %s", path, text)
		}
	}
}
