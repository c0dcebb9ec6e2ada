package test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"remit/dev"
	"remit/grants"
	"remit/iam"
	"remit/identity"
	"remit/platform"
	"remit/platform/load"
)

// hostility is an agent that has been turned, with the token and the shell it has anyway.
// Its tools are turned too: they say what they should not.
type hostility struct {
	Company    string
	Executions map[string]struct {
		User string
		opening
	}
	Replies map[string]json.RawMessage // tool → what it says
	Fails   []string                   // tools that say it with HTTP 500
	Never   []string                   // what no agent and no log may see
	Attacks []attack
}

// attack is one message and what must come of it. Places in braces stand for this run's
// tokens and addresses.
type attack struct {
	Tells   string
	As      string // the execution whose token it has; mine unless said
	At      string // its gateway unless said
	Headers map[string][]string
	Forge   *forgery
	Call    []json.RawMessage // tool, arguments
	Body    json.RawMessage
	Raw     string
	Pad     int // bytes of white space after the body
	Again   int // times in all
	Status  int // 200 unless said
	Code    int
	Holds   string // what the answer says
	Logged  bool   // the reference leads to a line of evidence
	Passes  bool   // it is within its rights, or its target is what attacks
}

type forgery struct {
	Header, Claims map[string]any
	Sign           string // kept unless said: none, hmac, own
}

// siege is one run: who holds what, and what targets have received.
type siege struct {
	hostility
	*targets
	served
	elsewhere  served
	executions map[string]execution
	references []string // each must lead to a refusal in the log
	passed     int      // each must have left its own evidence
	secrets    []string
}

func TestTheHostileAgentGetsNothing(t *testing.T) {
	s := &siege{executions: map[string]execution{}}
	read(t, "story/agents/hostile.json", &s.hostility)
	s.targets = listening(t, s.hostility)
	afterwards(t, &s.served, s.leavesEvidence(t))
	place := edited(t, s.Company, s.mocked())
	s.served, s.elsewhere = serve(t, place), serve(t, place)
	for name, of := range s.Executions {
		opened, status := s.open(t, of.User, of.opening)
		if status != http.StatusCreated {
			t.Fatalf("no execution for %s: %d", name, status)
		}
		s.executions[name], s.secrets = opened, append(s.secrets, opened.Token)
	}
	for _, token := range s.Logins {
		s.secrets = append(s.secrets, token)
	}
	for _, a := range s.Attacks {
		t.Run(a.Tells, func(t *testing.T) { s.attack(t, a) })
	}
	s.receivedOnlyWhatIsVerified(t)
}

