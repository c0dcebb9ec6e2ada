package lambda

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/artifact"
	"remit/attest"
	"remit/lambdas/gateway"
	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/platform"
	"remit/platform/load"
	"remit/test/absent"
	"remit/test/lambda/cloud"
)

// world is one environment as it is deployed: a company's dev, with the account's entry and
// lanes as constructs/account.go and constructs/lane.go make them.
type world struct {
	t     *testing.T
	p     *platform.Platform
	e     platform.Environment
	site  platform.Site
	cloud *cloud.Cloud
	login *provider
	door  *httptest.Server // the entry's function URL
	entry *Function
	logs  *record
}

// record is what all functions wrote.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func deployed(t *testing.T) *world { return deployedFor(t, "meridian") }

func deployedFor(t *testing.T, company string) *world {
	t.Helper()
	if err := inputs(); err != nil {
		t.Fatal(err)
	}
	p, err := load.Dir("environments/"+company, "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	e, found := p.Environment("dev")
	if !found {
		t.Fatal(company + " has no environment dev")
	}
	w := &world{t: t, p: p, e: e, site: p.Site(e, platform.PlatformAccount), logs: &record{}}
	if w.cloud, err = cloud.New(dynamodb); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cloud.Close)
	t.Cleanup(func() {
		for _, problem := range w.refused() {
			t.Error(problem)
		}
		if t.Failed() {
			t.Log("the functions wrote:\n" + w.logs.String())
		}
	})
	w.login = newProvider(t)
	w.entry = w.function("entry", w.site.Role("entry"), w.entrance(), w.entryEnvironment(), 15*time.Minute)
	w.door = httptest.NewServer(w.entry)
	t.Cleanup(w.door.Close)
	w.cloud.Put(platform.DoorURL(w.site), w.door.URL+"/") // a function URL ends with a slash
	return w
}

// withTables has the environment's tables, and in the directory what dev invents.
func withTables(t *testing.T) *world { return withTablesFor(t, "meridian") }

