package entry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

const asking = `{"agent":"helper","purpose":"ordering","input":{"order":"O-1"}}`

// ask sends one request to the door, "POST /executions", with a token.
func (h *house) ask(t testing.TB, what, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w
}

// said is an answer without its reference, which differs each time.
func said(t testing.TB, w *httptest.ResponseRecorder) (text, reference string) {
	t.Helper()
	var body struct{ Reference string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	headers := fmt.Sprint(w.Header())
	return fmt.Sprintf("%d %s %s", w.Code, headers, strings.ReplaceAll(w.Body.String(), body.Reference, "…")), body.Reference
}

func TestEachWayToBeRefusedLooksTheSameToTheApplication(t *testing.T) {
	h := newHouse(t)
	ctx, past := context.Background(), h.at.Add(-2*time.Hour).Unix()
	clerk, agent := h.loginOf(t, ana, nil), h.opened(t, ana).Token
	stop := func(kind ledger.SwitchKind, name string) {
		if _, err := h.ledger.Stop(ctx, ledger.Switch{Kind: kind, Name: name, Who: "op", Why: "a test", At: h.at}); err != nil {
			t.Fatal(err)
		}
	}
	eve := terms.User{ID: "eve", Tenant: "north"}
	stop(ledger.SwitchUser, ledger.UserName(eve))
	stop(ledger.SwitchLane, trial.String())
	h.lanes.list = append(h.lanes.list, policy.Registration{Lane: terms.Lane{Platform: "acme", Environment: "test", Agent: "other", Name: "stable"}, Callers: []string{"lead"}, Purposes: []string{"ordering"}, Seconds: 60, Caps: map[string]int64{"cost": 1}})
	stopped := registered(trial)
	stopped.Lane.Agent = "sleeper"
	h.lanes.list = append(h.lanes.list, stopped)
	stop(ledger.SwitchLane, stopped.Lane.String())
	texts, whys := map[string][]string{}, map[string]string{}
	for name, c := range map[string]struct{ token, body string }{
		"no token":                     {"", asking},
		"no JWT":                       {"a.b.c", asking},
		"another application's token":  {h.loginOf(t, ana, map[string]any{"client_id": "wiki"}), asking},
		"a token for no application":   {h.loginOf(t, ana, map[string]any{"client_id": nil}), asking},
		"a token that names two":       {h.loginOf(t, ana, map[string]any{"azp": "wiki"}), asking},
		"an ID token":                  {h.loginOf(t, ana, map[string]any{"nonce": "n"}), asking},
		"a token for something else":   {h.loginOf(t, ana, map[string]any{"aud": "payroll"}), asking},
		"an expired token":             {h.loginOf(t, ana, map[string]any{"iat": past, "exp": past + 3600}), asking},
		"a user without tenant":        {h.loginOf(t, ana, map[string]any{"org": nil}), asking},
		"an agent's delegation token":  {agent, asking},
		"a changed token":              {clerk[:len(clerk)-8] + "AAAAAAAA", asking},
		"a user without a role":        {h.loginOf(t, ana, map[string]any{"groups": []string{"everyone"}}), asking},
		"an agent for another role":    {clerk, `{"agent":"other","purpose":"ordering"}`},
		"an agent that does not exist": {clerk, `{"agent":"ghost","purpose":"ordering"}`},
		"another purpose":              {clerk, `{"agent":"helper","purpose":"gossip"}`},
		"no purpose":                   {clerk, `{"agent":"helper"}`},
		"a chosen lane":                {clerk, `{"agent":"helper","purpose":"ordering","lane":"stable"}`},
		"a user in quarantine":         {h.loginOf(t, eve, nil), asking},
		"a lane that is stopped":       {clerk, `{"agent":"sleeper","purpose":"ordering"}`},
		"nothing asked":                {clerk, `null`},
	} {
		text, reference := said(t, h.ask(t, "POST /executions", c.token, c.body))
		texts[text], whys[name] = append(texts[text], name), h.notes[reference]
		if whys[name] == "" {
			t.Errorf("%s: operators find nothing under the reference that the user quotes", name)
		}
	}
	if len(texts) != 1 || !strings.HasPrefix(slices.Collect(maps.Keys(texts))[0], "403 ") {
		t.Errorf("refusals differ, so whoever asks learns who and what exists: %v", texts)
	}
	for a, b := range map[string]string{"a user without a role": "another purpose", "an expired token": "an ID token", "a chosen lane": "an agent that does not exist"} {
		if whys[a] == whys[b] {
			t.Errorf("operators cannot tell %s from %s: %q", a, b, whys[a])
		}
	}
	if taken := h.taken(t, ana); taken != [2]int64{200, 200} || len(h.agents.invoked) != 0 {
		t.Errorf("refusals took %v from the day, and %d agents ran", taken, len(h.agents.invoked))
	}
}

func TestAUsedUpDaySaysWhenItEnds(t *testing.T) {
	h := newHouse(t)
	h.at = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	h.opened(t, ana)
	h.opened(t, ana)
	w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking)
	text, reference := said(t, w)
	if want := "429 map[Content-Type:[application/json] Retry-After:[Tue, 24 Nov 2026 05:00:00 GMT]] {\"detail\":\"again at 2026-11-24T05:00:00Z\",\"error\":\"the day's budget is used up\",\"reference\":\"…\"}\n"; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if !strings.Contains(h.notes[reference], "user/cost") {
		t.Errorf("operators are told %q", h.notes[reference])
	}
}

