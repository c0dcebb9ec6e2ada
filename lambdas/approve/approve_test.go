package approve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"remit/identity"
	"remit/lambdas/gateway"
	"remit/lambdas/login"
	"remit/lambdas/sealing"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

const (
	ourURL     = "https://door.acme.example"
	companyURL = "https://login.acme.example"
	proposal   = `{"amount":5,"note":"\u003cb\u003e\"late\"\u003c/b\u003e","order":"O-1"}`
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lane = terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}
	ana  = terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}
)

// keys are made once: an RSA key takes longer than any test.
var keys = sync.OnceValues(func() (company, ours *identity.LocalSigner) {
	company, err := identity.NewLocalSigner(identity.RS256)
	if err != nil {
		panic(err)
	}
	ours, err = identity.NewLocalSigner(identity.ES256)
	if err != nil {
		panic(err)
	}
	return company, ours
})

// desk is where ana approves: over HTTP behind it, the lane's own gateway and one tool that
// counts its runs.
type desk struct {
	*Approvals
	ledger  *ledger.Ledger
	store   *ledger.Memory
	gateway *gateway.Gateway
	web     *httptest.Server
	lanes   lanes
	company *identity.LocalSigner
	at      time.Time

	mu    sync.Mutex
	ran   []string // the arguments of each run of the tool
	notes []string
}

type lanes []policy.Registration

func (l lanes) Lanes(context.Context) ([]policy.Registration, error) { return l, nil }

type anything struct{}

func (anything) Validate(any) error { return nil }

