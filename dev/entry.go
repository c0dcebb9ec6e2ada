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
	"time"

	"remit/identity"
	"remit/platform"
	"remit/terms"
)

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