func TestAThrottledLaneSaysWhenItOpensAgain(t *testing.T) {
	h := newHouse(t)
	h.at = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	for _, r := range h.lanes.list {
		if err := h.ledger.Throttle(context.Background(), ledger.Throttle{Lane: r.Lane, Until: h.at.Add(15 * time.Minute), Why: "ten times the usual", At: h.at}); err != nil {
			t.Fatal(err)
		}
	}
	text, reference := said(t, h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking))
	if want := "429 map[Content-Type:[application/json] Retry-After:[Mon, 23 Nov 2026 18:15:00 GMT]] {\"detail\":\"again at 2026-11-23T18:15:00Z\",\"error\":\"too many requests for a while\",\"reference\":\"…\"}\n"; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if !strings.Contains(h.notes[reference], "throttled") {
		t.Errorf("operators are told %q", h.notes[reference])
	}
}

func TestAnExecutionSaysWhichVersionItRuns(t *testing.T) {
	h := newHouse(t)
	for n := range h.lanes.list {
		h.lanes.list[n].Version = policy.Version{Code: "sha256:1"}
	}
	o := h.opened(t, ana)
	if err := h.ledger.Close(context.Background(), o.Execution, "answered", h.at); err != nil {
		t.Fatal(err)
	}
	ran, err := h.ledger.Traffic(context.Background(), o.Lane.Lane.Agent, h.at)
	if err != nil || len(ran) != 1 || ran[0].Version == "" || ran[0].Version != o.Lane.Version.Short() {
		t.Errorf("%+v, %v; want version %q", ran, err, o.Lane.Version.Short())
	}
}

func TestADayThatCouldNeverPayForTheAgentPromisesNoTime(t *testing.T) {
	h := newHouse(t)
	h.Entrance.UserDay = 199
	w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "" || strings.Contains(w.Body.String(), "0001") {
		t.Errorf("an execution costs 200 and a day has 199; whoever waits until %q waits for ever: %d %s", w.Header().Get("Retry-After"), w.Code, w.Body)
	}
}