func newDesk(t testing.TB) *desk {
	t.Helper()
	company, ours := keys()
	d := &desk{company: company, at: noon, store: &ledger.Memory{}}
	d.ledger = &ledger.Ledger{Store: d.store}
	d.own(t, "north")
	sealer, now := sealing.Sealer{Keys: sealing.NewLocal()}, func() time.Time { return d.at }
	note := func(reference, why string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.notes = append(d.notes, reference+": "+why)
	}
	d.gateway = &gateway.Gateway{Bundle: bundle(t), Digest: terms.Digest("sha256:" + strings.Repeat("0", 64)), Ledger: d.ledger, Sealer: sealer, Note: note, Now: now,
		Schemas: map[string]gateway.Schema{"refund_order": anything{}},
		Verifier: verifier(t, ours, identity.Issuer{URL: ourURL, Kind: identity.KindDelegation, Audiences: []string{lane.String()},
			Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"}})}
	d.web = httptest.NewServer(http.HandlerFunc(d.mcp))
	t.Cleanup(d.web.Close)
	other := lane
	other.Name = "trial"
	d.lanes = lanes{{Lane: other, Gateway: d.web.URL + "/nowhere", Caps: map[string]int64{policy.Cost: 100}}, {Lane: lane, Gateway: d.web.URL, Callers: []string{"lead"}, Purposes: []string{"ordering"}, Seconds: 60, Caps: map[string]int64{policy.Cost: 100}}}
	d.Approvals = &Approvals{
		Issuer: ourURL, Ledger: d.ledger, Sealer: sealer, Lanes: &d.lanes, Signer: ours, Gateway: OverHTTP{d.web.Client()}, Note: note, Now: now,
		Entrance: policy.Entrance{Day: "UTC", UserDay: 500, TenantDay: 1000, Login: policy.Login{Issuer: companyURL}, Approvals: &policy.Approvals{Audience: "approvals"}},
		Login: verifier(t, company, identity.Issuer{URL: companyURL, Kind: identity.KindLogin, Audiences: []string{"approvals", "agents"}, Algorithms: []identity.Algorithm{identity.RS256},
			Types: []string{"at+jwt"}, Mapping: &identity.Mapping{User: "sub", Tenant: "org", Roles: "groups", Map: map[string]string{"clerks": "clerk", "leads": "lead"}}}),
	}
	return d
}

func verifier(t testing.TB, of *identity.LocalSigner, i identity.Issuer) *identity.Verifier {
	t.Helper()
	set, err := identity.JWKS(of.Public())
	if err != nil {
		t.Fatal(err)
	}
	i.Keys, i.MaxAge = identity.KeySource{Fixed: set}, 12*time.Hour
	v, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{i}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// own makes a tenant the owner of the order that is to be refunded.
func (d *desk) own(t testing.TB, tenant string) {
	t.Helper()
	if err := d.store.Apply(ctx, rand.Text(), []ledger.Op{{Key: ledger.OwnerKey("orders", "O-1"), Put: ledger.Item{"tenant": {S: tenant}}}}); err != nil {
		t.Fatal(err)
	}
}

func bundle(t testing.TB) *policy.Bundle {
	t.Helper()
	b := policy.Bundle{Format: policy.Format, Lane: lane, Day: "UTC", Callers: []string{"lead", "clerk"}, Purposes: []string{"ordering"}, Constraints: []policy.Constraint{},
		Tools: map[string]*policy.Tool{"refund_order": {Target: "refund-order", Access: terms.Write, DataClass: "OPEN", Callers: []string{"lead"}, Input: json.RawMessage(`{}`), Allow: []string{"$.state"},
			Datum: &policy.Datum{Directory: "orders", Argument: "order"}, Confirmation: &policy.Confirmation{Seconds: 900}, Once: &policy.Once{Key: []string{"order"}, Seconds: 3600}}}}
	text, err := b.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// mcp is the lane's gateway over HTTP, in AgentCore's order, with the tool behind it.
func (d *desk) mcp(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	var e gateway.Event
	e.MCP.GatewayRequest = &gateway.Message{Method: r.Method, Headers: map[string]string{"Authorization": r.Header.Get("Authorization")}, Body: body}
	before := d.gateway.Request(r.Context(), e)
	e.MCP.GatewayResponse = before.MCP.Response
	if before.MCP.Request != nil {
		e.MCP.GatewayResponse = d.tool(before.MCP.Request)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.gateway.Response(r.Context(), e).MCP.Response.Body)
}

func (d *desk) tool(request *gateway.Message) *gateway.Message {
	var m struct {
		Params struct{ Arguments json.RawMessage }
	}
	_ = json.Unmarshal(request.Body, &m)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ran = append(d.ran, string(m.Params.Arguments))
	return &gateway.Message{StatusCode: 200, Body: json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":{"content":[],"structuredContent":{"state":"refunded, run %d","card":"4111"}}}`, len(d.ran)))}
}

// login is a user's own token as the company writes it, with some claims changed.
func (d *desk) login(t testing.TB, user string, changed map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": companyURL, "aud": "approvals", "client_id": "desk", "sub": user, "org": "north", "groups": []string{"leads"}, "iat": d.at.Unix(), "exp": d.at.Add(time.Hour).Unix()}
	maps.Copy(claims, changed)
	kid, alg := d.company.Key()
	signed := part(t, map[string]any{"alg": alg, "kid": kid, "typ": "at+jwt"}) + "." + part(t, claims)
	signature, _, err := d.company.Sign(ctx, sha256.Sum256([]byte(signed)))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// proposed has ana's agent propose a refund, and answers its id and the agent's own token.
func (d *desk) proposed(t testing.TB) (id, agent string) {
	t.Helper()
	return d.proposing(t, proposal)
}

func (d *desk) proposing(t testing.TB, arguments string) (id, agent string) {
	t.Helper()
	_, err := d.ledger.Open(ctx, ledger.Admission{Execution: "ex-proposing", User: ana, Lane: lane, Purpose: "ordering", At: d.at, Deadline: d.at.Add(time.Minute),
		Caps: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 9}, {Limit: ledger.CostLimit, Take: 0}}})
	if err != nil {
		t.Fatal(err)
	}
	agent, err = identity.Mint(ctx, d.Signer, identity.Delegation{Issuer: ourURL, User: ana, Lane: lane, Execution: "ex-proposing", Purpose: "ordering", Deadline: d.at.Add(time.Hour)}, d.at)
	if err != nil {
		t.Fatal(err)
	}
	text, err := d.Gateway.Call(ctx, d.web.URL, agent, "refund-order___refund_order", json.RawMessage(arguments))
	var result struct {
		StructuredContent struct{ Status, Confirmation string }
	}
	if err := errors.Join(err, json.Unmarshal(text, &result)); err != nil || result.StructuredContent.Status != "pending" || len(d.ran) != 0 {
		t.Fatalf("a refund was to wait: %s, %v, ran %v; %v", text, err, d.ran, d.notes)
	}
	return result.StructuredContent.Confirmation, agent
}

func (d *desk) status(t testing.TB, id string) ledger.ConfirmationStatus {
	t.Helper()
	c, err := d.ledger.Confirmation(ctx, ana, id)
	if err != nil {
		t.Fatal(err)
	}
	return c.Status
}

func TestAnApprovedCallRunsExactlyAsItWasShownAndOnce(t *testing.T) {
	d := newDesk(t)
	id, agent := d.proposed(t)
	d.at = d.at.Add(10 * time.Minute) // the execution that proposed is long over
	login := d.login(t, "ana", nil)
	list, err := d.List(ctx, login)
	if want := fmt.Sprint([]Waiting{{id, "helper", "refund_order", json.RawMessage(proposal), []Argument{{"amount", "5"}, {"note", `"<b>\"late\"</b>"`}, {"order", `"O-1"`}}, noon.Add(15 * time.Minute)}}); err != nil || fmt.Sprint(list) != want {
		t.Fatalf("ana sees %v, want %v, %v", list, want, err)
	}
	result, err := d.Approve(ctx, login, id)
	if err != nil || !strings.Contains(string(result), "refunded, run 1") || strings.Contains(string(result), "4111") {
		t.Fatalf("ana is told %s, %v; %v", result, err, d.notes)
	}
	for range 3 {
		if result, err := d.Approve(ctx, login, id); err == nil {
			t.Errorf("approved again: %s", result)
		}
	}
	if len(d.ran) != 1 || d.ran[0] != string(list[0].Arguments) {
		t.Errorf("ana was shown %s once and the tool ran with %v", list[0].Arguments, d.ran)
	}
	c, err := d.ledger.Confirmation(ctx, ana, id)
	if err != nil || c.Status != ledger.ConfirmationDone {
		t.Fatalf("%+v, %v", c, err)
	}
	x, err := d.ledger.Execution(ctx, c.Execution)
	if err != nil || x.Open || x.Approval != id || x.Purpose != "ordering" || !maps.Equal(x.Caps, map[string]int64{policy.Cost: 100, policy.ToolCalls: 1}) || x.Counts != (ledger.Counts{Intents: 1, Outcomes: 1}) {
		t.Errorf("the one-call execution stands as %+v, %v", x, err)
	}
	if b, err := d.ledger.Budget(ctx, ana, "2026-11-23"); err != nil || b.User[ledger.CostLimit] != 0 || b.Tenant != 0 {
		t.Errorf("a refund costs nothing, and the day gave %+v, %v", b, err)
	}
	d.at = noon.Add(30 * time.Second) // the agent asks again, in its own execution
	again, err := d.Gateway.Call(ctx, d.web.URL, agent, "refund-order___refund_order", json.RawMessage(proposal))
	if err != nil || !strings.Contains(string(again), "refunded, run 1") || len(d.ran) != 1 {
		t.Errorf("the agent is told %s, %v, and the tool ran %d times", again, err, len(d.ran))
	}
}

func TestNobodyButItsUserNowApprovesWhatWaits(t *testing.T) {
	pending := ledger.ConfirmationPending
	for name, c := range map[string]struct {
		attack func(t *testing.T, d *desk, id, agent string) (token, approved string)
		left   ledger.ConfirmationStatus // how it stands afterwards
	}{
		"another user": {func(t *testing.T, d *desk, id, _ string) (string, string) { return d.login(t, "eve", nil), id }, pending},
		"the same name in another tenant": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"org": "south"}), id
		}, pending},
		"the agent that proposed": {func(_ *testing.T, _ *desk, id, agent string) (string, string) { return agent, id }, pending},
		"an application's login": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"aud": "agents"}), id
		}, pending},
		"a login that another application asked for": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.Entrance.Approvals = &policy.Approvals{Audience: "approvals", Client: "page"}
			d.Provider = &login.Provider{}
			return d.login(t, "ana", nil), id
		}, pending},
		"an old login": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"iat": noon.Add(-Recent - time.Second).Unix()}), id
		}, pending},
		"an expired login": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"iat": noon.Add(-4 * time.Minute).Unix(), "exp": noon.Add(-2 * time.Minute).Unix()}), id
		}, pending},
		"a login of tomorrow": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"iat": noon.Add(24 * time.Hour).Unix(), "exp": noon.Add(25 * time.Hour).Unix()}), id
		}, pending},
		"nobody":            {func(_ *testing.T, _ *desk, id, _ string) (string, string) { return "", id }, pending},
		"an unknown id":     {func(t *testing.T, d *desk, _, _ string) (string, string) { return d.login(t, "ana", nil), "cf-none" }, pending},
		"a part of the id":  {func(t *testing.T, d *desk, id, _ string) (string, string) { return d.login(t, "ana", nil), id[:10] }, pending},
		"an id and another": {func(t *testing.T, d *desk, id, _ string) (string, string) { return d.login(t, "ana", nil), id + "#x" }, pending},
		"the lane is gone": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.lanes = nil
			return d.login(t, "ana", nil), id
		}, pending},
		"another lane took its place": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.lanes = d.lanes[:1]
			return d.login(t, "ana", nil), id
		}, pending},
		"the lane is stopped": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			if _, err := d.ledger.Stop(ctx, ledger.Switch{Kind: ledger.SwitchLane, Name: lane.String(), Who: "op", Why: "a test", At: d.at}); err != nil {
				t.Fatal(err)
			}
			return d.login(t, "ana", nil), id
		}, pending},
		"the day is used up": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.Entrance.UserDay = 99
			return d.login(t, "ana", nil), id
		}, pending},
		"it has expired": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.at = noon.Add(15 * time.Minute)
			return d.login(t, "ana", nil), id
		}, pending}, // until the sweep ends it
		"it was rejected": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			if err := d.Reject(ctx, d.login(t, "ana", nil), id); err != nil {
				t.Fatal(err)
			}
			return d.login(t, "ana", nil), id
		}, ledger.ConfirmationRejected},
		"the bundle has changed": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.gateway.Digest = terms.Digest("sha256:" + strings.Repeat("1", 64))
			return d.login(t, "ana", nil), id
		}, pending},
		"ana lost the role": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			return d.login(t, "ana", map[string]any{"groups": []string{"clerks"}}), id
		}, pending},
		"the order changed hands": {func(t *testing.T, d *desk, id, _ string) (string, string) {
			d.own(t, "south")
			return d.login(t, "ana", nil), id
		}, pending},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			id, agent := d.proposed(t)
			token, approved := c.attack(t, d, id, agent)
			result, err := d.Approve(ctx, token, approved)
			if err == nil || result != nil || len(d.ran) != 0 {
				t.Errorf("it ran %v and answered %s", d.ran, result)
			}
			if got := d.status(t, id); got != c.left {
				t.Errorf("it is %s afterwards, want %s", got, c.left)
			}
			if b, err := d.ledger.Budget(ctx, ana, "2026-11-23"); err != nil || b.User[ledger.CostLimit] != 0 {
				t.Errorf("nothing ran, and the day gave %+v, %v", b, err)
			}
		})
	}
}

