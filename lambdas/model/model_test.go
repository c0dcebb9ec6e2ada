package model

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"remit/identity"
	"remit/lambdas/model/standin"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

const (
	ourURL = "https://door.acme.example"
	claude = "anthropic.claude-x-v1:0"
	other  = "amazon.nova-x-v1:0"
	secret = "the patient is called Ada"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lane = terms.Lane{Platform: "acme", Environment: "test", Agent: "helper", Name: "stable"}
	ana  = terms.User{ID: "ana", Tenant: "north", Roles: []string{"lead"}}
	dear = policy.Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000, CacheWrite: 3_750_000}
)

var signer = sync.OnceValue(func() *identity.LocalSigner {
	s, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		panic(err)
	}
	return s
})

// shop is a broker over a ledger in memory, with an execution that may take 100,000 tokens and
// a dollar. upstream answers; sent is what reached it.
type shop struct {
	*Broker
	ledger *ledger.Ledger
	at     time.Time
	ended  []terms.ExecutionID
	notes  []string
	sent   [][]byte

	upstream func(path string, body []byte) (*http.Response, error)
}

const execution = terms.ExecutionID("helper--stable--X1")

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{at: noon, ledger: &ledger.Ledger{Store: &ledger.Memory{}}}
	s.upstream = func(path string, body []byte) (*http.Response, error) {
		return standin.Upstream{}.Call(ctx, path, http.Header{}, body)
	}
	set, err := identity.JWKS(signer().Public())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{URL: ourURL, Kind: identity.KindDelegation, Audiences: []string{identity.ModelAudience(lane)},
		Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"}, MaxAge: 24 * time.Hour, Keys: identity.KeySource{Fixed: set}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Broker = &Broker{Models: policy.Models{Format: 1, Lane: lane, Prices: map[string]policy.Price{claude: dear, other: {Input: 1_000_000, Output: 4_000_000, CacheRead: 1_000_000, CacheWrite: 1_000_000}}},
		Verifier: verifier, Ledger: s.ledger, Upstream: s, Door: s, Note: func(_, why string) { s.notes = append(s.notes, why) }, Now: func() time.Time { return s.at }}
	_, err = s.ledger.Open(ctx, ledger.Admission{Execution: execution, User: ana, Lane: lane, Purpose: "ordering", At: noon, Deadline: noon.Add(time.Minute),
		Caps: []ledger.Amount{{Limit: ledger.TokensLimit, Take: 100_000}, {Limit: ledger.ModelCostLimit, Take: 1_000_000}, {Limit: ledger.CostLimit, Take: 2_000_000}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) Call(_ context.Context, path string, _ http.Header, body []byte) (*http.Response, error) {
	s.sent = append(s.sent, body)
	return s.upstream(path, body)
}

func (s *shop) End(_ context.Context, id terms.ExecutionID, _ string) error {
	s.ended = append(s.ended, id)
	return nil
}

func (s *shop) token(t testing.TB, change func(*identity.Delegation)) string {
	t.Helper()
	d := identity.Delegation{Issuer: ourURL, User: ana, Lane: lane, Execution: execution, Purpose: "ordering", Audience: identity.ModelAudience(lane), Deadline: s.at.Add(time.Minute)}
	if change != nil {
		change(&d)
	}
	token, err := identity.Mint(ctx, signer(), d, s.at)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask makes one call of a model as the agent does.
func (s *shop) ask(t testing.TB, operation, model, body string) *httptest.ResponseRecorder {
	t.Helper()
	return s.askWith(s.token(t, nil), operation, model, body)
}

func (s *shop) askWith(token, operation, model, body string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodPost, "/model/"+strings.ReplaceAll(model, ":", "%3A")+"/"+operation, strings.NewReader(body)), httptest.NewRecorder()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	s.Handler().ServeHTTP(w, r)
	return w
}

func (s *shop) used(t testing.TB) map[string]int64 {
	t.Helper()
	x, err := s.ledger.Execution(ctx, execution)
	if err != nil {
		t.Fatal(err)
	}
	return x.Used
}

// Requests of 8 bytes: two tokens in, two out.
const (
	inConverse  = `{"messages":[{"role":"user","content":[{"text":"12345678"}]}],"inferenceConfig":{"maxTokens":100}}`
	inAnthropic = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"12345678"}]}`
)

var operations = map[string]string{converse: inConverse, converseStream: inConverse, invoke: inAnthropic, invokeStream: inAnthropic}

// amounts is what an execution has used, all three limits in one.
func amounts(tokens, cost int64) map[string]int64 {
	return map[string]int64{ledger.TokensLimit: tokens, ledger.ModelCostLimit: cost, ledger.CostLimit: cost}
}

func TestACallIsChargedWhatBedrockSaysItUsed(t *testing.T) {
	for operation, body := range operations {
		s := newShop(t)
		w := s.ask(t, operation, claude, body)
		direct, err := standin.Upstream{}.Call(ctx, "/model/x/"+operation, http.Header{}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := io.ReadAll(direct.Body)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), want) || w.Header().Get("Content-Type") != direct.Header.Get("Content-Type") {
			t.Errorf("%s: the agent gets %d %q, Bedrock said %q", operation, w.Code, w.Body, want)
		}
		if got, want := s.used(t), amounts(4, 2*3+2*15); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: used %v, want %v; %v", operation, got, want, s.notes)
		}
	}
}

// F15: whatever is cut, what is charged is never less than what was used, and not more than
// was reserved.
func TestAStreamCutAtAnyByteIsChargedAtItsWorst(t *testing.T) {
	for _, operation := range []string{converseStream, invokeStream} {
		whole, err := standin.Upstream{}.Call(ctx, "/model/x/"+operation, http.Header{}, []byte(operations[operation]))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(whole.Body)
		for cut := range text {
			s := newShop(t)
			s.upstream = func(string, []byte) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: whole.Header, Body: io.NopCloser(bytes.NewReader(text[:cut]))}, nil
			}
			w := s.ask(t, operation, claude, operations[operation])
			tokens := int64(len(s.sent[0])) + overhead + 100
			want := amounts(tokens, dear.Worst(tokens-100, 100))
			if got := s.used(t); !reflect.DeepEqual(got, want) || !bytes.Equal(w.Body.Bytes(), text[:cut]) {
				t.Fatalf("%s cut after %d of %d bytes: used %v, want %v; the agent got %d bytes", operation, cut, len(text), got, want, w.Body.Len())
			}
		}
	}
}

// gone is a client that has gone after some bytes.
type gone struct {
	*httptest.ResponseRecorder
	left int
}

func (g *gone) Write(p []byte) (int, error) {
	if g.left -= len(p); g.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return g.ResponseRecorder.Write(p)
}

func TestAClientThatGoesPaysWhatWasUsedAndNoLess(t *testing.T) {
	for _, operation := range []string{converseStream, invokeStream} {
		for left := range 200 {
			s := newShop(t)
			r := httptest.NewRequest(http.MethodPost, "/model/x/"+operation, strings.NewReader(operations[operation]))
			r.URL.Path = "/model/" + claude + "/" + operation
			r.Header.Set("Authorization", "Bearer "+s.token(t, nil))
			s.Handler().ServeHTTP(&gone{httptest.NewRecorder(), left}, r)
			if got, want := s.used(t), amounts(4, 36); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, gone after %d bytes: used %v, want %v", operation, left, got, want)
			}
		}
	}
}

func TestWhatIsReportedIsReadAsItIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want map[string]int64 // nil: the worst
	}{
		"nothing":                  {`{}`, nil},
		"no JSON":                  {`<html>`, nil},
		"zero is zero":             {`{"usage":{"inputTokens":0,"outputTokens":0}}`, amounts(0, 0)},
		"half of it":               {`{"usage":{"inputTokens":7}}`, nil},
		"null":                     {`{"usage":{"inputTokens":7,"outputTokens":null}}`, nil},
		"text":                     {`{"usage":{"inputTokens":"7","outputTokens":"1"}}`, nil},
		"below zero":               {`{"usage":{"inputTokens":-7,"outputTokens":-1}}`, amounts(0, 0)},
		"with the cache":           {`{"usage":{"inputTokens":10,"outputTokens":10,"cacheReadInputTokens":10,"cacheWriteInputTokens":10}}`, amounts(40, 221)},
		"more than could be, says": {`{"usage":{"inputTokens":10,"outputTokens":99999999}}`, nil},
	} {
		s := newShop(t)
		s.upstream = func(string, []byte) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.says))}, nil
		}
		s.ask(t, converse, claude, inConverse)
		if c.want == nil {
			tokens := int64(len(s.sent[0])) + overhead + 100
			c.want = amounts(tokens, dear.Worst(tokens-100, 100))
		}
		if got := s.used(t); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: used %v, want %v", name, got, c.want)
		}
		if alarmed := strings.Contains(fmt.Sprint(s.notes), "ALARM"); alarmed != strings.HasSuffix(name, "says") {
			t.Errorf("%s: operators hear %q", name, s.notes)
		}
	}
}

func TestWhatHasNoBoundIsRefusedAndNothingIsTaken(t *testing.T) {
	message := func(block string) string { return `{"messages":[{"role":"user","content":[` + block + `]}]}` }
	anthropic := func(more string) string { return `{"max_tokens":9,"messages":[]` + more + `}` }
	for name, c := range map[string]struct{ operation, body, says string }{
		"an image":                 {converse, message(`{"image":{}}`), "messages[0].content[0].image"},
		"a document in a result":   {converse, message(`{"toolResult":{"content":[{"json":1},{"document":{}}]}}`), "messages[0].content[0].toolResult.content[1].document"},
		"a guardrail":              {converseStream, `{"guardrailConfig":{}}`, "guardrailConfig"},
		"a tier":                   {converse, `{"serviceTier":{"type":"priority"}}`, "serviceTier"},
		"fields of a model":        {converse, `{"additionalModelRequestFields":{"max_tokens":99999}}`, "additionalModelRequestFields"},
		"a tool of the provider's": {converse, `{"toolConfig":{"tools":[{"systemTool":{}}]}}`, "toolConfig.tools[0].systemTool"},
		"no number":                {converse, `{"inferenceConfig":{"maxTokens":"9"}}`, "inferenceConfig.maxTokens"},
		"a fraction":               {converse, `{"inferenceConfig":{"maxTokens":1.5}}`, "inferenceConfig.maxTokens"},
		"nothing to say":           {converse, `{"inferenceConfig":{"maxTokens":0}}`, "inferenceConfig.maxTokens"},
		"a list as a config":       {converse, `{"inferenceConfig":[]}`, "inferenceConfig"},
		"a text as tools":          {converse, `{"toolConfig":"all"}`, "toolConfig"},
		"messages that are none":   {converse, `{"messages":{}}`, "messages"},
		"a message that is none":   {converse, `{"messages":["x"]}`, "messages[0]"},
		"a list":                   {converse, `[]`, "not a JSON object"},
		"null":                     {converse, `null`, "not a JSON object"},
		"no JSON":                  {converse, `{`, "not a JSON object"},
		"two bodies":               {converse, `{}{}`, "bytes after the body"},
		"too much":                 {converse, `{"messages":"` + strings.Repeat("x", MaxBody) + `"}`, "over 4 MiB"},
		"no length":                {invoke, `{"messages":[]}`, "max_tokens"},
		"a picture":                {invoke, anthropic(`,"system":[{"type":"image"}]`), "system[0].type image"},
		"a block without a type":   {invoke, `{"max_tokens":9,"messages":[{"content":[{"text":"x"}]}]}`, "messages[0].content[0].type"},
		"a picture in a result":    {invoke, `{"max_tokens":9,"messages":[{"content":[{"type":"tool_result","content":[{"type":"image"}]}]}]}`, "messages[0].content[0].content[0].type image"},
		"a beta":                   {invokeStream, anthropic(`,"anthropic_beta":["x"]`), "anthropic_beta"},
		"a built-in tool":          {invoke, anthropic(`,"tools":[{"type":"bash_20250124"}]`), "tools[0].type bash_20250124"},
	} {
		s := newShop(t)
		w := s.ask(t, c.operation, claude, c.body)
		var said struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusBadRequest || w.Header().Get("X-Amzn-Errortype") != "ValidationException" || !strings.Contains(said.Message, c.says) {
			t.Errorf("%s: %d %s, want a ValidationException about %s", name, w.Code, w.Body, c.says)
		}
		if len(s.sent) != 0 || !reflect.DeepEqual(s.used(t), amounts(0, 0)) {
			t.Errorf("%s: it was sent %q, and takes %v", name, s.sent, s.used(t))
		}
	}
	s := newShop(t)
	if w := s.ask(t, invoke, other, inAnthropic); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "use Converse") {
		t.Errorf("a body that nobody here can read was taken: %d %s", w.Code, w.Body)
	}
}

func TestWhatWasJudgedIsWhatIsSent(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[],"inferenceConfig":{"maxTokens":5},"inferenceConfig":{"maxTokens":7}}`: `{"inferenceConfig":{"maxTokens":7},"messages":[]}`,
		`{"messages":[]}`:                          `{"inferenceConfig":{"maxTokens":4096},"messages":[]}`,
		`{"inferenceConfig":{"temperature":0.10}}`: `{"inferenceConfig":{"maxTokens":4096,"temperature":0.10}}`,
	} {
		s := newShop(t)
		if s.ask(t, converse, claude, body); len(s.sent) != 1 || string(s.sent[0]) != want {
			t.Errorf("%s is sent as %s, want %s", body, s.sent, want)
		}
	}
}