func TestWhatIsUnavailableIsSaidWithoutItsReasonAndNoAgentRuns(t *testing.T) {
	for name, fault := range map[string]func(*house){
		"the registry": func(h *house) { h.lanes.err = errors.New("secret detail") },
		"the ledger":   func(h *house) { h.store.down = true },
		"the key":      func(h *house) { h.Signer = broken{h.Signer} },
	} {
		h := newHouse(t)
		login := h.loginOf(t, ana, nil)
		fault(h)
		w := h.ask(t, "POST /executions", login, asking)
		text, reference := said(t, w)
		if want := "503 map[Content-Type:[application/json]] {\"error\":\"temporarily unavailable, try again later\",\"reference\":\"…\"}\n"; text != want {
			t.Errorf("without %s: %s", name, text)
		}
		if h.notes[reference] == "" || len(h.agents.invoked) != 0 {
			t.Errorf("without %s: operators read %q, and %d agents ran", name, h.notes[reference], len(h.agents.invoked))
		}
	}
}

func TestTheAnswerStreamsAndTheExecutionEndsWithIt(t *testing.T) {
	h := newHouse(t)
	agent, speak := io.Pipe()
	h.agents.answer = func(context.Context, Invocation) (Answer, error) { return Answer{"text/event-stream", agent}, nil }
	web := httptest.NewServer(h.Handler())
	defer web.Close()
	response := h.post(t, web.URL+"/executions", h.loginOf(t, ana, nil))
	defer response.Body.Close()
	id := terms.ExecutionID(response.Header.Get("X-Remit-Execution"))
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("X-Remit-Lane") != stable.String() {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	lines := bufio.NewReader(response.Body)
	for _, line := range []string{"data: one\n", "data: two\n"} { // each arrives before the next is spoken, or this hangs
		if _, err := io.WriteString(speak, line); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); err != nil || got != line {
			t.Fatalf("heard %q, %v", got, err)
		}
		if x, err := h.ledger.Execution(context.Background(), id); err != nil || !x.Open {
			t.Errorf("it closed while the agent was speaking: %+v, %v", x, err)
		}
	}
	_ = speak.Close()
	if ended := <-h.agents.ended; ended != id {
		t.Errorf("session %s was stopped, not %s", ended, id)
	}
	h.isOver(t, id, "answered")
}

func (h *house) post(t testing.TB, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(asking))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// isOver: the execution is closed, and ana's and her tenant's days have back what it took.
func (h *house) isOver(t testing.TB, id terms.ExecutionID, why string) {
	t.Helper()
	x, err := h.ledger.Execution(context.Background(), id)
	if err != nil || x.ID != id || x.Open || x.Why != why || x.Returned != 200 {
		t.Errorf("the execution stands as %+v, %v; want closed because %q", x, err, why)
	}
	if taken := h.taken(t, ana); taken != [2]int64{} {
		t.Errorf("the execution is over, and of the days %v are still gone", taken)
	}
}

func TestWhenTheUserLeavesTheExecutionEnds(t *testing.T) {
	h := newHouse(t)
	agent, speak := io.Pipe()
	left := make(chan error, 1)
	h.agents.answer = func(ctx context.Context, _ Invocation) (Answer, error) {
		go func() {
			<-ctx.Done()
			left <- context.Cause(ctx)
			_ = speak.CloseWithError(ctx.Err()) // as the body of an aborted HTTP request does
		}()
		return Answer{"text/plain", agent}, nil
	}
	web := httptest.NewServer(h.Handler())
	defer web.Close()
	response := h.post(t, web.URL+"/executions", h.loginOf(t, ana, nil))
	id := terms.ExecutionID(response.Header.Get("X-Remit-Execution"))
	_ = response.Body.Close()
	if why := <-left; !errors.Is(why, context.Canceled) {
		t.Errorf("the agent's request ended because %v", why)
	}
	if ended := <-h.agents.ended; ended != id {
		t.Errorf("session %s was stopped, not %s", ended, id)
	}
	h.isOver(t, id, "answered")
}

