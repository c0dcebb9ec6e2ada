package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"remit/lambdas/person"
	"remit/ledger"
	"remit/terms"
)

var (
	noon = time.Date(2026, 11, 24, 17, 0, 0, 0, time.UTC)
	lane = terms.Lane{Platform: "acme", Environment: "prod", Agent: "clerk", Name: "stable"}
	ana  = terms.User{ID: "ana", Tenant: "north"}
)

const (
	operatorRole   = "arn:aws:iam::111111111111:role/remit/acme-prod-operator"
	breakglassRole = "arn:aws:iam::111111111111:role/remit/acme-prod-breakglass"
	operating      = "arn:aws:sts::111111111111:assumed-role/acme-prod-operator/"
	behindGlass    = "arn:aws:sts::111111111111:assumed-role/acme-prod-breakglass/"
)

// desk is one over a ledger in memory. A test says who comes in a header, where AWS says it
// in the event.
type desk struct {
	*testing.T
	Desk
	l     *ledger.Ledger
	at    time.Time
	notes []string
	loud  bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, l: &ledger.Ledger{Store: &ledger.Memory{}}, at: noon}
	d.Desk = Desk{Ledger: d.l, Zone: "America/New_York", Roles: Roles{Operator: operatorRole, Breakglass: breakglassRole},
		Identify: func(r *http.Request) person.Identity { return person.Identity{ARN: r.Header.Get("Verified")} },
		Note:     func(_, why string) { d.notes = append(d.notes, why) }, Now: func() time.Time { return d.at }}
	d.Widened = Metric(&d.loud, "prod", d.Now)
	return d
}

