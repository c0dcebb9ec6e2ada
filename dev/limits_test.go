package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"remit/platform/load"
	"remit/terms"
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

// prompt asks the execution's model to say back so many bytes, up to a length in tokens.
func prompt(t *testing.T, o Opened, size, most int) (status int, text string) {
	t.Helper()
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":%q}]}],"inferenceConfig":{"maxTokens":%d}}`, strings.Repeat("x", size), most)
	return post(t, o.Models+"/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse", o.Bearer, body)
}

var remains = regexp.MustCompile(`(\w+): this call could take \d+, and (\d+) are left`)

// An agent that goes on until it can pay for nothing more: of tokens when it only reads, of
// money when its model also writes.
func TestTheTokensAndTheCostOfModelsEachEndTheRunAndStopTheSession(t *testing.T) {
	for limit, reads := range map[string]bool{"tokens": true, "model_cost": false} {
		s, log := lender(t, monday())
		o, _, _ := enter(t, s, "ana")
		length := func(size int) int {
			if reads {
				return 1
			}
			return size/4 + 1
		}
		size, said := 100_000, ""
		for calls := 0; !strings.Contains(said, "has ended"); calls++ {
			if calls > 1000 {
				t.Fatalf("%s: it still goes on: %s", limit, said)
			}
			var status int
			if status, said = prompt(t, o, size, length(size)); status == http.StatusOK {
				continue
			}
			if left := remains.FindStringSubmatch(said); left != nil {
				n, _ := strconv.Atoi(left[2])
				if size = n - 2300; left[1] == "model_cost" {
					size = (n - 9000) * 2 / 15 // 3.75 a byte at its dearest, and 15 a token of four
				}
				size = max(1, size)
			}
		}
		if !strings.Contains(said, limit+" is used up, and the execution has ended") {
			t.Errorf("%s: %s", limit, said)
		}
		if !strings.Contains(log.String(), "session "+o.Execution+" is stopped") {
			t.Errorf("%s: nobody stopped the session:\n%s", limit, log)
		}
		if code, text := asking(t, o, 1, "lookup_regulation", `{"citation":"12 CFR 1002.9"}`); code != -32013 {
			t.Errorf("%s: a tool runs afterwards: %s", limit, text)
		}
		x, err := s.current().ledger.Execution(context.Background(), terms.ExecutionID(o.Execution))
		if used, most := x.Used[limit], x.Caps[limit]; err != nil || used > most || used < most*99/100 {
			t.Errorf("%d of %d %s were used, %v", used, most, limit, err)
		}
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