func (s *siege) attack(t *testing.T, a attack) {
	if a.As == "" {
		a.As = "mine"
	}
	if a.At == "" {
		a.At = "{gateway}"
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	fill := s.places(t, a)
	headers := http.Header{"Authorization": {"Bearer " + fill.Replace("{token}")}, "Content-Type": {"application/json"}}
	if a.Forge != nil {
		headers.Set("Authorization", "Bearer "+s.forge(t, s.executions[a.As].Token, *a.Forge))
	}
	for name, values := range a.Headers {
		headers.Del(name)
		for _, v := range values {
			headers.Add(name, fill.Replace(v))
		}
	}
	body := []byte(fill.Replace(a.message(t)) + strings.Repeat(" ", a.Pad))
	for range max(1, a.Again) {
		before := s.count()
		status, text := post(t, fill.Replace(a.At), body, headers)
		s.judge(t, a, status, text, s.count()-before)
	}
}

func (s *siege) judge(t *testing.T, a attack, status int, text string, reached int) {
	t.Helper()
	var answer struct {
		Error *struct {
			Code int
			Data struct{ Reference string }
		}
	}
	_ = json.Unmarshal([]byte(text), &answer) // an answer that is no JSON has no code
	code, quoted := 0, ""
	if answer.Error != nil {
		code, quoted = answer.Error.Code, answer.Error.Data.Reference
	}
	secretFree(t, "the answer", text, append(s.Never, s.secrets...))
	if status != a.Status || !strings.Contains(text, a.Holds) || a.Status == http.StatusOK && code != a.Code {
		t.Errorf("the hostile agent got something else than it must: HTTP %d, code %d; want HTTP %d, code %d %s\n%.400s", status, code, a.Status, a.Code, a.Holds, text)
	}
	if a.Passes {
		s.passed++
	} else if reached != 0 {
		t.Error("what was to be refused has reached a tool")
	}
	if a.Code != 0 && !reference.MatchString(quoted) {
		t.Errorf("a refusal without a reference, %q, cannot be asked about", quoted)
	}
	if a.Logged {
		s.references = append(s.references, quoted)
	}
}

// leavesEvidence: every refused tool call is found by its reference, every call that ran
// has a line of its own, and no line holds what it should not.
func (s *siege) leavesEvidence(t *testing.T) func(log string) {
	return func(log string) {
		secretFree(t, "the log of remit dev", log, append(s.Never, s.secrets...))
		lines := strings.Split(log, "\n")
		for _, r := range s.references {
			if !slices.ContainsFunc(lines, func(line string) bool {
				return strings.Contains(line, "refused") && strings.Contains(line, "["+r+"]")
			}) {
				t.Errorf("an attack was refused with %s, and no operator can find out which", r)
			}
		}
		ran := slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, " allowed ") })
		if len(ran) != s.passed {
			t.Errorf("%d calls ran and %d have evidence", s.passed, len(ran))
		}
	}
}

// places are this run's tokens and addresses.
func (s *siege) places(t *testing.T, a attack) *strings.Replacer {
	t.Helper()
	mine, ok := s.executions[a.As]
	if !ok {
		t.Fatalf("there is no execution %q", a.As)
	}
	out := []string{"{base}", s.Base, "{gateway}", mine.Gateway, "{token}", mine.Token, "{target}", s.url,
		"{elsewhere}", strings.Replace(mine.Gateway, s.Base, s.elsewhere.Base, 1)}
	for name, e := range s.executions {
		out = append(out, "{gateway:"+name+"}", e.Gateway, "{token:"+name+"}", e.Token)
	}
	for user, token := range s.Logins {
		out = append(out, "{login:"+user+"}", token)
	}
	return strings.NewReplacer(out...)
}

func (a attack) message(t *testing.T) string {
	t.Helper()
	switch {
	case a.Raw != "":
		return a.Raw
	case a.Body != nil:
		return string(a.Body)
	case len(a.Call) != 2:
		t.Fatal("an attack is a call, a body or raw text")
	}
	var tool string
	if err := json.Unmarshal(a.Call[0], &tool); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, platform.TargetName(tool)+"___"+tool, a.Call[1])
}

// forge rewrites a token as someone can who has it and not the issuer's private key.
func (s *siege) forge(t *testing.T, token string, f forgery) string {
	t.Helper()
	parts := strings.Split(token, ".")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if f.Sign == "own" {
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		f.Header = map[string]any{"jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": raw64(point[1:33]), "y": raw64(point[33:])}}
	}
	signed := rewritten(t, parts[0], f.Header) + "." + rewritten(t, parts[1], f.Claims)
	switch f.Sign {
	case "none":
		return signed + "."
	case "hmac":
		mac := hmac.New(sha256.New, s.keys(t))
		mac.Write([]byte(signed))
		return signed + "." + raw64(mac.Sum(nil))
	case "own":
		digest := sha256.Sum256([]byte(signed))
		r, v, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signed + "." + raw64(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
	}
	return signed + "." + parts[2]
}

func raw64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rewritten(t *testing.T, part string, changes map[string]any) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	maps.Copy(object, changes)
	if text, err = json.Marshal(object); err != nil {
		t.Fatal(err)
	}
	return raw64(text)
}