// ask answers the status and the body.
func (d *desk) ask(who, verb, question string) (int, string) {
	d.Helper()
	r := httptest.NewRequest(http.MethodPost, "/"+verb, strings.NewReader(question))
	r.Header.Set("Verified", who)
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (d *desk) is(what string, got int, body string, want int, holds string) {
	d.Helper()
	if got != want || !strings.Contains(body, holds) {
		d.Errorf("%s: %d %s, want %d with %s", what, got, body, want, holds)
	}
}

func (d *desk) open(id string) error {
	_, err := d.l.Open(context.Background(), ledger.Admission{Execution: terms.ExecutionID(id), User: ana, Lane: lane, Purpose: "ordering", At: d.at, Deadline: d.at.Add(time.Minute),
		Caps:   []ledger.Amount{{Limit: ledger.CostLimit, Take: 10}, {Limit: ledger.ToolCallsLimit, Take: 20}},
		Slices: []ledger.Slice{{Of: ledger.OfUser, Take: 10, Cap: 100, Date: "2026-11-24"}, {Of: ledger.OfTenant, Take: 10, Cap: 100, Date: "2026-11-24"}}})
	return err
}

func (d *desk) mustOpen(id string) {
	d.Helper()
	if err := d.open(id); err != nil {
		d.Fatal(err)
	}
}

// proposed is the id of what was asked for.
func (d *desk) proposed(who, question string) string {
	d.Helper()
	status, body := d.ask(who, "propose", question)
	var w Waiting
	if err := json.Unmarshal([]byte(body), &w); err != nil || status != http.StatusOK || w.ID == "" {
		d.Fatalf("nothing waits: %d %s", status, body)
	}
	return w.ID
}

const (
	stopsLane   = `{"kind":"lane","name":"acme.prod.clerk.stable","why":"it loops"}`
	resumesLane = `{"kind":"lane","name":"acme.prod.clerk.stable","why":"mended","until":"2026-11-24T19:00:00Z"}`
	raisesCalls = `{"execution":"e1","limit":"tool_calls","by":5,"why":"month end","until":"2026-11-24T19:00:00Z"}`
)

func TestAnOperatorStopsAndTwoPeopleResume(t *testing.T) {
	d := newDesk(t)
	d.mustOpen("e1")
	status, body := d.ask(operating+"olu", "stop", stopsLane)
	d.is("a stop", status, body, http.StatusOK, `{"by":"olu","executions":["e1"]}`)
	if err := d.open("e2"); err == nil {
		t.Error("an execution opened on a stopped lane")
	}
	id := d.proposed(operating+"olu", resumesLane)
	status, body = d.ask(operating+"pam", "approve", `{"id":"`+id+`"}`)
	d.is("an operator who did not break the glass", status, body, http.StatusForbidden, errNobody.Error())
	for _, alone := range []string{"olu", "OLU"} {
		status, body = d.ask(behindGlass+alone, "approve", `{"id":"`+id+`"}`)
		d.is("one person in two roles", status, body, http.StatusConflict, "two different people widen")
	}
	if err := d.open("e3"); err == nil || d.loud.Len() > 0 {
		t.Error("one person widened alone")
	}
	status, body = d.ask(behindGlass+"pam", "approve", `{"id":"`+id+`"}`)
	d.is("a second person", status, body, http.StatusOK, `"kind":"lane","name":"acme.prod.clerk.stable","why":"mended","until":"2026-11-24T19:00:00Z","first":"olu","second":"pam"`)
	d.mustOpen("e4")
	status, body = d.ask(operating+"olu", "switches", `{}`)
	d.is("what is stopped", status, body, http.StatusOK, `{"switches":[{"kind":"lane","name":"acme.prod.clerk.stable","who":"olu","why":"it loops","at":"2026-11-24T17:00:00Z","lifted":{"first":"olu","second":"pam","why":"mended","until":"2026-11-24T19:00:00Z"}}]}`)
}

func TestALimitIsRaisedOnceHoweverOftenItIsApproved(t *testing.T) {
	d := newDesk(t)
	d.mustOpen("e1")
	id := d.proposed(behindGlass+"olu", raisesCalls) // who broke the glass may do what an operator may
	for range 2 {
		status, body := d.ask(behindGlass+"pam", "approve", `{"id":"`+id+`"}`)
		d.is("pam", status, body, http.StatusOK, `"execution":"e1","limit":"tool_calls","by":5`)
	}
	status, body := d.ask(behindGlass+"quinn", "approve", `{"id":"`+id+`"}`)
	d.is("a third person", status, body, http.StatusConflict, "was approved before")
	e, err := d.l.Execution(context.Background(), "e1")
	if err != nil || e.Caps[ledger.ToolCallsLimit] != 25 {
		t.Errorf("the cap is %v, %v", e.Caps, err)
	}
}

func TestADayIsShownInMoneyAndCalls(t *testing.T) {
	d := newDesk(t)
	d.mustOpen("e1")
	_, err := d.l.Reserve(context.Background(), ledger.Claim{Call: "c", Execution: "e1", User: ana, Tool: "find", Lease: time.Minute, At: d.at,
		Takes: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}}, Daily: []ledger.Daily{{Limit: terms.DailyLimit("find"), Take: 1, Cap: 5, Date: "2026-11-24"}}})
	if err != nil {
		t.Fatal(err)
	}
	status, body := d.ask(operating+"olu", "budget", `{"user":"ana","tenant":"north","tools":["find","ship"]}`)
	d.is("a day", status, body, http.StatusOK, `{"date":"2026-11-24","user":10,"tenant":10,"calls":{"find":1,"ship":0}}`)
	d.at = time.Date(2026, 11, 25, 4, 59, 0, 0, time.UTC)
	status, body = d.ask(operating+"olu", "budget", `{"user":"ana","tenant":"north","tools":[]}`)
	d.is("an evening in New York", status, body, http.StatusOK, `"date":"2026-11-24"`)
}