func TestTheAgentsRequestEndsAtTheDeadline(t *testing.T) {
	h := newHouse(t)
	h.at = h.at.Add(-time.Hour) // so that the deadline has passed already
	var deadline time.Time
	h.agents.answer = func(ctx context.Context, _ Invocation) (Answer, error) {
		deadline, _ = ctx.Deadline()
		<-ctx.Done()
		return Answer{}, ctx.Err()
	}
	if w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking); w.Code != http.StatusBadGateway || !deadline.Equal(h.at.Add(time.Minute)) {
		t.Errorf("%d %s; the agent had until %v", w.Code, w.Body, deadline)
	}
	h.isOver(t, <-h.agents.ended, "deadline")
}

func TestAnAnswerThatStillStreamsAtTheDeadlineIsCutThere(t *testing.T) {
	h := newHouse(t)
	h.at = h.at.Add(-time.Hour) // so that the deadline has passed already
	agent, speak := io.Pipe()
	h.agents.answer = func(ctx context.Context, _ Invocation) (Answer, error) {
		go func() {
			_, _ = io.WriteString(speak, "half") // the entry may be gone first
			<-ctx.Done()
			_ = speak.CloseWithError(ctx.Err()) // as the body of an aborted HTTP request does
		}()
		return Answer{"text/plain", agent}, nil
	}
	h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking)
	h.isOver(t, <-h.agents.ended, "deadline")
}

func TestAnAgentThatDoesNotAnswerGivesBackWhatItTook(t *testing.T) {
	h := newHouse(t)
	h.agents.answer = func(context.Context, Invocation) (Answer, error) {
		return Answer{}, errors.New("runtime arn:aws:secret is throttled")
	}
	text, reference := said(t, h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking))
	if want := "502 map[Content-Type:[application/json]] {\"error\":\"the agent did not answer\",\"reference\":\"…\"}\n"; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if !strings.Contains(h.notes[reference], "throttled") {
		t.Errorf("operators read %q", h.notes[reference])
	}
	h.isOver(t, <-h.agents.ended, "answered")
}

func TestAnAnswerThatBreaksOffStillEndsTheExecution(t *testing.T) {
	h := newHouse(t)
	h.agents.answer = func(context.Context, Invocation) (Answer, error) {
		return Answer{"text/plain", io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{}))}, nil
	}
	w := h.ask(t, "POST /executions", h.loginOf(t, ana, nil), asking)
	if w.Body.String() != "half" || len(h.notes) != 1 {
		t.Errorf("%q, and operators read %v", w.Body, h.notes)
	}
	h.isOver(t, <-h.agents.ended, "answered")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }

func TestTheUsersOwnTokenIsInNoByteThatLeaves(t *testing.T) {
	h := newHouse(t)
	login := h.loginOf(t, ana, nil)
	heard := &bytes.Buffer{}
	w := h.ask(t, "POST /executions", login, asking)
	fmt.Fprintf(heard, "%v %s\n", w.Header(), w.Body)
	for _, ask := range []string{"DELETE /executions/" + w.Header().Get("X-Remit-Execution"), "POST /executions/x/memory", "POST /nowhere", "GET /executions"} {
		w := h.ask(t, ask, login, asking)
		fmt.Fprintf(heard, "%v %s\n", w.Header(), w.Body)
	}
	for _, i := range h.agents.invoked {
		fmt.Fprintf(heard, "%+v %s\n", i, i.Payload)
	}
	fmt.Fprintf(heard, "%v %v %s", h.agents.stopped, h.notes, &h.store.sent)
	for n, piece := range strings.Split(login, ".") {
		if strings.Contains(heard.String(), piece) {
			t.Errorf("part %d of the user's own token left the door", n)
		}
	}
	if !strings.Contains(heard.String(), h.agents.invoked[0].Token) || !strings.Contains(heard.String(), "O-1") {
		t.Error("this test looks at too little: it misses what the agent is given")
	}
}