func TestOnlyTheLanesOwnModelTokenOpensItsModels(t *testing.T) {
	s := newShop(t)
	canary := lane
	canary.Name = "canary"
	for name, c := range map[string]struct {
		token, model string
	}{
		"no token":                   {"", claude},
		"the gateway's token":        {s.token(t, func(d *identity.Delegation) { d.Audience = "" }), claude},
		"another lane's":             {s.token(t, func(d *identity.Delegation) { d.Lane, d.Audience = canary, identity.ModelAudience(canary) }), claude},
		"another lane's, for ours":   {s.token(t, func(d *identity.Delegation) { d.Lane = canary }), claude},
		"of another issuer":          {s.token(t, func(d *identity.Delegation) { d.Issuer = "https://evil.example" }), claude},
		"an undeclared model":        {s.token(t, nil), "anthropic.claude-y-v1:0"},
		"a profile that routes":      {s.token(t, nil), "us." + claude},
		"an execution nobody opened": {s.token(t, func(d *identity.Delegation) { d.Execution = "helper--stable--X2" }), claude},
	} {
		w := s.askWith(c.token, converse, c.model, inConverse)
		if w.Code != http.StatusForbidden || w.Header().Get("X-Amzn-Errortype") != "AccessDeniedException" || len(s.sent) != 0 {
			t.Errorf("%s: %d %s; sent %q", name, w.Code, w.Body, s.sent)
		}
	}
	if x, err := s.ledger.Execution(ctx, execution); err != nil || x.Counts != (ledger.Counts{Denials: 2}) || !reflect.DeepEqual(x.Used, amounts(0, 0)) {
		t.Errorf("%+v, %v: two models were refused, and nothing taken", x, err)
	}
	s.at = noon.Add(61 * time.Second)
	if w := s.ask(t, converse, claude, inConverse); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "has ended") || len(s.sent) != 0 {
		t.Errorf("after its deadline: %d %s", w.Code, w.Body)
	}
}

