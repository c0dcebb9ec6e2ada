package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/grants"
	"remit/iam"
	"remit/lambdas/operate"
	"remit/lambdas/person"
	"remit/ledger"
	"remit/platform"
	"remit/platform/load"
	"remit/terms"
	"remit/test/lambda/cloud"
)

// office is a deployed operating function as people meet it: a cloud that knows whose an access
// key is and checks signatures as AWS does, and behind it the handler that ships, over a ledger
// in memory.
type office struct {
	*testing.T
	cloud  *cloud.Cloud
	ledger *ledger.Ledger
	p      *platform.Platform
	e      platform.Environment
	site   platform.Site
}

const declared = "../../environments/meridian"

func newOffice(t *testing.T) *office {
	t.Helper()
	p, err := load.Dir(declared, "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	e, _ := p.Environment("prod")
	o := &office{T: t, p: p, e: e, site: p.Site(e, platform.PlatformAccount), ledger: &ledger.Ledger{Store: &ledger.Memory{}}}
	if o.cloud, err = cloud.New(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.cloud.Close)
	desk := &operate.Desk{Ledger: o.ledger, Zone: e.Day, Roles: operate.Roles{Operator: o.site.Role("operator"), Breakglass: o.site.Role("breakglass")},
		Identify: func(r *http.Request) person.Identity { return person.Identity{ARN: o.cloud.Verified(r, "lambda")} },
		Widened:  func(ledger.Want, string) {}, Note: func(string, string) {}, Now: time.Now}
	at := httptest.NewServer(o.signed(desk.Handler()))
	t.Cleanup(at.Close)
	o.cloud.Put(platform.OperateURL(o.site), at.URL+"/") // a function URL ends with a slash
	return o
}

// signed is the address: a request that nobody signed gets no further.
func (o *office) signed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.cloud.Verified(r, "lambda") == "" {
			http.Error(w, `{"Message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// as has a person sign in: their directory names their session.
func (o *office) as(role, person string) {
	o.Helper()
	all := o.cloud.Environment(role)
	all["AWS_ACCESS_KEY_ID"] = o.cloud.SignIn(role, person)
	maps.Copy(all, map[string]string{"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": ""})
	for name, value := range all {
		o.Setenv(name, value)
	}
}

// types is what a person types and what the terminal shows.
func (o *office) types(exit int, line string) (shown, said string) {
	o.Helper()
	var out, err bytes.Buffer
	words := strings.Fields(strings.ReplaceAll(line, "PROD", "--env prod "+declared))
	if got := run(words, &out, &err); got != exit {
		o.Errorf("remit %s: exit %d, want %d\n%s%s", line, got, exit, out.String(), err.String())
	}
	return out.String(), err.String()
}

func (o *office) shows(exit int, line, want string) {
	o.Helper()
	if shown, said := o.types(exit, line); !regexp.MustCompile(want).MatchString(shown + said) {
		o.Errorf("remit %s shows\n%s%s\nwant %s", line, shown, said, want)
	}
}

func (o *office) open(id string) error {
	lane := terms.Lane{Platform: "meridian", Environment: "prod", Agent: "loan-processor", Name: "stable"}
	day := ledger.DayOf(time.Now(), o.e.Day)
	_, err := o.ledger.Open(context.Background(), ledger.Admission{Execution: terms.ExecutionID(id), User: terms.User{ID: "ana", Tenant: "north"}, Lane: lane, Purpose: "underwriting",
		At: time.Now(), Deadline: time.Now().Add(time.Minute),
		Caps:   []ledger.Amount{{Limit: ledger.CostLimit, Take: 2_000_000}, {Limit: ledger.ToolCallsLimit, Take: 20}},
		Slices: []ledger.Slice{{Of: ledger.OfUser, Take: 2_000_000, Cap: 50_000_000, Date: day}, {Of: ledger.OfTenant, Take: 2_000_000, Cap: 50_000_000, Date: day}}})
	return err
}

// refused is what the intended IAM says no to of what people's commands asked AWS for. Their
// own roles are made elsewhere; here they may take any role.
func (o *office) refused() []string {
	w := grants.Intended(o.p, "prod")
	for _, who := range append(o.e.Operations.Operators, "arn:aws:iam::333333333302:role/Visitor") {
		w = w.Plus(iam.World{Roles: []iam.Role{{ARN: iam.ARN(who), Policy: iam.Doc(iam.Statement{Sid: "Any", Effect: iam.Allow, Actions: iam.Of("sts:AssumeRole"), Resources: iam.Of("*")})}}})
	}
	var out []string
	for _, c := range o.cloud.Calls() {
		on := c.Resource
		if strings.HasPrefix(c.Action, "ssm:") {
			on = o.site.ARN("ssm", "parameter"+on)
		}
		said := c.By + " " + c.Action + " " + on
		if v := w.Eval(iam.Request{Principal: iam.ARN(c.By), Action: c.Action, Resource: on, Context: c.Context}); v != iam.Allowed && !slices.Contains(out, said) {
			out = append(out, said)
		}
	}
	return out
}

func TestAPersonStopsLooksAndAsksAndAnotherApproves(t *testing.T) {
	o := newOffice(t)
	operators, leads := o.e.Operations.Operators[0], o.e.Operations.Breakglass[0]
	if err := o.open("e-1"); err != nil {
		t.Fatal(err)
	}
	o.as(operators, "olu@meridian.example")
	o.shows(clean, "switches PROD", `^nothing is stopped\n$`)
	o.shows(clean, "budget show ana --tenant north PROD", `(?s)^ana of north, \d{4}-\d\d-\d\d in America/New_York\n  cost          2.00 USD of 50.00 USD, open executions at their most\n  tenant's cost 2.00 USD of .* USD\n  pull_credit_report 0 of 50 calls\n`)
	raising, _ := o.types(clean, "raise e-1 tool_calls 5 --why month-end --until 2h --json PROD")
	var waits struct{ ID, By, Approve string }
	if err := json.Unmarshal([]byte(raising), &waits); err != nil || waits.By != "olu@meridian.example" || waits.Approve != "remit approve "+waits.ID+" --env prod "+declared {
		t.Errorf("asked for as %s", raising)
	}
	o.shows(clean, "stop lane loan-processor/stable --why looping PROD", `^lane meridian\.prod\.loan-processor\.stable is stopped by olu@meridian\.example; 1 open execution ends at the next call\n$`)
	asked, _ := o.types(clean, "resume lane loan-processor/stable --why mended --until 2h PROD")
	command := regexp.MustCompile(`(?s)^asked by olu@meridian\.example; nothing has changed yet\nuntil \S+ somebody else may: remit (approve \S+ --env prod \S+)\n$`).FindStringSubmatch(asked)
	if command == nil {
		t.Fatalf("the second person is told %s", asked)
	}
	o.shows(findings, command[1], `refused: ledger: the request is not valid: two different people widen \(reference \S+\)`) // had IAM let them in

	o.as(leads, "Olu@meridian.example") // the same person, through the other door
	o.shows(findings, command[1], `refused: ledger: the request is not valid: two different people widen \(reference \S+\)`)
	o.as(leads, "pam@meridian.example")
	o.shows(clean, command[1], `^lane meridian\.prod\.loan-processor\.stable runs again until \S+: mended, by olu@meridian\.example and pam@meridian\.example\n$`)
	o.shows(findings, "approve "+waits.ID+" PROD", `refused: ledger: closed refused`) // it was stopped meanwhile
	o.shows(clean, "switches --json PROD", `"second": "pam@meridian.example"`)
	o.shows(clean, "switches PROD", `(?s)^lane meridian\.prod\.loan-processor\.stable: looping, by olu@meridian\.example at \S+\n  held off until \S+: mended, by olu@meridian\.example and pam@meridian\.example\n$`)
	if err := o.open("e-2"); err != nil {
		t.Error(err)
	}
	o.types(clean, "raise e-2 tool_calls 5 --why month-end --until 2h --break-glass PROD")
	o.types(clean, "stop user ana --tenant north --why gone PROD")
	o.shows(clean, "stop tool pull_credit_report --why odd --json PROD", `"kind": "tool",\n  "name": "pull_credit_report",\n  "by": "pam@meridian\.example"`)
	if got, want := o.refused(), []string{operators + " sts:AssumeRole " + o.site.Role("breakglass")}; !slices.Equal(got, want) {
		t.Errorf("IAM says no to\n  %s\nwant it of an operator who breaks the glass, and of nothing else", strings.Join(got, "\n  "))
	}
}

func TestNobodyOperatesUnderAColleaguesName(t *testing.T) {
	o := newOffice(t)
	o.as(o.e.Operations.Operators[0], "olu@meridian.example")
	o.types(clean, "switches PROD")
	world := grants.Intended(o.p, "prod").Plus(iam.World{Roles: []iam.Role{{ARN: iam.ARN(o.e.Operations.Operators[0]), Policy: iam.Doc(iam.Statement{Sid: "Any", Effect: iam.Allow, Actions: iam.Of("sts:AssumeRole"), Resources: iam.Of("*")})}}})
	call := o.cloud.Calls()[0]
	for name, want := range map[string]iam.Verdict{"olu@meridian.example": iam.Allowed, "pam@meridian.example": iam.Denied, "example": iam.Denied, "": iam.Denied} {
		context := maps.Clone(call.Context)
		if context["sts:RoleSessionName"] = []string{name}; name == "" {
			delete(context, "sts:RoleSessionName")
		}
		if got := world.Eval(iam.Request{Principal: iam.ARN(call.By), Action: call.Action, Resource: call.Resource, Context: context}); got != want {
			t.Errorf("olu takes the role as %q: %v, want %v", name, got, want)
		}
	}
}

func TestWhoeverIsNobodyHereIsToldSo(t *testing.T) {
	o := newOffice(t)
	o.as("arn:aws:iam::333333333302:role/Visitor", "eve")
	o.types(clean, "switches PROD") // the cloud lets everyone take any role; IAM would not
	if got, want := o.refused(), []string{"arn:aws:iam::333333333302:role/Visitor sts:AssumeRole " + o.site.Role("operator")}; !slices.Equal(got, want) {
		t.Errorf("IAM says no to %v, want %v", got, want)
	}
	o.as("arn:aws:iam::333333333302:user/Visitor", "")
	o.shows(findings, "switches PROD", `no person's session of a role; sign in as yourself`)
	o.cloud.Put(platform.OperateURL(o.site), "http://collector.example/")
	o.as(o.site.Role("operator"), "olu@meridian.example")
	o.shows(findings, "switches PROD", `is no address`)
	o.Setenv("AWS_ACCESS_KEY_ID", "nobody's")
	o.shows(findings, "switches PROD", `AWS credentials|sign in as yourself`)
}

func TestAMistypedInterventionAsksNothing(t *testing.T) {
	o := newOffice(t)
	o.as(o.e.Operations.Operators[0], "olu@meridian.example")
	for line, want := range map[string]string{
		"stop PROD":                                                    `usage: remit stop`,
		"stop lane loan-processor --why x PROD":                        `a lane is named agent/lane`,
		"stop user ana --why x PROD":                                   `named with --tenant`,
		"stop tool pull_credit_report PROD":                            `--why REASON`,
		"stop everything x --why x PROD":                               `lane\|tool\|user\|execution`,
		"resume execution e-1 --why x --until 2h PROD":                 `stays stopped`,
		"resume tool pull_credit_report --why x PROD":                  `--until when it ends`,
		"resume tool pull_credit_report --until 2h PROD":               `--why says the reason`,
		"resume tool pull_credit_report --why x --until tomorrow PROD": `neither a duration`,
		"resume tool pull_credit_report --why x --until -2h PROD":      `that is over`,
		"resume tool pull_credit_report --why x --until 2000h PROD":    `at most 168h0m0s`,
		"raise e-1 tool_calls five --why x --until 2h PROD":            `"five" is no number`,
		"approve --env prod":                                           `whoever asked was told it`,
		"budget show ana PROD":                                         `budget show USER --tenant TENANT`,
		"switches " + declared:                                         `which environment`,
		"switches --env nowhere " + declared:                           `no environment is called "nowhere"`,
	} {
		o.shows(misuse, line, want)
	}
	if asked := o.cloud.Calls(); len(asked) > 0 {
		t.Errorf("something was asked of AWS: %v", asked)
	}
	o.shows(clean, "stop tool pul_credit_report --why x PROD", `the declaration of prod has no tool pul_credit_report`)
}

func TestAnEnvironmentWithoutOperationsSaysHowToDeclareThem(t *testing.T) {
	var out, err bytes.Buffer
	if got := run(strings.Fields("stop tool x --why y --env live ../../test/third"), &out, &err); got != findings || !strings.Contains(err.String(), "declares no operations") {
		t.Errorf("exit %d, %s%s", got, out.String(), err.String())
	}
}