func TestTheAgentIsToldItsExecutionAndGivenTheInputAsItIs(t *testing.T) {
	h := newHouse(t)
	h.ask(t, "POST /executions", h.loginOf(t, ana, nil), `{"agent":"helper","purpose":"ordering","input":{"n":1e400,"a":"é","a":"<b>"}}`)
	i := h.agents.invoked[0]
	want := fmt.Sprintf(`{"execution":%q,"gateway":"https://gateway.example/stable/mcp","purpose":"ordering","deadline":%q,"input":{"n":1e400,"a":"é","a":"\u003cb\u003e"}}`, i.Session, h.at.Add(time.Minute).Format(time.RFC3339))
	if string(i.Payload) != want {
		t.Errorf("got  %s\nwant %s", i.Payload, want)
	}
	if claims, err := h.Agents.Verify(context.Background(), i.Token, stable.String(), h.at); err != nil || claims.Execution != i.Session {
		t.Errorf("the token is for %s and the session is %s: %v", claims.Execution, i.Session, err)
	}
}

func TestOnlyItsOwnUserEndsAnExecution(t *testing.T) {
	h := newHouse(t)
	o := h.opened(t, ana)
	path := "DELETE /executions/" + string(o.Execution)
	own := h.loginOf(t, ana, nil)
	texts := map[string][]string{}
	for name, c := range map[string]struct{ path, token string }{
		"another user":                    {path, h.loginOf(t, terms.User{ID: "eve", Tenant: "north"}, nil)},
		"the same id in another tenant":   {path, h.loginOf(t, terms.User{ID: "ana", Tenant: "south"}, nil)},
		"the agent that runs it":          {path, o.Token},
		"another application":             {path, h.loginOf(t, ana, map[string]any{"client_id": "wiki"})},
		"nobody":                          {path, ""},
		"its user, an unknown execution":  {"DELETE /executions/ex-none", own},
		"another user, an unknown one":    {"DELETE /executions/ex-none", h.loginOf(t, terms.User{ID: "eve", Tenant: "north"}, nil)},
		"its user, with a path traversed": {"DELETE /executions/..%2F" + string(o.Execution), own},
	} {
		text, _ := said(t, h.ask(t, c.path, c.token, ""))
		texts[text] = append(texts[text], name)
	}
	if len(texts) != 1 || !strings.HasPrefix(slices.Collect(maps.Keys(texts))[0], "403 ") {
		t.Errorf("refusals differ, so whoever asks learns which executions exist: %v", texts)
	}
	if x, err := h.ledger.Execution(context.Background(), o.Execution); err != nil || !x.Open {
		t.Fatalf("somebody else ended it: %+v, %v", x, err)
	}
	for range 2 { // twice is once
		if w := h.ask(t, path, own, ""); w.Code != http.StatusNoContent {
			t.Errorf("its own user: %d %s", w.Code, w.Body)
		}
	}
	h.isOver(t, o.Execution, "the user ended it")
}

func TestABrokerEndsTheExecutionWhoseTokenItHoldsAndNoOther(t *testing.T) {
	h := newHouse(t)
	h.lanes.list[0].Models = "https://models.example"
	o := h.opened(t, ana)
	if claims, err := h.Agents.Verify(context.Background(), o.Models, identity.ModelAudience(stable), h.at); err != nil || claims.Execution != o.Execution || o.Models == o.Token {
		t.Fatalf("the token for models is for %+v, %v", claims, err)
	}
	if _, err := h.Agents.Verify(context.Background(), o.Models, stable.String(), h.at); err == nil {
		t.Error("the token for models opens the gateway")
	}
	if w := h.ask(t, "DELETE /executions/"+string(o.Execution), o.Models, ""); w.Code != http.StatusNoContent {
		t.Errorf("its own: %d %s", w.Code, w.Body)
	}
	h.isOver(t, o.Execution, "its budget is used up")
	if !slices.Equal(h.agents.stopped, []terms.ExecutionID{o.Execution}) {
		t.Errorf("stopped are %v", h.agents.stopped)
	}
	other := h.opened(t, ana)
	if w := h.ask(t, "DELETE /executions/"+string(other.Execution), o.Models, ""); w.Code != http.StatusForbidden {
		t.Errorf("another execution of the same user and lane: %d %s", w.Code, w.Body)
	}
}