func TestAnythingElseOfBedrockIsNotServed(t *testing.T) {
	s := newShop(t)
	for _, path := range []string{"/", "/guardrail/x/version/1/apply", "/async-invoke", "/model/" + claude + "/count-tokens"} {
		r, w := httptest.NewRequest(http.MethodPost, path, nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+s.token(t, nil))
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || w.Header().Get("X-Amzn-Errortype") != "UnknownOperationException" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// What is asked for is never cut to fit: it is refused, and a smaller call may run.
func TestACallThatCouldPassALimitIsRefusedWhole(t *testing.T) {
	s := newShop(t)
	w := s.ask(t, converse, claude, `{"messages":[],"inferenceConfig":{"maxTokens":100000}}`)
	if w.Code != http.StatusBadRequest || w.Header().Get("X-Amzn-Errortype") != "ServiceQuotaExceededException" || !strings.Contains(w.Body.String(), "100000 are left") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = s.ask(t, converse, claude, `{"messages":[],"inferenceConfig":{"maxTokens":90000}}`) // within its tokens, over a dollar
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "model_cost: this call could take 1357") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(s.sent) != 0 || len(s.ended) != 0 || !reflect.DeepEqual(s.used(t), amounts(0, 0)) {
		t.Errorf("sent %q, ended %v, used %v", s.sent, s.ended, s.used(t))
	}
	if w := s.ask(t, converse, claude, inConverse); w.Code != http.StatusOK {
		t.Errorf("a call that fits: %d %s", w.Code, w.Body)
	}
}

func TestAnExecutionThatCanPayForNothingIsEnded(t *testing.T) {
	s := newShop(t)
	s.upstream = func(string, []byte) (*http.Response, error) { return nil, errors.New("reset by peer") } // charged at its worst
	long := `{"messages":[],"inferenceConfig":{"maxTokens":60000}}`
	if w := s.ask(t, converse, claude, long); w.Code != http.StatusServiceUnavailable || len(s.ended) != 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for s.ended == nil {
		w := s.ask(t, converse, other, `{"messages":[],"inferenceConfig":{"maxTokens":9000}}`)
		if w.Code != http.StatusServiceUnavailable && s.ended == nil && !strings.Contains(w.Body.String(), "are left") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code == http.StatusBadRequest && s.ended == nil {
			s.ask(t, converse, other, `{"messages":[],"inferenceConfig":{"maxTokens":1}}`)
		}
	}
	if !reflect.DeepEqual(s.ended, []terms.ExecutionID{execution}) {
		t.Errorf("ended: %v", s.ended)
	}
}

func TestWhatBedrockTurnsAwayCostsNothingAndWhatMayHaveRunCostsItsWorst(t *testing.T) {
	for status, free := range map[int]bool{400: true, 403: true, 404: true, 429: true, 503: true, 408: false, 424: false, 500: false} {
		s := newShop(t)
		s.upstream = func(string, []byte) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {"SomeException"}}, Body: io.NopCloser(strings.NewReader(`{"message":"no"}`))}, nil
		}
		w := s.ask(t, converseStream, claude, inConverse)
		if w.Code != status || w.Body.String() != `{"message":"no"}` || w.Header().Get("X-Amzn-Errortype") != "SomeException" {
			t.Errorf("%d is passed on as %d %s", status, w.Code, w.Body)
		}
		if got := reflect.DeepEqual(s.used(t), amounts(0, 0)); got != free {
			t.Errorf("%d: used %v", status, s.used(t))
		}
	}
}