// keys is the issuer's JWKS as it publishes it.
func (s served) keys(t *testing.T) []byte {
	t.Helper()
	response, err := http.Get(s.Base + "/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// targets is one local server behind every tool. It keeps each byte that arrives.
type targets struct {
	url string

	mu       sync.Mutex
	bytes    bytes.Buffer
	requests []http.Header
}

func listening(t *testing.T, h hostility) *targets {
	s := &targets{}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Header.Clone())
		s.mu.Unlock()
		tool := strings.TrimPrefix(r.URL.Path, "/")
		if slices.Contains(h.Fails, tool) {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(h.Replies[tool])
	}))
	web.Listener = keeping{web.Listener, s}
	web.Start()
	t.Cleanup(web.Close)
	s.url = web.URL + "/"
	return s
}

func (s *targets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// keeping wraps connections, so that nothing on the wire escapes by being parsed away.
type keeping struct {
	net.Listener
	to *targets
}

func (k keeping) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	return kept{c, k.to}, err
}

type kept struct {
	net.Conn
	to *targets
}

func (k kept) Read(p []byte) (int, error) {
	n, err := k.Conn.Read(p)
	k.to.mu.Lock()
	defer k.to.mu.Unlock()
	k.to.bytes.Write(p[:n])
	return n, err
}

var (
	toolLine = regexp.MustCompile(`^  ([a-z_]+):$`)
	mockLine = regexp.MustCompile(`^    mock: .*$`)
)

// mocked puts the local server behind every tool that has a mock reply.
func (s *siege) mocked() func(file, text string) string {
	return func(_, text string) string {
		tool, lines := "", strings.Split(text, "\n")
		for i, line := range lines {
			if m := toolLine.FindStringSubmatch(line); m != nil {
				tool = m[1]
			}
			lines[i] = mockLine.ReplaceAllLiteralString(line, fmt.Sprintf("    mock: %q", s.url+tool))
		}
		return strings.Join(lines, "\n")
	}
}

// receivedOnlyWhatIsVerified: the identity a tool reads is the one in the token, whatever
// the agent wrote beside it, and no token travels on.
func (s *siege) receivedOnlyWhatIsVerified(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) != s.passed || s.passed == 0 {
		t.Errorf("%d calls passed and %d reached a tool", s.passed, len(s.requests))
	}
	wire := s.bytes.String()
	secretFree(t, "what tools received", wire, append(s.secrets, s.Never...))
	if strings.Contains(strings.ToLower(wire), "authorization") {
		t.Error("a tool was sent an Authorization header")
	}
	owners := map[string]string{} // user, lane and execution as their tokens say them
	for name, e := range s.executions {
		var claims struct {
			Sub, Tenant, Aud, Execution string
		}
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(e.Token, ".")[1])
		if err == nil {
			err = json.Unmarshal(text, &claims)
		}
		if err != nil || claims.Sub != s.Executions[name].User {
			t.Fatalf("%s: %v", name, err)
		}
		owners[claims.Execution] = strings.Join([]string{claims.Sub, claims.Tenant, claims.Aud}, " ")
	}
	for _, headers := range s.requests {
		var names []string
		for name := range headers {
			if strings.HasPrefix(name, "X-") || name == "Cookie" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if want := []string{"X-Remit-Call", "X-Remit-Execution", "X-Remit-Key", "X-Remit-Lane", "X-Remit-Tenant", "X-Remit-User"}; !slices.Equal(names, want) {
			t.Errorf("a tool was sent headers of the agent's making: %v", names)
		}
		said := strings.Join([]string{headers.Get("X-Remit-User"), headers.Get("X-Remit-Tenant"), headers.Get("X-Remit-Lane")}, " ")
		if want := owners[headers.Get("X-Remit-Execution")]; said != want || want == "" {
			t.Errorf("a tool was told that it works for %q; the token says %q", said, want)
		}
	}
}

