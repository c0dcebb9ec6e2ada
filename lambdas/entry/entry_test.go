package entry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

const (
	ourURL     = "https://door.acme.example"
	companyURL = "https://login.acme.example"
)

var (
	stable = terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}
	trial  = terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "trial"}
	ana    = terms.User{ID: "ana", Tenant: "north", Roles: []string{"clerk"}}
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

// watched is a store that can be down, and that keeps every byte it was sent.
type watched struct {
	ledger.Memory
	mu   sync.Mutex
	down bool
	sent bytes.Buffer
}

func (s *watched) Apply(ctx context.Context, token string, ops []ledger.Op) error {
	s.mu.Lock()
	down := s.down
	_ = json.NewEncoder(&s.sent).Encode(ops)
	s.mu.Unlock()
	if down {
		return ledger.ErrUnavailable
	}
	return s.Memory.Apply(ctx, token, ops)
}

// agents plays the runtime: it answers as a test tells it, and keeps what it was shown.
type agents struct {
	answer func(context.Context, Invocation) (Answer, error)

	mu      sync.Mutex
	invoked []Invocation
	stopped []terms.ExecutionID
	ended   chan terms.ExecutionID
}

func (a *agents) Invoke(ctx context.Context, i Invocation) (Answer, error) {
	a.mu.Lock()
	a.invoked = append(a.invoked, i)
	a.mu.Unlock()
	return a.answer(ctx, i)
}

func (a *agents) Stop(ctx context.Context, _ policy.Registration, session terms.ExecutionID) error {
	if err := ctx.Err(); err != nil {
		return err // a call to AWS would fail with it
	}
	a.mu.Lock()
	a.stopped = append(a.stopped, session)
	a.mu.Unlock()
	a.ended <- session
	return nil
}

func saying(text string) func(context.Context, Invocation) (Answer, error) {
	return func(context.Context, Invocation) (Answer, error) {
		return Answer{"text/plain", io.NopCloser(strings.NewReader(text))}, nil
	}
}

// lanes are what registered, or why nobody knows.
type lanes struct {
	list []policy.Registration
	err  error
}

func (l *lanes) Lanes(context.Context) ([]policy.Registration, error) { return l.list, l.err }

// broken is a signer whose key service does not answer.
type broken struct{ identity.Signer }

func (broken) Sign(context.Context, [32]byte) ([]byte, string, error) {
	return nil, "", errors.New("the key service does not answer")
}

// house is the front door of one environment with everything behind it.
type house struct {
	*Entry
	store   *watched
	ledger  *ledger.Ledger
	agents  *agents
	lanes   *lanes
	vendor  *vendor
	notes   map[string]string
	company *identity.LocalSigner
	at      time.Time
	ticks   chan time.Time
}

// newHouse opens a door whose clock stands still, but near the true time: what a request may
// take is timed by the machine.
func newHouse(t testing.TB) *house {
	t.Helper()
	company, ours := keys()
	h := &house{store: &watched{}, notes: map[string]string{}, company: company, at: time.Now().UTC().Truncate(time.Second), vendor: &vendor{}, ticks: make(chan time.Time)}
	h.ledger = &ledger.Ledger{Store: h.store, Zone: "America/New_York"}
	h.agents = &agents{answer: saying("done"), ended: make(chan terms.ExecutionID, 8)}
	h.lanes = &lanes{list: []policy.Registration{registered(stable)}}
	var mu sync.Mutex
	h.Entry = &Entry{
		Entrance: policy.Entrance{Format: policy.Format, Platform: "acme", Environment: "test", Day: "America/New_York", Login: policy.Login{Issuer: companyURL, Audience: "agents"},
			Applications: []string{"desk"}, UserDay: 500, TenantDay: 1000},
		Issuer: ourURL, Login: logins(t, company), Agents: delegations(t, ours), Lanes: h.lanes, Ledger: h.ledger, Signer: ours, Runtime: h.agents, Vendor: h.vendor,
		Note:  func(reference, why string) { mu.Lock(); defer mu.Unlock(); h.notes[reference] = why },
		Now:   func() time.Time { return h.at },
		Looks: func() (<-chan time.Time, func()) { return h.ticks, func() {} },
	}
	return h
}

