package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"remit/platform/load"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

// lender is the worked lender's invented data under the numbers of its real environment.
func lender(t *testing.T, c *clock) (*Server, *bytes.Buffer) {
	t.Helper()
	p, err := load.Dir("../environments/meridian", "2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	prod, _ := p.Environment("prod")
	for i := range p.Environments {
		if e := &p.Environments[i]; e.Data.Kind == "synthetic" {
			e.Limits, e.Prices, e.Day = prod.Limits, prod.Prices, prod.Day
		}
	}
	var s *Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Handler().ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	log := &bytes.Buffer{}
	if s, err = New(&memory{stamp: "1", p: p}, "dev", web.URL, func() time.Time { return c.now }, log); err != nil {
		t.Fatal(err)
	}
	return s, log
}

// enter opens an execution of the loan processor, or answers the status and text that refuse it.
func enter(t *testing.T, s *Server, user string) (Opened, int, string) {
	t.Helper()
	login, err := s.Login(user)
	if err != nil {
		t.Fatal(err)
	}
	status, text := post(t, s.base+"/executions", login, `{"agent":"loan-processor","lane":"stable","purpose":"underwriting"}`)
	var o Opened
	if status == http.StatusCreated {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
	}
	return o, status, text
}

func asking(t *testing.T, o Opened, id int, tool, arguments string) (code int, text string) {
	t.Helper()
	_, text = post(t, o.Gateway, o.Token, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, strings.ReplaceAll(tool, "_", "-")+"___"+tool, arguments))
	var answer struct{ Error struct{ Code int } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return answer.Error.Code, text
}

func monday() *clock { return &clock{time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)} }

func TestTheTwentyFirstCallIsToldToAnswerWithWhatThereIs(t *testing.T) {
	s, _ := lender(t, monday())
	o, _, _ := enter(t, s, "ana")
	for i := range 20 {
		if code, text := asking(t, o, i, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`); code != 0 {
			t.Fatalf("call %d of 20: %s", i+1, text)
		}
	}
	if code, text := asking(t, o, 20, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`); code != -32012 || !strings.Contains(text, "answer with what you have") {
		t.Errorf("the 21st call: %s", text)
	}
	// A reused JSON-RPC id is no free call.
	if code, text := asking(t, o, 3, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`); code != -32012 {
		t.Errorf("the 22nd call, under an old id: %s", text)
	}
}

func TestTheFiftyFirstCreditReportOfTheDayIsRefusedUntilMidnight(t *testing.T) {
	c := monday()
	s, _ := lender(t, c)
	pulled := 0
	for pulled < 50 {
		o, status, text := enter(t, s, "ana")
		if status != http.StatusCreated {
			t.Fatalf("after %d reports no execution opens: %s", pulled, text)
		}
		for i := 0; i < 10 && pulled < 50; i++ {
			if code, text := asking(t, o, i, "pull_credit_report", `{"application_id":"A-1007"}`); code != 0 {
				t.Fatalf("report %d of 50: %s", pulled+1, text)
			}
			pulled++
		}
		c.now = c.now.Add(2 * time.Minute) // past the deadline, so that the sweep gives the slice back
		if err := s.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	o, _, _ := enter(t, s, "ana")
	if code, text := asking(t, o, 1, "pull_credit_report", `{"application_id":"A-1007"}`); code != -32012 || !strings.Contains(text, "again at 2026-11-24T05:00:00Z") {
		t.Errorf("the 51st report of the day: %s", text)
	}
	other, _, _ := enter(t, s, "sam")
	if code, text := asking(t, other, 1, "pull_credit_report", `{"application_id":"A-1007"}`); code != 0 {
		t.Errorf("another user's first report: %s", text)
	}
	c.now = time.Date(2026, 11, 24, 5, 0, 1, 0, time.UTC) // midnight in New York
	o, _, _ = enter(t, s, "ana")
	if code, text := asking(t, o, 1, "pull_credit_report", `{"application_id":"A-1007"}`); code != 0 {
		t.Errorf("the first report of the next day: %s", text)
	}
}

func TestAnExecutionEndsAfterItsMinuteAndItsSessionIsStopped(t *testing.T) {
	c := monday()
	s, log := lender(t, c)
	o, _, _ := enter(t, s, "ana")
	c.now = c.now.Add(61 * time.Second)
	if code, text := asking(t, o, 1, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`); code != -32013 {
		t.Errorf("a call after the deadline: %s", text)
	}
	if err := s.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "session "+o.Execution+" is stopped") {
		t.Errorf("nobody stopped the session:\n%s", log)
	}
}

func TestTheDaysBudgetClosesTheDoorUntilMidnightOrUntilItIsGivenBack(t *testing.T) {
	c := monday()
	s, _ := lender(t, c)
	open := 0
	for {
		_, status, text := enter(t, s, "ana")
		if status == http.StatusTooManyRequests {
			if !strings.Contains(text, "again at 2026-11-24T05:00:00Z") {
				t.Errorf("the door does not say when it opens: %s", text)
			}
			break
		}
		if open++; status != http.StatusCreated || open > 50 {
			t.Fatalf("%d executions of one user are open at once: %d %s", open, status, text)
		}
	}
	cost := int64(0)
	for _, p := range s.current().platform.Environments {
		for _, l := range s.current().platform.Lanes(p) {
			if l.Agent == "loan-processor" && p.Data.Kind == "synthetic" {
				cost = l.Caps()["cost"]
			}
		}
	}
	if most := 50_000_000 / cost; int64(open) != most {
		t.Errorf("%d executions that may cost %d each were admitted on a day of $50, want %d", open, cost, most)
	}
	c.now = c.now.Add(3 * time.Minute)
	if err := s.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, status, text := enter(t, s, "ana"); status != http.StatusCreated {
		t.Errorf("what executions did not use was not given back: %s", text)
	}
}