func TestNobodyComesInButSessionsOfTheTwoRoles(t *testing.T) {
	d := newDesk(t)
	for name, who := range map[string]string{
		"nobody":               "",
		"the role itself":      operatorRole,
		"another account":      strings.Replace(operating, "111111111111", "222222222222", 1) + "olu",
		"another partition":    strings.Replace(operating, "arn:aws:", "arn:aws-cn:", 1) + "olu",
		"another role":         "arn:aws:sts::111111111111:assumed-role/acme-prod-entry/olu",
		"a role named further": "arn:aws:sts::111111111111:assumed-role/acme-prod-operator2/olu",
		"a session of a path":  operating + "olu/pam",
		"no session":           operating,
		"a blank session":      operating + "  ",
		"a user of that name":  "arn:aws:iam::111111111111:user/olu",
		"the account":          "arn:aws:iam::111111111111:root",
	} {
		for _, verb := range []string{"stop", "switches", "budget", "propose", "approve"} {
			status, body := d.ask(who, verb, stopsLane)
			if status != http.StatusForbidden || !strings.Contains(body, errNobody.Error()) || who != "" && strings.Contains(body, who) {
				t.Errorf("%s may %s: %d %s", name, verb, status, body)
			}
		}
	}
	if _, known := (Roles{}).Person(person.Identity{ARN: operating + "olu"}); known {
		t.Error("a desk without roles knows an operator")
	}
	if _, known := (Roles{}).Person(person.Identity{}); known {
		t.Error("a desk without roles knows nobody as somebody")
	}
	if thrown, err := d.l.Switches(context.Background()); err != nil || len(thrown) > 0 {
		t.Errorf("somebody threw %v, %v", thrown, err)
	}
}

func TestWhatIsMisreadStopsAndWidensNothing(t *testing.T) {
	d := newDesk(t)
	for name, question := range map[string]string{
		"nothing": ``, "no object": `[]`, "another word": `{"kind":"lane","name":"x","why":"y","who":"pam"}`, "more": stopsLane + `{}`, "half": stopsLane[:20],
		"too much": `{"why":"` + strings.Repeat("x", maxRequest) + `"}`,
	} {
		status, body := d.ask(operating+"olu", "stop", question)
		d.is(name, status, body, http.StatusBadRequest, errQuery.Error())
	}
	for verb, question := range map[string]string{
		"stop":    `{"kind":"everything","name":"x","why":"y"}`,
		"budget":  `{"user":"","tenant":"north","tools":[]}`,
		"propose": `{"kind":"lane","name":"acme.prod.clerk.stable","why":"mended","until":"2026-11-24T19:00:00Z"}`, // nobody stopped it
		"approve": `{"id":"nothing"}`,
	} {
		status, body := d.ask(behindGlass+"olu", verb, question)
		d.is(verb, status, body, http.StatusConflict, `"reference":`)
	}
	if status, body := d.ask(operating+"olu", "lift", stopsLane); status != http.StatusNotFound {
		t.Errorf("a verb nobody made: %d %s", status, body)
	}
}

func TestALedgerThatIsDownIsNoStop(t *testing.T) {
	d := newDesk(t)
	d.Ledger = &ledger.Ledger{}
	for verb, question := range map[string]string{"stop": stopsLane, "switches": `{}`, "budget": `{"user":"ana","tenant":"north","tools":[]}`, "propose": resumesLane, "approve": `{"id":"x"}`} {
		status, body := d.ask(behindGlass+"olu", verb, question)
		d.is(verb, status, body, http.StatusServiceUnavailable, "ask again")
	}
	w := httptest.NewRecorder()
	(&Desk{}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/stop", strings.NewReader(stopsLane)))
	d.is("the zero desk", w.Code, w.Body.String(), http.StatusServiceUnavailable, "nothing is set up")
}

func TestAWideningIsCountedWhereAnAlarmStands(t *testing.T) {
	var out bytes.Buffer
	Metric(&out, "prod", func() time.Time { return noon })(ledger.Want{Execution: "e1", More: ledger.Amount{Limit: "tool_calls", Take: 5}, Who: "olu", Why: "month end", Until: noon}, "pam")
	var got any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var want any
	_ = json.Unmarshal([]byte(`{"_aws":{"Timestamp":1795539600000,"CloudWatchMetrics":[{"Namespace":"Remit","Dimensions":[["Environment"]],"Metrics":[{"Name":"Widened","Unit":"Count"}]}]},
		"Environment":"prod","Widened":1,"first":"olu","second":"pam","why":"month end","kind":"","name":"","execution":"e1","limit":"tool_calls","by":5,"until":"2026-11-24T17:00:00Z"}`), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the line is %s", out.String())
	}
}