// TestADevTokenIsWorthNothingInAnotherEnvironment trusts even dev's own key and issuer,
// which no other environment does: the lane's name alone refuses it.
func TestADevTokenIsWorthNothingInAnotherEnvironment(t *testing.T) {
	var h hostility
	read(t, "story/agents/hostile.json", &h)
	s := serve(t, h.Company)
	mine := h.Executions["mine"]
	opened, _ := s.open(t, mine.User, mine.opening)
	p, accepted, refused := declared(t, h.Company), 0, 0
	for _, e := range p.Environments {
		for _, lane := range p.Lanes(e) {
			term := lane.Term().String()
			v, err := identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{{
				URL: s.Base, Kind: identity.KindDelegation, Audiences: []string{term}, Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"},
				MaxAge: 12 * time.Hour, Keys: identity.KeySource{Fixed: s.keys(t)},
			}}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(context.Background(), opened.Token, term, time.Now())
			home := e.Data.Kind == "synthetic" && lane.Agent == mine.Agent && lane.Lane == mine.Lane
			if home != (err == nil) {
				t.Errorf("a token of one lane at the gateway of %s: %v", term, err)
			}
			if err == nil {
				accepted++
			} else {
				refused++
			}
		}
	}
	if accepted != 1 || refused < 3 {
		t.Errorf("want one gateway that takes the token, and others; have %d and %d", accepted, refused)
	}
}

// source is a declaration that does not change.
type source struct{ p *platform.Platform }

func (source) Stamp() string                       { return "" }
func (s source) Load() (*platform.Platform, error) { return s.p, nil }

// TestATokenEndsWithItsExecution moves the clock, because the shortest execution that can
// be declared lasts longer than a test.
func TestATokenEndsWithItsExecution(t *testing.T) {
	var h hostility
	read(t, "story/agents/hostile.json", &h)
	p, err := load.Dir(filepath.Join("../environments", h.Company), today)
	if err != nil {
		t.Fatal(err)
	}
	var environment platform.Environment
	for _, e := range p.Environments {
		if e.Data.Kind == "synthetic" {
			environment = e
		}
	}
	now := time.Now()
	var server *dev.Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.Handler().ServeHTTP(w, r) }))
	defer web.Close()
	server, err = dev.New(source{p}, environment.Name, web.URL, func() time.Time { return now }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	mine := h.Executions["mine"]
	login, err := server.Login(mine.User)
	if err != nil {
		t.Fatal(err)
	}
	opened, _ := served{Base: web.URL, Logins: map[string]string{mine.User: login}}.open(t, mine.User, mine.opening)
	var wall time.Duration
	for _, lane := range p.Lanes(environment) {
		if lane.Agent == mine.Agent && lane.Lane == mine.Lane {
			wall = lane.WallClock()
		}
	}
	start := now
	for after, want := range map[time.Duration]int{
		0:          http.StatusOK,
		wall - 1e9: http.StatusOK,
		wall + identity.DefaultMargin + identity.DefaultLeeway + 1e9: http.StatusUnauthorized,
		-time.Hour: http.StatusUnauthorized, // a clock turned back does not bring it to life
	} {
		now = start.Add(after)
		status, text := post(t, opened.Gateway, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), http.Header{"Authorization": {"Bearer " + opened.Token}})
		if status != want {
			t.Errorf("%v after the execution was opened its token gets HTTP %d, want %d: %s", after, status, want, text)
		}
	}
}

// beyond is what the credentials in an agent's machine would be used for. None of it may be
// on the role, however narrow its resource.
var beyond = []struct{ action, harm string }{
	{"bedrock-agentcore:Invoke*", "it would call a runtime or gateway past the entry, as anyone"},
	{"bedrock-agentcore:GetWorkloadAccessToken*", "it would ask for tokens of other users"},
	{"bedrock-agentcore:GetResource*", "it would take the tools' own credentials"},
	{"sts:*", "it would become someone else"},
	{"iam:*", "it would give itself the rest"},
	{"lambda:*", "it would call the tool without the gateway"},
	{"execute-api:*", "it would call the tool without the gateway"},
	{"kms:Sign", "it would sign its own tokens"},
	{"kms:CreateGrant", "it would hand the key to someone"},
	{"secretsmanager:*", "it would read the tools' credentials"},
	{"ssm:*", "it would read parameters, or get a shell elsewhere"},
	{"s3:*", "it would read evidence or code"},
	{"dynamodb:Scan", "it would read every tenant's memory"},
}

