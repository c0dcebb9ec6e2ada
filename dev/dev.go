// Package dev is one environment of a company on a laptop: issuer, entry and the gateway of
// every lane, on loopback, with the interceptors that ship and the declaration's own mock
// replies. It knows HTTP and MCP; every decision is package gateway's. Start with [New].
//
// AgentCore's order is kept: inbound token, REQUEST interceptor, target, RESPONSE
// interceptor. What it assumes of AgentCore and nothing has exercised: that the RESPONSE
// interceptor also runs after a REQUEST denial, and that a token's claims arrive as
// signed. The policy engine between the two is not here yet.
package dev

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"remit/audit"
	"remit/identity"
	"remit/lambdas/gateway"
	"remit/platform"
	"remit/policy"
	"remit/terms"
)

// Server serves one environment. Make it with [New].
type Server struct {
	base   string // http://127.0.0.1:port
	now    func() time.Time
	log    io.Writer
	signer *identity.LocalSigner
	key    []byte // the JWKS

	mu     sync.Mutex
	source Source
	stamp  string
	world  *world
}

// Source answers the declaration and a stamp that changes when the files do. It is asked
// before each request, so that an edit is in force at the next call.
type Source interface {
	Stamp() string
	Load() (*platform.Platform, error)
}

// world is what one reading of the declaration amounts to.
type world struct {
	platform    *platform.Platform
	environment platform.Environment
	lanes       map[string]*lane // agent/lane
	login       *identity.Verifier
}

type lane struct {
	platform.Running
	gateway *gateway.Gateway
	mocks   map[string]any
}

// loginAudience is whom dev's login tokens address: the entry and nobody else.
const loginAudience = "remit-dev-entry"

// loginType keeps a login token from passing for a delegation token of the same issuer.
const loginType = "login+jwt"

// New reads the declaration and makes ready every lane of the named environment, which
// must hold synthetic data. base is the address people and agents will use.
func New(source Source, environment, base string, now func() time.Time, log io.Writer) (*Server, error) {
	signer, err := identity.NewLocalSigner(identity.ES256)
	if err != nil {
		return nil, err
	}
	keys, err := identity.JWKS(signer.Public())
	if err != nil {
		return nil, err
	}
	s := &Server{base: base, now: now, log: log, signer: signer, key: keys, source: source, stamp: source.Stamp()}
	p, err := source.Load()
	if err != nil {
		return nil, err
	}
	s.world, err = s.build(p, environment)
	return s, err
}

func (s *Server) build(p *platform.Platform, environment string) (*world, error) {
	e, ok := p.Environment(environment)
	if !ok || e.Data.Kind != "synthetic" {
		return nil, fmt.Errorf("environment %q is not one with synthetic data; invented users may not stand beside real data", environment)
	}
	w := &world{platform: p, environment: e, lanes: map[string]*lane{}}
	var err error
	if w.login, err = s.verifier(identity.KindLogin, loginAudience, p.UserRoles); err != nil {
		return nil, err
	}
	for _, running := range p.Lanes(e) {
		l, err := s.lane(p, running, w)
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", running.Term(), err)
		}
		w.lanes[running.Agent+"/"+running.Lane] = l
	}
	return w, nil
}

// verifier trusts tokens of this server for one audience. A login token's roles are the
// declared user roles by their own names.
func (s *Server) verifier(kind identity.Kind, audience string, roles []platform.UserRole) (*identity.Verifier, error) {
	issuer := identity.Issuer{
		URL: s.base, Kind: kind, Audiences: []string{audience}, Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"},
		MaxAge: 12 * time.Hour, Keys: identity.KeySource{Fixed: s.key},
	}
	if kind == identity.KindLogin {
		issuer.Types = []string{loginType}
		issuer.Mapping = &identity.Mapping{User: "sub", Tenant: "tenant", Roles: "roles", Map: map[string]string{}}
		for _, r := range roles {
			issuer.Mapping.Map[r.Name] = r.Name
		}
	}
	return identity.NewVerifier(identity.Policy{Issuers: []identity.Issuer{issuer}})
}

