// Package cloud is the little of AWS that the functions call, as one HTTP server: KMS with
// real keys, the parameter store, STS, AgentCore's runtime, Bedrock's with a stand-in for its
// models, and DynamoDB by way of DynamoDB Local. It speaks their protocols and notes who asked for what; it allows everyone
// everything. Start with [New]; [Cloud.Environment] makes a function use it.
package cloud

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Cloud is one AWS of a test. Make it with [New] and end it with [Cloud.Close].
type Cloud struct {
	URL string

	server   *httptest.Server
	dynamodb http.Handler
	keys     map[string]key

	mu         sync.Mutex
	parameters map[string]string
	down       map[string]bool
	calls      []Call
	agent      func(http.ResponseWriter, Invocation)
	stopped    []string
	sessions   map[string]session // by access key
	up         chan struct{}      // closed at the end: whoever waits for what is down goes
}

// session is whose an access key is: a role, what the role's session was tagged with, and how
// it is called.
type session struct {
	role string
	tags map[string]string
	name string
}

// Call is one thing that was asked for, as IAM would be asked: By is the ARN of the role
// that asks, "" for an access key that nobody was given; Resource is as the service itself
// names it, no ARN; Context is what conditions look at.
type Call struct {
	By, Action, Resource string
	Context              map[string][]string
}

// The services, by the names that [Cloud.Down] takes.
const (
	KMS       = "kms"
	SSM       = "ssm"
	STS       = "sts"
	DynamoDB  = "dynamodb"
	AgentCore = "bedrock-agentcore"
	Bedrock   = "bedrock-runtime"
)

// variables are the SDK's, by service.
var variables = map[string]string{
	KMS: "AWS_ENDPOINT_URL_KMS", SSM: "AWS_ENDPOINT_URL_SSM", STS: "AWS_ENDPOINT_URL_STS",
	DynamoDB: "AWS_ENDPOINT_URL_DYNAMODB", AgentCore: "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", Bedrock: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
}

// New starts a cloud whose DynamoDB is at a URL, "" for none.
func New(dynamodb string) (*Cloud, error) {
	keys, err := newKeys()
	if err != nil {
		return nil, err
	}
	c := &Cloud{keys: keys, parameters: map[string]string{}, down: map[string]bool{}, sessions: map[string]session{}, up: make(chan struct{})}
	c.dynamodb = http.HandlerFunc(gone)
	if dynamodb != "" {
		target, err := url.Parse(dynamodb)
		if err != nil {
			return nil, err
		}
		c.dynamodb = httputil.NewSingleHostReverseProxy(target)
	}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	c.URL = c.server.URL
	return c, nil
}

func gone(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "there is no DynamoDB behind this cloud", http.StatusServiceUnavailable)
}

// Close ends it.
func (c *Cloud) Close() {
	close(c.up)
	c.server.CloseClientConnections()
	c.server.Close()
}

// Environment is what Lambda would set for a function with this role, and where its clients
// find this cloud.
func (c *Cloud) Environment(role string) map[string]string {
	out := map[string]string{"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": c.SignIn(role, "function"), "AWS_SECRET_ACCESS_KEY": Secret, "AWS_SESSION_TOKEN": "session"}
	for service, variable := range variables {
		out[variable] = c.URL + "/" + service
	}
	return out
}

// SignIn is a new access key for a session of a role, as an identity provider or Lambda names
// it. Every secret key is [Secret].
func (c *Cloud) SignIn(role, name string) (accessKey string) {
	return c.accessKeyOf(session{role: role, name: name})
}

// Secret is every secret access key here.
const Secret = "secret"

func (c *Cloud) accessKeyOf(s session) string {
	key := "ASIA" + rand.Text()[:16]
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[key] = s
	return key
}

// Caller is whose an access key is: the ARN of a role's session, "" for a key nobody was given.
func (c *Cloud) Caller(accessKey string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[accessKey].arn()
}

// arn of a session leaves the role's path out (IAM User Guide, reference_identifiers).
func (s session) arn() string {
	parts := strings.SplitN(s.role, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return "arn:" + parts[1] + ":sts::" + parts[4] + ":assumed-role/" + parts[5][strings.LastIndexByte(parts[5], '/')+1:] + "/" + s.name
}

// Put writes a parameter.
func (c *Cloud) Put(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parameters[name] = value
}

// Down has a service take requests and answer none, until it is up again: the half-open
// socket, which is worse than a refusal.
func (c *Cloud) Down(service string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[service] = down
}

// Calls are all that were made so far.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Forget forgets the calls so far.
func (c *Cloud) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

func (c *Cloud) note(r *http.Request, action, resource string, context map[string][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	by, all := c.sessions[accessKey(r)], map[string][]string{}
	maps.Copy(all, context)
	for tag, value := range by.tags {
		all["aws:PrincipalTag/"+tag] = []string{value}
	}
	if parts := strings.Split(by.role, ":"); strings.HasPrefix(action, "kms:") && len(parts) > 4 {
		all["kms:CallerAccount"] = []string{parts[4]}
	}
	c.calls = append(c.calls, Call{By: by.role, Action: action, Resource: resource, Context: all})
}

// signedBy is the access key in a Signature Version 4 header.
var signedBy = regexp.MustCompile(`Credential=([^/]+)/`)

func accessKey(r *http.Request) string {
	if found := signedBy.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		return found[1]
	}
	return ""
}

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request) {
	service, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	c.mu.Lock()
	down := c.down[service]
	c.mu.Unlock()
	switch {
	case down:
		c.silence(r)
	case accessKey(r) == "":
		fail(w, http.StatusForbidden, "MissingAuthenticationToken", "the request is not signed")
	case service == KMS:
		c.kms(w, r)
	case service == SSM:
		c.ssm(w, r)
	case service == STS:
		c.sts(w, r)
	case service == AgentCore:
		c.agentCore(w, r)
	case service == Bedrock:
		c.bedrock(w, r)
	case service == DynamoDB:
		c.table(w, r)
	default:
		fail(w, http.StatusNotFound, "UnknownOperationException", "no service is at "+r.URL.Path)
	}
}

// silence answers nothing, and takes what comes so that a client's leaving is noticed.
func (c *Cloud) silence(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // it is not answered anyway
	select {
	case <-r.Context().Done():
	case <-c.up:
	}
	panic(http.ErrAbortHandler)
}

// operation is the last word of a JSON protocol's target header.
func operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

// fail answers as the JSON protocols do (Smithy, AWS JSON 1.1).
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	reply(w, status, map[string]string{"__type": code, "message": message})
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}

// read decodes a request, strictly: a member that is not known here would be ignored.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", fmt.Sprintf("%s: %v", operation(r), err))
		return false
	}
	return true
}