func TestTheCredentialsInTheAgentsMachineOpenNoOtherDoor(t *testing.T) {
	seen := 0
	for _, company := range companies(t) {
		p := declared(t, company)
		for _, e := range p.Environments {
			v := view{company, "intended", p, e, grants.Intended(p, e.Name)}
			seen += len(p.Lanes(e))
			for _, complaint := range noOtherDoor(v) {
				t.Errorf("%s %s: %s", company, e.Name, complaint)
			}
		}
	}
	if seen == 0 {
		t.Error("no lane was looked at, so nothing was shown")
	}
}

// TestTheSearchForOtherDoorsSeesEachOne plants every one of them.
func TestTheSearchForOtherDoorsSeesEachOne(t *testing.T) {
	p := declared(t, companies(t)[0])
	e := p.Environments[0]
	plant := func(s iam.Statement) int {
		w := grants.Intended(p, e.Name)
		for i, r := range w.Roles {
			if r.ARN.Name() == p.Lanes(e)[0].Function("execution") {
				w.Roles[i].Policy.Statements = append(slices.Clone(r.Policy.Statements), s)
			}
		}
		return len(noOtherDoor(view{"", "planted", p, e, w}))
	}
	for _, door := range beyond {
		if plant(iam.Statement{Sid: "Planted", Effect: iam.Allow, Actions: iam.Of(door.action), Resources: iam.Of("*")}) == 0 {
			t.Errorf("%s on an agent's role would not be seen", door.action)
		}
	}
	if plant(iam.Statement{Sid: "Planted", Effect: iam.Allow, Actions: iam.Match{Not: true, Of: []string{"iam:*"}}, Resources: iam.Of("*")}) == 0 {
		t.Error("all but a few actions on an agent's role would not be seen")
	}
	if plant(iam.Statement{Sid: "Planted", Effect: iam.Allow, Actions: iam.Of("dynamodb:GetItem"), Resources: iam.Of("*"), When: []iam.Condition{iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "AGENT#*")}}) == 0 {
		t.Error("the memory of every agent on one agent's role would not be seen")
	}
}

func noOtherDoor(v view) (out []string) {
	for _, lane := range v.p.Lanes(v.e) {
		r, ok := v.w.Role(lane.Function("execution"))
		if !ok || len(r.Managed) > 0 {
			out = append(out, fmt.Sprintf("%s has no execution role of its own text", lane.Term()))
		}
		direct := slices.ContainsFunc(lane.Tools, func(t platform.Tool) bool { return t.Reach != nil && t.Reach.Direct != nil })
		for _, s := range r.Policy.Statements {
			if s.Effect != iam.Allow {
				continue
			}
			if s.Actions.Not {
				out = append(out, fmt.Sprintf("%s %s: all but a few actions", lane.Term(), s.Sid))
			}
			for _, a := range append(actions(s), s.Actions.Of...) {
				for _, door := range beyond {
					if like(door.action, a) && !(direct && strings.HasPrefix(a, "sts:")) {
						out = append(out, fmt.Sprintf("%s %s: %s: %s", lane.Term(), s.Sid, a, door.harm))
					}
				}
				if strings.HasPrefix(a, "dynamodb:") && !ownKeysOnly(lane, s) {
					out = append(out, fmt.Sprintf("%s %s: %s reaches memory that is not this agent's", lane.Term(), s.Sid, a))
				}
			}
		}
	}
	return out
}

// ownKeysOnly: keys must be present, and begin with this agent's name in its own table.
func ownKeysOnly(lane platform.Running, s iam.Statement) bool {
	keys := condition(s, "ForAllValues:StringLike", "dynamodb:LeadingKeys")
	present := condition(s, "Null", "dynamodb:LeadingKeys")
	return slices.Equal(s.Resources.Of, []string{lane.MemoryTableARN()}) && !s.Resources.Not &&
		slices.Equal(keys, []string{"AGENT#" + lane.Agent + "#*"}) && slices.Equal(present, []string{"false"})
}
