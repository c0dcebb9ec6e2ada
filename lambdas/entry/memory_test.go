package entry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/identity"
	"remit/lambdas/session"
	"remit/policy"
	"remit/terms"
)

// vendor gives out one set of credentials, and keeps whom for.
type vendor struct {
	err  error
	gave []Recall
}

var credentials = Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "s3cr3t", Token: "t0k3n", Expiration: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}

func (v *vendor) Vend(_ context.Context, r Recall) (Credentials, error) {
	v.gave = append(v.gave, r)
	return credentials, v.err
}

var notebook = &policy.Remembering{Role: "arn:aws:iam::111111111111:role/memory", Table: "helper-memory", Scope: "tenant"}

// remembering is a house whose agent has a memory, and an execution of ana's there.
func remembering(t testing.TB) (*house, Opened) {
	t.Helper()
	h := newHouse(t)
	h.lanes.list[0].Memory = notebook
	return h, h.opened(t, ana)
}

func memoryOf(id terms.ExecutionID) string { return "POST /executions/" + string(id) + "/memory" }

func TestAnAgentGetsItsOwnUsersMemoryUntilTheDeadline(t *testing.T) {
	h, o := remembering(t)
	w := h.ask(t, memoryOf(o.Execution), o.Token, "")
	want := "{\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"s3cr3t\",\"Token\":\"t0k3n\",\"Expiration\":\"2026-11-23T12:00:00Z\",\"Prefix\":\"TENANT#north#\"}\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if got, want := fmt.Sprint(h.vendor.gave), fmt.Sprint([]Recall{{*notebook, ana, o.Execution, h.at.Add(time.Minute), map[string]string{"tenant": "north"}, "TENANT#north#"}}); got != want {
		t.Errorf("vended for %s, want %s", got, want)
	}
}