func TestACallThatTheGatewayDidNotTakeIsApprovedAgainAndRunsOnce(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	d.own(t, "south") // for a moment, while records are mended
	if _, err := d.Approve(ctx, d.login(t, "ana", nil), id); err == nil {
		t.Fatal("it ran for an order of another tenant")
	}
	d.own(t, "north")
	if result, err := d.Approve(ctx, d.login(t, "ana", nil), id); err != nil || len(d.ran) != 1 {
		t.Errorf("mended, it is used up: %s, %v; ran %v", result, err, d.ran)
	}
	if _, err := d.Approve(ctx, d.login(t, "ana", nil), id); err == nil || len(d.ran) != 1 {
		t.Errorf("once more, and it ran %v", d.ran)
	}
}

func TestOfManyApprovalsAtOnceOneRuns(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	login, ok := d.login(t, "ana", nil), make(chan bool, 16)
	var all sync.WaitGroup
	for range cap(ok) {
		all.Go(func() { _, err := d.Approve(ctx, login, id); ok <- err == nil })
	}
	all.Wait()
	close(ok)
	succeeded := 0
	for one := range ok {
		if one {
			succeeded++
		}
	}
	if succeeded != 1 || len(d.ran) != 1 {
		t.Errorf("%d of 16 clicks were told that it ran, and it ran %d times", succeeded, len(d.ran))
	}
}