func registered(lane terms.Lane) policy.Registration {
	return policy.Registration{
		Lane: lane, Runtime: "arn:aws:bedrock-agentcore:eu-west-1:111111111111:runtime/helper", Endpoint: lane.Name, Gateway: "https://gateway.example/" + lane.Name + "/mcp",
		Callers: []string{"clerk", "lead"}, Purposes: []string{"ordering"}, Seconds: 60, Caps: map[string]int64{policy.Cost: 200, policy.ToolCalls: 20},
	}
}

func verifier(t testing.TB, i identity.Issuer, of *identity.LocalSigner) *identity.Verifier {
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

func logins(t testing.TB, company *identity.LocalSigner) *identity.Verifier {
	return verifier(t, identity.Issuer{URL: companyURL, Kind: identity.KindLogin, Audiences: []string{"agents"}, Algorithms: []identity.Algorithm{identity.RS256}, Types: []string{"at+jwt"},
		Mapping: &identity.Mapping{User: "sub", Tenant: "org", Roles: "groups", Map: map[string]string{"clerks": "clerk", "leads": "lead"}}}, company)
}

func delegations(t testing.TB, ours *identity.LocalSigner) *identity.Verifier {
	return verifier(t, identity.Issuer{URL: ourURL, Kind: identity.KindDelegation, Audiences: []string{stable.String(), trial.String(), identity.ModelAudience(stable), identity.ModelAudience(trial)},
		Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"}}, ours)
}

// loginOf is a user's own token as the company's identity provider writes it, with some
// claims changed; nil leaves one out.
func (h *house) loginOf(t testing.TB, user terms.User, changed map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": companyURL, "aud": "agents", "client_id": "desk", "sub": user.ID, "org": user.Tenant, "groups": []string{"clerks", "everyone"},
		"iat": h.at.Unix(), "exp": h.at.Add(time.Hour).Unix(), "jti": "j-" + user.ID,
	}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	kid, alg := h.company.Key()
	signed := part(t, map[string]any{"alg": alg, "kid": kid, "typ": "at+jwt"}) + "." + part(t, claims)
	signature, _, err := h.company.Sign(context.Background(), sha256.Sum256([]byte(signed)))
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

var ordering = Asked{Agent: "helper", Purpose: "ordering"}

func (h *house) opened(t testing.TB, user terms.User) Opened {
	t.Helper()
	o, err := h.Open(context.Background(), "ref", h.loginOf(t, user, nil), ordering)
	if err != nil {
		t.Fatalf("a clerk may not order: %v %v", err, h.notes)
	}
	return o
}

// taken is what of the user's and the tenant's day is gone, in MicroUSD.
func (h *house) taken(t testing.TB, user terms.User) [2]int64 {
	t.Helper()
	b, err := h.ledger.Budget(context.Background(), user, ledger.DayOf(h.at, "America/New_York"))
	if err != nil {
		t.Fatal(err)
	}
	return [2]int64{b.User[ledger.CostLimit], b.Tenant}
}

func TestAnExecutionTakesFromTheDayAndItsTokenIsForItAlone(t *testing.T) {
	h := newHouse(t)
	o := h.opened(t, ana)
	claims, err := h.Agents.Verify(context.Background(), o.Token, stable.String(), h.at)
	if err != nil {
		t.Fatal(err)
	}
	if len(claims.JTI) < 20 || len(o.Execution) < 33 {
		t.Errorf("token id %q and execution %q can be guessed, or AgentCore refuses the session", claims.JTI, o.Execution)
	}
	claims.JTI = ""
	if got, want := fmt.Sprintf("%+v", claims), fmt.Sprintf("%+v", identity.Claims{
		Issuer: ourURL, Audience: stable.String(), User: ana, Lane: stable, Execution: o.Execution, Purpose: "ordering", IssuedAt: h.at, Expires: h.at.Add(time.Minute + identity.DefaultMargin),
	}); got != want {
		t.Errorf("the agent's token says\n%s, want\n%s", got, want)
	}
	x, err := h.ledger.Execution(context.Background(), o.Execution)
	if got, want := fmt.Sprintf("%+v", x), fmt.Sprintf("%+v", ledger.Execution{
		ID: o.Execution, Open: true, User: ana, Lane: stable, Purpose: "ordering", Deadline: h.at.Add(time.Minute),
		Caps: map[string]int64{policy.Cost: 200, policy.ToolCalls: 20}, Used: map[string]int64{policy.Cost: 0, policy.ToolCalls: 0},
	}); err != nil || got != want {
		t.Errorf("the ledger holds\n%s, want\n%s, %v", got, want, err)
	}
	if taken := h.taken(t, ana); taken != [2]int64{200, 200} {
		t.Errorf("the days of user and tenant gave %v, and one execution may cost 200", taken)
	}
	if second := h.opened(t, ana); second.Execution == o.Execution {
		t.Error("two executions share an id, so one spends the other's limits")
	}
}

func TestADoorWithAPartMissingIsClosed(t *testing.T) {
	for name, remove := range map[string]func(*Entry){
		"everything":      func(e *Entry) { *e = Entry{} },
		"the login":       func(e *Entry) { e.Login = nil },
		"the lanes":       func(e *Entry) { e.Lanes = nil },
		"the ledger":      func(e *Entry) { e.Ledger = nil },
		"the signer":      func(e *Entry) { e.Signer = nil },
		"the runtime":     func(e *Entry) { e.Runtime = nil },
		"the clock":       func(e *Entry) { e.Now = nil },
		"our own URL":     func(e *Entry) { e.Issuer = "" },
		"the notes":       func(e *Entry) { e.Note = nil },
		"an application":  func(e *Entry) { e.Entrance.Applications = nil },
		"the whole rules": func(e *Entry) { e.Entrance = policy.Entrance{} },
	} {
		h := newHouse(t)
		login, inside := h.loginOf(t, ana, nil), h.opened(t, ana)
		remove(h.Entry)
		if _, err := h.Open(context.Background(), "ref", login, ordering); !errors.Is(err, ErrRefused) {
			t.Errorf("without %s the door opened: %v", name, err)
		}
		for _, ask := range []string{"POST /executions", "DELETE /executions/" + string(inside.Execution)} {
			if got := h.ask(t, ask, login, `{"agent":"helper","purpose":"ordering"}`); got.Code != 403 {
				t.Errorf("without %s %s was answered %d %s", name, ask, got.Code, got.Body)
			}
		}
		if taken := h.taken(t, ana); taken != [2]int64{200, 200} || len(h.agents.invoked) != 0 {
			t.Errorf("without %s the days gave %v, and %d agents ran", name, taken, len(h.agents.invoked))
		}
	}
}

func TestAUserWhoseDayIsUsedUpIsTurnedAwayAndTheOtherTenantIsNot(t *testing.T) {
	h := newHouse(t)
	for range 2 {
		h.opened(t, ana)
	}
	_, err := h.Open(context.Background(), "ref", h.loginOf(t, ana, nil), ordering)
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.What != "user/cost" || refusal.Left != 100 {
		t.Fatalf("ana has 100 left of a day and an execution may cost 200: %v", err)
	}
	for _, user := range []string{"ben", "cas", "dan"} { // 400 of the tenant's 1000 are ana's
		h.opened(t, terms.User{ID: user, Tenant: "north"})
	}
	if _, err := h.Open(context.Background(), "ref", h.loginOf(t, terms.User{ID: "eli", Tenant: "north"}, nil), ordering); !errors.As(err, &refusal) || refusal.What != "tenant/cost" {
		t.Errorf("the tenant's day is used up and another user of it opened one: %v", err)
	}
	h.opened(t, terms.User{ID: "ana", Tenant: "south"}) // the same id is somebody else there
}

func TestWhatWasTakenIsGivenBackWhenNoTokenCanBeMinted(t *testing.T) {
	h := newHouse(t)
	h.Signer = broken{h.Signer}
	ctx, cancel := context.WithCancel(context.Background())
	h.Entry.Ledger = leaving{h.ledger, cancel} // the client leaves at the worst moment
	o, err := h.Open(ctx, "ref", h.loginOf(t, ana, nil), ordering)
	if err == nil || errors.Is(err, ErrRefused) || o.Token != "" {
		t.Fatalf("without a signature: %+v, %v", o, err)
	}
	if taken := h.taken(t, ana); taken != [2]int64{} {
		t.Errorf("nobody has an execution, and the days gave %v", taken)
	}
}

// leaving is a ledger whose client goes away once an execution is open.
type leaving struct {
	*ledger.Ledger
	leave func()
}

func (l leaving) Open(ctx context.Context, a ledger.Admission) (ledger.Execution, error) {
	x, err := l.Ledger.Open(ctx, a)
	l.leave()
	return x, err
}

func TestAUserStaysOnOneLaneAndOnlyInventedDataLetsCallersChoose(t *testing.T) {
	h := newHouse(t)
	other := registered(trial)
	other.Share = 30
	h.lanes.list = append(h.lanes.list, other)
	h.Entrance.UserDay, h.Entrance.TenantDay = 1e9, 1e12
	served := map[string]int{}
	for i := range 100 {
		user := terms.User{ID: fmt.Sprintf("user-%d", i), Tenant: "north"}
		first, again := h.opened(t, user).Lane, h.opened(t, user).Lane
		if first.Lane != again.Lane {
			t.Errorf("%s was served by %s and then by %s", user.ID, first.Lane, again.Lane)
		}
		served[first.Lane.Name]++
	}
	if served["trial"] == 0 || served["trial"] >= served["stable"] {
		t.Errorf("the trial lane is for 30 of 100 users and served %v", served)
	}
	for _, name := range []string{"stable", "trial"} {
		asked := Asked{Agent: "helper", Purpose: "ordering", Lane: name}
		if _, err := h.Open(context.Background(), "ref", h.loginOf(t, ana, nil), asked); !errors.Is(err, ErrRefused) {
			t.Errorf("an application chose lane %s: %v", name, err)
		}
		h.AnyLane = true
		if o, err := h.Open(context.Background(), "ref", h.loginOf(t, ana, nil), asked); err != nil || o.Lane.Lane.Name != name {
			t.Errorf("asked for lane %s over invented data: %+v, %v", name, o.Lane, err)
		}
		h.AnyLane = false
	}
	if other.Share != 30 || h.lanes.list[1].Share != 30 {
		t.Error("choosing a lane changed what is registered")
	}
}

func TestWhatAnExecutionTakesIsItsLanesCapsAndNoOthers(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		caps := rapid.MapOf(rapid.SampledFrom([]string{policy.Cost, policy.ToolCalls, policy.ModelCost, "tokens"}), rapid.Int64Range(0, 1e12)).Draw(t, "caps")
		a := h.admission(Opened{Lane: policy.Registration{Caps: caps}}, ana, "ordering", h.at)
		got := map[string]int64{}
		for _, c := range a.Caps {
			got[c.Limit] = c.Take
		}
		if !maps.Equal(got, caps) || len(a.Caps) != len(caps) {
			t.Fatalf("caps %v became %v", caps, a.Caps)
		}
		if !slices.IsSortedFunc(a.Caps, func(x, y ledger.Amount) int { return strings.Compare(x.Limit, y.Limit) }) {
			t.Fatalf("the same opening would be two different transactions: %v", a.Caps)
		}
		for _, s := range a.Slices {
			if s.Take != caps[policy.Cost] {
				t.Fatalf("the day of the %s gives %d for an execution that may cost %d", s.Of, s.Take, caps[policy.Cost])
			}
		}
	})
}