func (s *Server) lane(p *platform.Platform, running platform.Running, w *world) (*lane, error) {
	bundle := p.Bundle(running)
	text, err := bundle.Canonical()
	if err != nil {
		return nil, err
	}
	loaded, err := policy.Load(text) // the very bytes a Lambda would load
	if err != nil {
		return nil, err
	}
	schemas, err := gateway.Compile(loaded)
	if err != nil {
		return nil, err
	}
	verifier, err := s.verifier(identity.KindDelegation, running.Term().String(), nil)
	if err != nil {
		return nil, err
	}
	l := &lane{Running: running, mocks: map[string]any{}}
	for _, t := range running.Environment.Targets {
		l.mocks[t.Tool] = t.Mock
	}
	l.gateway = &gateway.Gateway{
		Bundle: loaded, Digest: policy.DigestOf(text), Verifier: verifier, Schemas: schemas, Now: s.now,
		Directory: directories(w.environment.Data.Directories), Recorder: recorder{s.log},
		Unmetered: "mock replies on a laptop change nothing",
	}
	return l, nil
}

// current is the world of the declaration as it stands. A declaration with problems leaves
// the last good one in force, and says so.
func (s *Server) current() *world {
	s.mu.Lock()
	defer s.mu.Unlock()
	stamp := s.source.Stamp()
	if stamp == s.stamp {
		return s.world
	}
	s.stamp = stamp
	p, err := s.source.Load()
	var next *world
	if err == nil {
		next, err = s.build(p, s.world.environment.Name)
	}
	if err != nil {
		fmt.Fprintf(s.log, "the declaration has changed and cannot be used; the last good one stays in force:\n%v\n", err)
		return s.world
	}
	fmt.Fprintln(s.log, "the declaration has changed and is in force")
	s.world = next
	return next
}

// directories attests from the declaration's invented owners.
type directories []platform.Directory

// Owns answers for a datum of a declared directory; anything unknown is nobody's.
func (d directories) Owns(_ context.Context, o policy.Ownership) (bool, error) {
	for _, directory := range d {
		if directory.Name != o.Directory {
			continue
		}
		for _, datum := range directory.Datums {
			if datum.ID == o.Datum {
				return datum.Tenant == o.Tenant && related(datum, o), nil
			}
		}
	}
	return false, nil
}

func related(datum platform.DatumOwner, o policy.Ownership) bool {
	if o.Relation == "" {
		return true
	}
	for _, relation := range datum.Relations {
		if relation.Name != o.Relation {
			continue
		}
		return slices.Contains(relation.Users, o.User)
	}
	return false
}

// recorder prints each decision for the developer: who, what, the verdict of each check,
// and the reference an agent would quote. Arguments and replies are not printed.
type recorder struct{ out io.Writer }

// Record prints one decision.
func (r recorder) Record(_ context.Context, reference string, rec audit.Record) error {
	verdict := "refused"
	if rec.Allowed {
		verdict = "allowed"
	}
	var checks []string
	for _, c := range rec.Checks {
		mark := "no: " + c.Reason
		if c.Allowed {
			mark = "yes"
		}
		checks = append(checks, c.Name+" "+mark)
	}
	tool := rec.Tool
	if tool == "" {
		tool = "(no such tool)"
	}
	_, err := fmt.Fprintf(r.out, "%s %s %s of %s, %s.%s %s   %s   [%s]\n", rec.At.Format(time.TimeOnly), verdict, rec.User.ID, rec.User.Tenant, rec.Lane.Agent, rec.Lane.Name, tool, strings.Join(checks, "; "), reference)
	return err
}

// Login mints the token an invented user would get from the company's own login.
func (s *Server) Login(user string) (string, error) {
	for _, u := range s.current().environment.Data.Users {
		if u.Name == user {
			return s.loginToken(u)
		}
	}
	return "", fmt.Errorf("no invented user is called %q", user)
}

// loginToken is signed like the company's: dev is its own identity provider.
func (s *Server) loginToken(u platform.DataUser) (string, error) {
	now := s.now()
	kid, alg := s.signer.Key()
	header := map[string]any{"alg": alg, "typ": loginType, "kid": kid}
	claims := map[string]any{"iss": s.base, "aud": loginAudience, "sub": u.Name, "tenant": u.Tenant, "roles": u.Roles, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(8 * time.Hour).Unix(), "jti": rand.Text()}
	return sign(s.signer, header, claims)
}