// leaving is a gateway whose user closes the browser while the call runs.
type leaving struct {
	Gateway
	leave func()
}

func (l leaving) Call(ctx context.Context, url, token, tool string, arguments json.RawMessage) (json.RawMessage, error) {
	defer l.leave()
	return l.Gateway.Call(ctx, url, token, tool, arguments)
}

func TestTheOneCallExecutionClosesThoughTheUserHasLeft(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	leavable, leave := context.WithCancel(ctx)
	d.Gateway = leaving{d.Gateway, leave}
	_, _ = d.Approve(leavable, d.login(t, "ana", nil), id)
	c, err := d.ledger.Confirmation(ctx, ana, id)
	if err != nil || c.Execution == "" || len(d.ran) != 1 {
		t.Fatalf("%+v, %v, ran %v", c, err, d.ran)
	}
	if x, err := d.ledger.Execution(ctx, c.Execution); err != nil || x.Open {
		t.Errorf("the browser is closed, and the day stays taken: %+v, %v", x, err)
	}
}

// broken is a signer whose key service does not answer.
type broken struct{ identity.Signer }

func (broken) Sign(context.Context, [32]byte) ([]byte, string, error) {
	return nil, "", errors.New("the key service does not answer")
}

func TestAnApprovalThatCannotBeSignedWaitsOn(t *testing.T) {
	d := newDesk(t)
	id, _ := d.proposed(t)
	signer := d.Signer
	d.Signer = broken{signer}
	if _, err := d.Approve(ctx, d.login(t, "ana", nil), id); err == nil || errors.Is(err, ErrRefused) || len(d.ran) != 0 {
		t.Fatalf("without a signature: %v, ran %v", err, d.ran)
	}
	if got := d.status(t, id); got != ledger.ConfirmationPending {
		t.Errorf("ana approved, nothing ran, and what she approved is %s: nobody can ever run it", got)
	}
	d.Signer = signer
	if _, err := d.Approve(ctx, d.login(t, "ana", nil), id); err != nil || len(d.ran) != 1 {
		t.Errorf("when keys are back: %v, ran %v", err, d.ran)
	}
}