func withTablesFor(t *testing.T, company string) *world {
	t.Helper()
	if dynamodb == "" {
		absent.Skip(t, "no call was tried that needs the ledger", lacking)
	}
	w := deployedFor(t, company)
	ctx := context.Background()
	for _, in := range []*sdk.CreateTableInput{dynamo.Table(w.site.Ledger()), dynamo.Directory(w.site.Directory())} {
		w.create(in)
	}
	for _, directory := range w.e.Data.Directories {
		for _, d := range directory.Datums {
			op := ledger.Op{Key: ledger.OwnerKey(directory.Name, d.ID), Put: ledger.Item{"tenant": {S: d.Tenant}}}
			if err := w.store().Apply(ctx, rand.Text(), []ledger.Op{op}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

func (w *world) create(in *sdk.CreateTableInput) {
	w.t.Helper()
	if _, err := w.client().CreateTable(context.Background(), in); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_, _ = w.client().DeleteTable(context.Background(), &sdk.DeleteTableInput{TableName: in.TableName})
	})
}

// client is the tests' own, past the cloud.
func (w *world) client() *sdk.Client {
	return sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(dynamodb), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

func (w *world) store() *dynamo.Store {
	return &dynamo.Store{Client: w.client(), Patience: time.Minute, Tables: map[string]string{ledger.LedgerTable: w.site.Ledger(), ledger.DirectoryTable: w.site.Directory()}}
}

// function is what constructs/function.go deploys: the zip, its environment and timeout.
func (w *world) function(kind, role string, documents map[string][]byte, environment map[string]string, timeout time.Duration) *Function {
	w.t.Helper()
	task, err := Unpack(artifact.Built(built, kind), documents, w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.cloud.Environment(role)
	maps.Copy(all, environment)
	f := &Function{Name: kind, Task: task, Environment: all, Timeout: timeout, Log: w.logs}
	w.t.Cleanup(f.Close)
	return f
}

func (w *world) entrance() map[string][]byte {
	entrance := w.p.Entrance(w.e)
	entrance.Login.Issuer = w.login.URL // the company's provider, which is not on this machine
	return documents(w.t, "entrance.json", entrance)
}

func documents(t *testing.T, name string, value any) map[string][]byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{name: text}
}

// entryEnvironment is constructs/account.go's.
func (w *world) entryEnvironment() map[string]string {
	return map[string]string{
		"REMIT_REGISTRY": platform.RegistryPath(w.site), "REMIT_LEDGER": w.site.Ledger(), "REMIT_DIRECTORY": w.site.Directory(),
		"REMIT_DELEGATION_KEY": cloud.DelegationKey, "REMIT_CALL_KEY": cloud.CallKey,
	}
}

// approveEnvironment is constructs/account.go's.
func (w *world) approveEnvironment() map[string]string {
	return map[string]string{"REMIT_REGISTRY": platform.RegistryPath(w.site), "REMIT_LEDGER": w.site.Ledger(), "REMIT_DELEGATION_KEY": cloud.DelegationKey, "REMIT_SEAL_KEY": cloud.SealKey}
}

// closingEnvironment is constructs/closing.go's.
func (w *world) closingEnvironment() map[string]string {
	return map[string]string{"REMIT_LEDGER": w.site.Ledger(), "REMIT_DIRECTORY": w.site.Directory()}
}

// operateEnvironment is constructs/operate.go's.
func (w *world) operateEnvironment() map[string]string {
	return map[string]string{"REMIT_LEDGER": w.site.Ledger(), "REMIT_DAY": string(w.e.Day), "REMIT_ENVIRONMENT": w.e.Name, "REMIT_OPERATOR": w.site.Role("operator"), "REMIT_BREAKGLASS": w.site.Role("breakglass")}
}

// meterEnvironment is constructs/meter.go's.
func (w *world) meterEnvironment() map[string]string {
	return map[string]string{"REMIT_LEDGER": w.site.Ledger()}
}

// gateEnvironment and hookEnvironment are constructs/pipeline.go's.
func (w *world) gateEnvironment() map[string]string {
	site := w.p.SharedSite(platform.Pipeline)
	return map[string]string{
		"REMIT_PLATFORM": w.p.Name, "REMIT_PIPELINE": site.Named(), "REMIT_APPROVER": site.Role(platform.Pipeline, "approver"), "REMIT_SHELF": site.ShelfBucket(),
		"REMIT_ACCOUNT": string(site.Account), "REMIT_KEY_JUDGE": site.SignerAlias(attest.Judge), "REMIT_KEY_GATE": site.SignerAlias(attest.Gate),
	}
}

func (w *world) hookEnvironment() map[string]string {
	shared := w.p.SharedSite(platform.Pipeline)
	return map[string]string{
		"REMIT_PLATFORM": w.p.Name, "REMIT_ENVIRONMENT": w.e.Name, "REMIT_APART": w.site.BootstrapStack() + "," + w.site.HookStack(), "REMIT_BUCKET": w.site.AssetBucket(),
		"REMIT_PREFIXES": platform.StackAssets + "," + platform.FenceAssets, "REMIT_ACCOUNT": string(w.site.Account),
		"REMIT_SIGNERS": "judge", "REMIT_KEY_JUDGE": shared.SignerAlias(attest.Judge), "REMIT_KEYS_REGION": shared.Region,
	}
}

// lane is a running lane's part of the world: its registration, and its two interceptors.
type lane struct {
	platform.Running
	w                 *world
	request, response *Function
	models            string // where its broker is
}

// lane deploys a lane as constructs/lane.go does.
func (w *world) lane(agent, name string) *lane {
	w.t.Helper()
	for _, running := range w.p.Lanes(w.e) {
		if running.Agent == agent && running.Lane == name {
			l := &lane{Running: running, w: w}
			bundle := w.p.Bundle(running)
			text, err := bundle.Canonical()
			if err != nil {
				w.t.Fatal(err)
			}
			l.request = l.interceptor("request", text)
			l.response = l.interceptor("response", text)
			l.models = serve(w.t, l.broker())
			registration := documents(w.t, "", w.p.Registration(running, l.runtime(), l.gatewayURL(), l.models+"/"))
			w.cloud.Put(running.Registration(), string(registration[""]))
			return l
		}
	}
	w.t.Fatalf("no lane %s of %s", name, agent)
	return nil
}

func (l *lane) runtime() string {
	return l.ARN("bedrock-agentcore", "runtime/"+l.Runtime()+"-0123456789")
}

// gatewayURL is of the form that AgentCore gives.
func (l *lane) gatewayURL() string {
	return "https://" + strings.ToLower(l.Gateway()) + "-0123456789.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp"
}

func (l *lane) interceptor(kind string, bundle []byte) *Function {
	return l.w.function(kind, l.LaneSite.Role(kind), map[string][]byte{"bundle.json": bundle}, l.environment(kind), 10*time.Second)
}

// environment is constructs/lane.go's.
func (l *lane) environment(kind string) map[string]string {
	out := map[string]string{"REMIT_ISSUER": l.w.door.URL + "/", "REMIT_LEDGER": l.Ledger(), "REMIT_DIRECTORY": l.Directory(), "REMIT_SEAL_KEY": cloud.SealKey}
	if kind == "request" {
		out["REMIT_CALL_KEY"] = cloud.CallKey // the lane has an OpenAPI tool, which cannot see IAM
	}
	return out
}

func (l *lane) reachEnvironment() map[string]string {
	return map[string]string{"REMIT_LANE": l.Term().String()}
}

// sweepEnvironment is constructs/account.go's.
func (w *world) sweepEnvironment() map[string]string {
	return map[string]string{"REMIT_LEDGER": w.site.Ledger(), "REMIT_DAY": string(w.e.Day)}
}

// watchEnvironment is constructs/watch.go's.
func (w *world) watchEnvironment() map[string]string {
	return map[string]string{"REMIT_LEDGER": w.site.Ledger(), "REMIT_REGISTRY": platform.RegistryPath(w.site), "REMIT_ENVIRONMENT": w.site.Named()}
}

// outcome is one call through both interceptors. Sent is what the tool got, nil if it ran
// not; Got is what the agent got.
type outcome struct {
	Sent *gateway.Message
	body []byte
	Got  struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
}

// call sends a tool call the way AgentCore's gateway does, and has the tool answer with text.
func (l *lane) call(token, tool, arguments, answers string) outcome {
	l.w.t.Helper()
	var out outcome
	name := platform.TargetName(tool) + "___" + tool
	event := gateway.Event{Version: "1.0"}
	event.MCP.GatewayRequest = &gateway.Message{Path: "/mcp", Method: "POST", Headers: map[string]string{"Authorization": "Bearer " + token},
		Body: json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`)}
	before := l.intercept(l.request, event)
	if before.MCP.Request == nil {
		l.read(before, &out)
		return out
	}
	out.Sent = before.MCP.Request
	result := documents(l.w.t, "", map[string]any{"jsonrpc": "2.0", "id": 1, "result": map[string]any{"content": []any{map[string]any{"type": "text", "text": answers}}}})
	event.MCP.GatewayResponse = &gateway.Message{StatusCode: 200, Body: result[""]}
	l.read(l.intercept(l.response, event), &out)
	return out
}

func (l *lane) read(r gateway.Reply, out *outcome) {
	l.w.t.Helper()
	if r.MCP.Response == nil {
		l.w.t.Fatalf("the interceptor answered neither a request nor a response: %+v", r)
	}
	out.body = r.MCP.Response.Body
	if err := json.Unmarshal(out.body, &out.Got); err != nil {
		l.w.t.Fatalf("the agent gets %s: %v", r.MCP.Response.Body, err)
	}
}

func (l *lane) intercept(f *Function, e gateway.Event) gateway.Reply {
	l.w.t.Helper()
	text, err := f.Call(context.Background(), Event{Payload: documents(l.w.t, "", e)[""]})
	if err != nil {
		l.w.t.Fatalf("an interceptor that fails: %v", err)
	}
	var reply gateway.Reply
	if err := json.Unmarshal(text, &reply); err != nil {
		l.w.t.Fatalf("the interceptor answered %s: %v", text, err)
	}
	return reply
}

// opened is one execution while its agent runs.
type opened struct {
	cloud.Invocation
	Execution string `json:"execution"`
}

// answered is what the application saw.
type answered struct {
	status int
	header http.Header
	body   string
	err    error
}

// execution opens one for a user and runs the agent's part while it is open. Where none is
// opened, run is not called.
func (w *world) execution(user, agent, purpose string, run func(opened)) answered {
	w.t.Helper()
	arrived, left := make(chan opened), make(chan struct{})
	w.cloud.Agent(func(out http.ResponseWriter, i cloud.Invocation) {
		o := opened{Invocation: i}
		if err := json.Unmarshal(i.Payload, &o); err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		arrived <- o
		<-left
		out.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(out, "done") // the entry has gone if this fails
	})
	end := make(chan answered, 1)
	go func() { end <- w.whole(user, agent, purpose) }()
	select {
	case o := <-arrived:
		func() {
			defer close(left) // run may end the test
			run(o)
		}()
	case a := <-end:
		return a
	}
	return <-end
}

func (w *world) whole(user, agent, purpose string) answered {
	response, err := w.ask(user, agent, purpose)
	if err != nil {
		return answered{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answered{response.StatusCode, response.Header, string(text), err}
}

func (w *world) ask(user, agent, purpose string) (*http.Response, error) {
	body := fmt.Sprintf(`{"agent":%q,"purpose":%q,"input":{"application":"A-1007"}}`, agent, purpose)
	return w.send(http.MethodPost, "/executions", w.login.token(user), body)
}

// send asks the front door.
func (w *world) send(method, path, token, body string) (*http.Response, error) {
	return send(method, w.door.URL+path, token, body)
}

func send(method, url, token, body string) (*http.Response, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultClient.Do(request)
}

// provider is a company's identity provider. It shares no code with what verifies.
type provider struct {
	URL string
	key *ecdsa.PrivateKey
}

// people are the provider's users: tenant and groups.
var people = map[string][2]string{"ana": {"north", "LN-UW"}, "sam": {"north", "LN-SUW"}, "cleo": {"north", "CO-OFF"}}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, p.URL, p.URL+"/keys", p.URL+"/authorize", p.URL+"/token")
	case "/keys":
		point, err := p.key.PublicKey.Bytes()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k1","x":%q,"y":%q}]}`, encoded(point[1:33]), encoded(point[33:]))
	default:
		http.NotFound(w, r)
	}
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token is an access token of a user's that the loan desk asked for.
func (p *provider) token(user string) string { return p.tokenFor(user, "agents", "loan-desk") }

// tokenFor is one of another audience, or that another application asked for.
func (p *provider) tokenFor(user, audience, client string) string {
	who, now := people[user], time.Now()
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":%q,"org_id":%q,"groups":[%q],"client_id":%q,"jti":%q,"iat":%d,"exp":%d}`,
		p.URL, audience, user, who[0], who[1], client, rand.Text(), now.Unix(), now.Add(time.Hour).Unix())
	text := encoded([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"k1"}`)) + "." + encoded([]byte(claims))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		return err.Error() // which no verifier takes
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + encoded(signature)
}