// Opened is what opening an execution answers.
type Opened struct {
	Execution string `json:"execution"`
	Lane      string `json:"lane"`
	Gateway   string `json:"gateway"`
	Token     string `json:"token"`
	Expires   string `json:"expires"`
}

// errRefused is every way an execution is not opened; which one is in the log.
var errRefused = errors.New("refused")

// open opens an execution for a verified user: the application does this, never the agent.
func (s *Server) open(ctx context.Context, login, agent, wanted, purpose string) (Opened, error) {
	w := s.current()
	claims, err := w.login.Verify(ctx, login, loginAudience, s.now())
	if err != nil {
		fmt.Fprintf(s.log, "no execution: the login token is not trusted\n")
		return Opened{}, errRefused
	}
	user := claims.User
	declared, known := w.platform.Agent(agent)
	if !known || !overlap(user.Roles, w.platform.RolesAbove(declared.Callers)) || !overlap(declared.Purposes, []string{purpose}) {
		fmt.Fprintf(s.log, "no execution: %s may not use %s for %s\n", claims.User.ID, agent, purpose)
		return Opened{}, errRefused
	}
	l := w.pick(agent, wanted, user.ID)
	if l == nil {
		return Opened{}, errRefused
	}
	return s.delegate(ctx, l, user, purpose)
}

func (s *Server) delegate(ctx context.Context, l *lane, user terms.User, purpose string) (Opened, error) {
	execution := terms.ExecutionID("ex-" + rand.Text() + rand.Text()[:8]) // AgentCore wants at least 33 characters
	deadline := s.now().Add(l.WallClock())
	token, err := identity.Mint(ctx, s.signer, identity.Delegation{Issuer: s.base, User: user, Lane: l.Term(), Execution: execution, Purpose: purpose, Deadline: deadline}, s.now())
	if err != nil {
		return Opened{}, err
	}
	return Opened{Execution: string(execution), Lane: l.Term().String(), Gateway: s.base + "/lanes/" + l.Agent + "/" + l.Lane + "/mcp", Token: token, Expires: deadline.UTC().Format(time.RFC3339)}, nil
}

// pick chooses the lane: the one asked for, which only dev allows, or the one the user's
// name hashes to, so that a user stays with one version.
func (w *world) pick(agent, wanted, user string) *lane {
	if wanted != "" {
		return w.lanes[agent+"/"+wanted]
	}
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, user) // a hash never fails
	at := int(hash.Sum32() % 100)
	var rest *lane
	for _, l := range w.platform.Lanes(w.environment) {
		if l.Agent != agent {
			continue
		}
		if l.Version.Share == 0 {
			rest = w.lanes[agent+"/"+l.Lane]
			continue
		}
		if at -= int(l.Version.Share); at < 0 {
			return w.lanes[agent+"/"+l.Lane]
		}
	}
	return rest
}

// overlap reports whether two lists share a word.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(word string) bool { return slices.Contains(b, word) })
}

// Handler serves the issuer's documents, the entry and the lanes' gateways.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /jwks.json", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, json.RawMessage(s.key)) })
	mux.HandleFunc("POST /executions", s.executions)
	mux.HandleFunc("/lanes/{agent}/{lane}/mcp", s.mcp)
	return localOnly(mux)
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	text, err := identity.Discovery(s.base, s.base+"/jwks.json", identity.ES256)
	if err != nil {
		http.Error(w, "no discovery document", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(text))
}

func (s *Server) executions(w http.ResponseWriter, r *http.Request) {
	var wanted struct{ Agent, Lane, Purpose string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&wanted); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": `want {"agent": …, "purpose": …}`})
		return
	}
	opened, err := s.open(r.Context(), bearer(r), wanted.Agent, wanted.Lane, wanted.Purpose)
	if err != nil {
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "refused"})
		return
	}
	writeJSON(w, http.StatusCreated, opened)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}

// localOnly refuses pages of other sites (the browser states their origin) and any host
// name but loopback's, so that no web page can speak to a developer's gateway.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		origin := r.Header.Get("Origin")
		if host != "127.0.0.1" && host != "localhost" || origin != "" && !strings.HasPrefix(origin, "http://127.0.0.1:") && !strings.HasPrefix(origin, "http://localhost:") {
			http.Error(w, "only this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