func TestAnExecutionThatItsUserEndsStopsItsAgent(t *testing.T) {
	h := newHouse(t)
	o := h.opened(t, ana)
	if w := h.ask(t, "DELETE /executions/"+string(o.Execution), h.loginOf(t, ana, nil), ""); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !slices.Equal(h.agents.stopped, []terms.ExecutionID{o.Execution}) {
		t.Errorf("the user ended it, and the agent goes on thinking at their cost: stopped %v", h.agents.stopped)
	}
}

func TestARequestThatIsNotOneObjectIsSaidToBeSo(t *testing.T) {
	h := newHouse(t)
	login := h.loginOf(t, ana, nil)
	for name, body := range map[string]string{
		"empty": ``, "no JSON": `agent=helper`, "a list": `[]`, "an unknown key": `{"agent":"helper","purpose":"ordering","admin":true}`,
		"two objects": asking + asking, "bytes after it": asking + "}", "a number for an agent": `{"agent":1}`,
		"too much": `{"agent":"helper","purpose":"ordering","input":"` + strings.Repeat("x", MaxAsked) + `"}`,
	} {
		if w := h.ask(t, "POST /executions", login, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if taken := h.taken(t, ana); taken != [2]int64{} {
		t.Errorf("malformed requests took %v", taken)
	}
}

func FuzzReadKeepsNothingItWasNotAsked(f *testing.F) {
	f.Add([]byte(asking))
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, err := Read(httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
		if err != nil && (asked.Agent != "" || asked.Purpose != "" || asked.Lane != "" || asked.Input != nil) {
			t.Errorf("refused %q and kept %+v", body, asked)
		}
		if err == nil && !json.Valid(body) {
			t.Errorf("read %q", body)
		}
	})
}

func TestWhatIsPublishedVerifiesEachKindOfTokenAndNeverTheOther(t *testing.T) {
	h := newHouse(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Handler().ServeHTTP(w, r) }))
	defer web.Close()
	delegation, call := h.Signer.(*identity.LocalSigner), newSigner(t)
	documents, err := Publish(web.URL, delegation.Public(), call.Public())
	if err != nil {
		t.Fatal(err)
	}
	h.Documents = documents
	paths := slices.Sorted(maps.Keys(documents))
	if want := []string{"/.well-known/openid-configuration", "/calls/.well-known/openid-configuration", "/calls/jwks.json", "/jwks.json"}; !slices.Equal(paths, want) {
		t.Errorf("published %v", paths)
	}
	gateway, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{URL: web.URL, Kind: identity.KindDelegation, Audiences: []string{stable.String()},
		Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"}, MaxAge: time.Hour, Keys: identity.KeySource{Fetch: identity.OverHTTP(web.Client())}}}})
	if err != nil {
		t.Fatal(err)
	}
	h.Issuer = web.URL
	raw := h.opened(t, ana).Token
	if _, err := gateway.Verify(context.Background(), raw, stable.String(), h.at); err != nil {
		t.Errorf("a gateway that reads our discovery document refuses our token: %v", err)
	}
	h.Signer = call // whoever may assert calls tries to open a gateway
	if _, err := gateway.Verify(context.Background(), h.opened(t, ana).Token, stable.String(), h.at); err == nil {
		t.Error("a delegation by the key of call assertions opens a gateway")
	}
	if none, err := Publish(web.URL, identity.PublicKey{}, identity.PublicKey{}); err != nil || len(none) != 0 {
		t.Errorf("without keys %v are published, %v", none, err)
	}
}

func newSigner(t testing.TB) *identity.LocalSigner {
	t.Helper()
	s, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