func TestApprovalsWithAPartMissingShowAndDecideNothing(t *testing.T) {
	for name, remove := range map[string]func(*Approvals){
		"everything": func(a *Approvals) { *a = Approvals{} }, "the audience": func(a *Approvals) { a.Entrance.Approvals = &policy.Approvals{} }, "their declaration": func(a *Approvals) { a.Entrance.Approvals = nil },
		"where its client logs in": func(a *Approvals) { a.Entrance.Approvals = &policy.Approvals{Audience: "approvals", Client: "desk"} },
		"our own URL":              func(a *Approvals) { a.Issuer = "" },
		"the login":                func(a *Approvals) { a.Login = nil }, "the ledger": func(a *Approvals) { a.Ledger = nil }, "the sealer": func(a *Approvals) { a.Sealer = nil },
		"the lanes": func(a *Approvals) { a.Lanes = nil }, "the signer": func(a *Approvals) { a.Signer = nil }, "the gateway": func(a *Approvals) { a.Gateway = nil },
		"the notes": func(a *Approvals) { a.Note = nil }, "the clock": func(a *Approvals) { a.Now = nil },
	} {
		d := newDesk(t)
		id, _ := d.proposed(t)
		login := d.login(t, "ana", nil)
		remove(d.Approvals)
		list, err := d.List(ctx, login)
		result, also := d.Approve(ctx, login, id)
		if !errors.Is(err, ErrRefused) || !errors.Is(also, ErrRefused) || !errors.Is(d.Reject(ctx, login, id), ErrRefused) || list != nil || result != nil {
			t.Errorf("without %s: %v %v, %s %v", name, list, err, result, also)
		}
		if d.status(t, id) != ledger.ConfirmationPending || len(d.ran) != 0 {
			t.Errorf("without %s it is %s and ran %v", name, d.status(t, id), d.ran)
		}
	}
}

func TestEachUserSeesAndRejectsTheirOwn(t *testing.T) {
	d := newDesk(t)
	id, agent := d.proposed(t)
	for name, token := range map[string]string{"another user": d.login(t, "eve", nil), "another tenant": d.login(t, "ana", map[string]any{"org": "south"})} {
		if list, err := d.List(ctx, token); err != nil || len(list) != 0 {
			t.Errorf("%s sees %v, %v", name, list, err)
		}
		if err := d.Reject(ctx, token, id); err == nil {
			t.Errorf("%s rejected it", name)
		}
	}
	if list, err := d.List(ctx, agent); err == nil {
		t.Errorf("the agent sees %v", list)
	}
	if err := d.Reject(ctx, agent, id); err == nil || d.status(t, id) != ledger.ConfirmationPending {
		t.Errorf("the agent rejected it: %v, %s", err, d.status(t, id))
	}
	if err := d.Reject(ctx, d.login(t, "ana", nil), id); err != nil || d.status(t, id) != ledger.ConfirmationRejected {
		t.Errorf("ana rejected it: %v, %s", err, d.status(t, id))
	}
	c, err := d.ledger.Confirmation(ctx, ana, id)
	if err != nil || len(c.Sealed) != 0 {
		t.Errorf("rejected, and its arguments are still kept: %+v, %v", c, err)
	}
	if list, err := d.List(ctx, d.login(t, "ana", nil)); err != nil || len(list) != 0 {
		t.Errorf("rejected, and it still waits: %v, %v", list, err)
	}
}
