// Package dev is one environment of a company on a laptop: issuer, entry, approvals and the
// gateway of every lane, on loopback, with the handlers that ship, a ledger in memory and
// the declaration's own mock replies. It knows HTTP and MCP; every decision is package
// gateway's, every limit package ledger's. Start with [New].
//
// AgentCore's order is kept: inbound token, REQUEST interceptor, policy engine, target,
// RESPONSE interceptor. What it assumes of AgentCore and nothing has exercised: that the
// RESPONSE interceptor also runs after a REQUEST denial and after the engine's, that the
// interceptors see the bearer token as it was sent, and that the engine sees the token's
// text claims as tags under their own names.
package dev

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"remit/identity"
	"remit/lambdas/approve"
	"remit/lambdas/closing"
	"remit/lambdas/entry"
	"remit/lambdas/gateway"
	"remit/lambdas/model"
	"remit/lambdas/model/standin"
	"remit/lambdas/sealing"
	"remit/ledger"
	"remit/platform"
	"remit/policy"
)

// Server serves one environment. Make it with [New].
type Server struct {
	base   string // http://127.0.0.1:port
	now    func() time.Time
	log    *journal
	signer *identity.LocalSigner
	key    []byte // the JWKS
	store  *ledger.Memory
	seal   sealing.Sealer

	mu     sync.Mutex
	source Source
	stamp  string
	world  *world
	runs   map[string]int // of each tool's mock
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
	ledger      *ledger.Ledger
	entry       *entry.Entry
	approvals   *approve.Approvals
	closer      *closing.Closer
}

type lane struct {
	platform.Running
	registration policy.Registration
	gateway      *gateway.Gateway
	models       *model.Broker // nil for a lane that uses models directly
	engine       *engine
	mocks        map[string]any
}

// Whom dev's login tokens address: the entry, or the page where users approve.
const (
	loginAudience    = "remit-dev-entry"
	approvalAudience = "remit-dev-approvals"
)

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
	s := &Server{base: base, now: now, log: &journal{out: log}, signer: signer, key: keys, source: source, stamp: source.Stamp(), runs: map[string]int{},
		store: &ledger.Memory{}, seal: sealing.Sealer{Keys: sealing.NewLocal()}}
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
	w := &world{platform: p, environment: e, lanes: map[string]*lane{}, ledger: &ledger.Ledger{Store: s.store, Zone: e.Day}}
	for _, running := range p.Lanes(e) {
		l, err := s.lane(p, running, w)
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", running.Term(), err)
		}
		w.lanes[running.Agent+"/"+running.Lane] = l
	}
	if err := s.own(e.Data.Directories); err != nil {
		return nil, err
	}
	w.closer = &closing.Closer{Closings: p.Closings(e), Ledger: w.ledger, Directory: closing.Owners{Store: s.store}}
	return w, s.door(w)
}

// door makes the entry and the approvals of a world.
func (s *Server) door(w *world) error {
	logins, err := s.verifier(identity.KindLogin, []string{loginAudience, approvalAudience}, w.platform.UserRoles)
	if err != nil {
		return err
	}
	var ours []string
	for _, l := range w.lanes {
		ours = append(ours, audiences(l.Running)...)
	}
	agents, err := s.verifier(identity.KindDelegation, ours, nil)
	if err != nil {
		return err
	}
	entrance := w.platform.Entrance(w.environment)
	entrance.Login.Audience = loginAudience
	w.entry = &entry.Entry{
		Entrance: entrance, Issuer: s.base, Login: logins, Lanes: w, Ledger: w.ledger, Signer: s.signer, Agents: agents, Runtime: laptop{s.log},
		Note: s.log.note, Now: s.now, Looks: entry.Every(time.Second), AnyLane: true,
	}
	entrance.Approvals = &policy.Approvals{Audience: approvalAudience} // without a client: /login/{user} is the login here
	w.approvals = &approve.Approvals{
		Issuer: s.base, Login: logins, Ledger: w.ledger, Sealer: s.seal, Lanes: w, Signer: s.signer,
		Gateway: approve.OverHTTP{Client: local}, Entrance: entrance, Note: s.log.note, Now: s.now,
	}
	return nil
}

// Lanes is every lane of the environment, as it would register.
func (w *world) Lanes(context.Context) ([]policy.Registration, error) {
	var out []policy.Registration
	for _, l := range w.lanes {
		out = append(out, l.registration)
	}
	return out, nil
}

// verifier trusts tokens of this server for some audiences. A login token's roles are the
// declared user roles by their own names.
func (s *Server) verifier(kind identity.Kind, audiences []string, roles []platform.UserRole) (*identity.Verifier, error) {
	issuer := identity.Issuer{
		URL: s.base, Kind: kind, Audiences: audiences, Algorithms: []identity.Algorithm{identity.ES256}, Types: []string{"at+jwt"},
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
	verifier, err := s.verifier(identity.KindDelegation, audiences(running), nil)
	if err != nil {
		return nil, err
	}
	asked, err := newEngine(loaded, running.ARN("bedrock-agentcore", "gateway/"+running.Gateway()+"-0000000000"))
	if err != nil {
		return nil, err
	}
	l := &lane{Running: running, engine: asked, mocks: map[string]any{}}
	for _, t := range running.Environment.Targets {
		l.mocks[t.Tool] = t.Mock
	}
	at, models := s.base+"/lanes/"+running.Agent+"/"+running.Lane, ""
	if running.Brokered() {
		models = at + "/models"
		l.models = &model.Broker{Models: p.Models(running), Verifier: verifier, Ledger: w.ledger, Upstream: standin.Upstream{}, Door: model.OverHTTP{URL: s.base, Client: local}, Note: s.log.note, Now: s.now}
	}
	l.registration = p.Registration(running, "this laptop", at+"/mcp", models)
	l.gateway = &gateway.Gateway{
		Bundle: loaded, Digest: policy.DigestOf(text), Verifier: verifier, Schemas: schemas, Now: s.now,
		Ledger: w.ledger, Sealer: s.seal, Note: s.log.note, Observe: s.log.record,
	}
	return l, nil
}

// audiences are whom the two tokens of an execution of a lane address.
func audiences(running platform.Running) []string {
	return []string{running.Term().String(), identity.ModelAudience(running.Term())}
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