// Identity providers put characters into user ids that no session tag takes.
func TestAUserWhoseIdNoTagTakesHasAMemoryOfTheirOwn(t *testing.T) {
	h, _ := remembering(t)
	private := *notebook
	private.Scope = "user"
	h.lanes.list[0].Memory = &private
	odd := terms.User{ID: "auth0|507f1f77", Tenant: "north", Roles: []string{"clerk"}}
	o := h.opened(t, odd)
	if w := h.ask(t, memoryOf(o.Execution), o.Token, ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	got := h.vendor.gave[len(h.vendor.gave)-1]
	tags := map[string]string{"tenant": "north", "user": session.Tag(odd.ID)}
	if !maps.Equal(got.Tags, tags) || got.Prefix != "TENANT#north#USER#"+tags["user"]+"#" || strings.ContainsAny(tags["user"], "|#*$") {
		t.Errorf("vended for %+v", got)
	}
}

func TestNobodyElseGetsAnyMemoryAndCannotTellWhy(t *testing.T) {
	h, o := remembering(t)
	other := h.opened(t, terms.User{ID: "eve", Tenant: "north"})
	closed := h.opened(t, terms.User{ID: "cas", Tenant: "north"})
	if err := h.ledger.Close(context.Background(), closed.Execution, "a test", h.at); err != nil {
		t.Fatal(err)
	}
	minted := func(change func(*identity.Delegation)) string {
		d := identity.Delegation{Issuer: ourURL, User: ana, Lane: stable, Execution: o.Execution, Purpose: "ordering", Deadline: h.at.Add(time.Hour)}
		change(&d)
		raw, err := identity.Mint(context.Background(), h.Signer, d, h.at)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	h.lanes.list = append(h.lanes.list, registered(trial)) // it has no memory that is vended
	h.lanes.list[1].Share = 100
	plain := h.opened(t, terms.User{ID: "dan", Tenant: "north"})
	texts := map[string][]string{}
	for name, c := range map[string]struct {
		id    terms.ExecutionID
		token string
	}{
		"no token":                         {o.Execution, ""},
		"the user's own token":             {o.Execution, h.loginOf(t, ana, nil)},
		"another execution's token":        {o.Execution, other.Token},
		"a path of another execution":      {other.Execution, o.Token},
		"an execution that is closed":      {closed.Execution, closed.Token},
		"an execution nobody opened":       {"ex-none", minted(func(d *identity.Delegation) { d.Execution = "ex-none" })},
		"a token of another user":          {o.Execution, minted(func(d *identity.Delegation) { d.User.ID = "eve" })},
		"a token of another tenant":        {o.Execution, minted(func(d *identity.Delegation) { d.User.Tenant = "south" })},
		"a token of another lane":          {o.Execution, minted(func(d *identity.Delegation) { d.Lane = trial })},
		"a token for something else":       {o.Execution, minted(func(d *identity.Delegation) { d.Audience = "payroll" })},
		"a token of another issuer":        {o.Execution, minted(func(d *identity.Delegation) { d.Issuer = "https://elsewhere.example" })},
		"an agent without vended memory":   {plain.Execution, plain.Token},
		"a lane that is not here any more": {o.Execution, minted(func(d *identity.Delegation) { d.Lane.Name = "gone" })},
	} {
		text, reference := said(t, h.ask(t, memoryOf(c.id), c.token, ""))
		texts[text] = append(texts[text], name)
		if h.notes[reference] == "" {
			t.Errorf("%s: operators find nothing under the reference", name)
		}
	}
	h.at = h.at.Add(time.Minute) // the token lives on; the execution does not
	text, _ := said(t, h.ask(t, memoryOf(o.Execution), o.Token, ""))
	texts[text] = append(texts[text], "an execution past its deadline")
	if len(texts) != 1 || !strings.HasPrefix(slices.Collect(maps.Keys(texts))[0], "403 ") {
		t.Errorf("refusals differ: %v", texts)
	}
	if len(h.vendor.gave) != 0 {
		t.Errorf("somebody got the memory of %+v", h.vendor.gave)
	}
}

func TestATokenOfAnotherLaneOpensNoMemoryOfThisOne(t *testing.T) {
	h, o := remembering(t)
	other := registered(trial)
	other.Memory = notebook
	h.lanes.list = append(h.lanes.list, other)
	raw, err := identity.Mint(context.Background(), h.Signer, identity.Delegation{Issuer: ourURL, User: ana, Lane: trial, Execution: o.Execution, Purpose: "ordering", Deadline: h.at.Add(time.Hour)}, h.at)
	if err != nil {
		t.Fatal(err)
	}
	if w := h.ask(t, memoryOf(o.Execution), raw, ""); w.Code != http.StatusForbidden || len(h.vendor.gave) != 0 {
		t.Errorf("the trial lane got the memory of an execution on the stable one: %d %s", w.Code, w.Body)
	}
}

func TestWhereNothingVendsNoMemoryIsGiven(t *testing.T) {
	for name, remove := range map[string]func(*house){
		"a vendor":             func(h *house) { h.Vendor = nil },
		"a verifier of agents": func(h *house) { h.Agents = nil },
		"a signer":             func(h *house) { h.Signer = nil },
		"any lane":             func(h *house) { h.lanes.list = nil },
	} {
		h, o := remembering(t)
		remove(h)
		if w := h.ask(t, memoryOf(o.Execution), o.Token, ""); w.Code != http.StatusForbidden || len(h.vendor.gave) != 0 {
			t.Errorf("without %s: %d %s, vended %d times", name, w.Code, w.Body, len(h.vendor.gave))
		}
	}
	h, o := remembering(t)
	h.lanes.err = errors.New("the registry at 10.0.0.1 is down") // not the agent's fault: it may ask again
	if text, _ := said(t, h.ask(t, memoryOf(o.Execution), o.Token, "")); !strings.HasPrefix(text, "503 ") || strings.Contains(text, "10.0.0.1") || len(h.vendor.gave) != 0 {
		t.Errorf("with the registry down: %s", text)
	}
	h, o = remembering(t)
	h.vendor.err = errors.New("AccessDenied: role arn:aws:iam")
	text, _ := said(t, h.ask(t, memoryOf(o.Execution), o.Token, ""))
	if !strings.HasPrefix(text, "503 ") || strings.Contains(text, "arn:") || strings.Contains(text, "s3cr3t") {
		t.Errorf("STS refuses, and the agent reads %s", text)
	}
}