// forgetful keeps no outcome.
type forgetful struct{ *ledger.Ledger }

func (forgetful) Settle(context.Context, terms.CallID, ledger.Outcome) error {
	return ledger.ErrUnavailable
}

func TestWhatCannotBeKeptDoesNotLeave(t *testing.T) {
	s := newShop(t)
	s.Broker.Ledger = forgetful{s.ledger}
	if w := s.ask(t, converse, claude, inConverse); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "12345678") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.Broker.Ledger = &ledger.Ledger{}
	s.sent = nil
	if w := s.ask(t, converse, claude, inConverse); w.Code != http.StatusServiceUnavailable || len(s.sent) != 0 {
		t.Errorf("without a store: %d %s, sent %q", w.Code, w.Body, s.sent)
	}
}

func TestNoPromptAnswerOrTokenIsNoted(t *testing.T) {
	s := newShop(t)
	for _, body := range []string{`{"messages":[{"role":"user","content":[{"text":"` + secret + `"}]}]}`, `{"messages":[{"content":[{"image":"` + secret + `"}]}]}`, `{"` + secret + `":1}`} {
		s.ask(t, converse, claude, body)
		s.ask(t, converse, "no.such-model", body)
	}
	if said := strings.Join(s.notes, "\n"); strings.Contains(said, secret) || strings.Contains(said, s.token(t, nil)) || said == "" {
		t.Errorf("operators read %s", said)
	}
}

func TestTheZeroBrokerRefuses(t *testing.T) {
	r, w := httptest.NewRequest(http.MethodPost, "/model/x/converse", strings.NewReader(`{}`)), httptest.NewRecorder()
	(&Broker{}).Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Whatever is asked, it is refused or bounded by its bytes, and read again it is the same.
func FuzzAsked(f *testing.F) {
	for _, body := range operations {
		f.Add([]byte(body), true)
	}
	f.Add([]byte(`{"messages":[{"content":[{"toolResult":{"content":[{"json":{"image":1}}]}}]}]}`), false)
	f.Fuzz(func(t *testing.T, body []byte, anthropic bool) {
		operation := converse
		if anthropic {
			operation = invoke
		}
		request := func(body []byte) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			r.SetPathValue("model", claude)
			return r
		}
		a, err := read(request(body), operation)
		if err != nil {
			return
		}
		if a.output < 1 || a.input < int64(len(a.body)) {
			t.Errorf("%q has no bound: %+v", body, a)
		}
		again, err := read(request(a.body), operation)
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%q is sent as %q, and that would be %+v, %v", body, a.body, again, err)
		}
	})
}
