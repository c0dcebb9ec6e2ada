package dev

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"remit/identity"
	"remit/lambdas/entry"
	"remit/platform"
)

// Login mints the token an invented user would get from the company's own login.
func (s *Server) Login(user string) (string, error) { return s.login(user, loginAudience) }

// signIn is the company's login page for an invented user: it sends the browser to what
// waits, with the login in the fragment, which no server and no log sees. Whoever can reach
// this port can log in as anyone invented; that is what invented users are for.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	token, err := s.login(r.PathValue("user"), approvalAudience)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, "/approvals#"+token, http.StatusSeeOther)
}

func (s *Server) login(user, audience string) (string, error) {
	w := s.current()
	for _, u := range w.environment.Data.Users {
		if u.Name == user {
			return s.loginToken(u, audience, w.environment.Identity.Entry[0])
		}
	}
	return "", fmt.Errorf("no invented user is called %q", user)
}

// loginToken is signed like the company's: dev is its own identity provider.
func (s *Server) loginToken(u platform.DataUser, audience, application string) (string, error) {
	now := s.now()
	kid, alg := s.signer.Key()
	header := map[string]any{"alg": alg, "typ": loginType, "kid": kid}
	claims := map[string]any{"iss": s.base, "aud": audience, "client_id": application, "sub": u.Name, "tenant": u.Tenant, "roles": u.Roles, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(8 * time.Hour).Unix(), "jti": rand.Text()}
	return sign(s.signer, header, claims)
}

// Opened is what opening an execution answers.
type Opened struct {
	Execution string `json:"execution"`
	Lane      string `json:"lane"`
	Gateway   string `json:"gateway"`
	Token     string `json:"token"`
	Models    string `json:"models,omitempty"`       // the endpoint of Bedrock's runtime, for an SDK
	Bearer    string `json:"models_token,omitempty"` // and the bearer token to use there
	Expires   string `json:"expires"`
}

// executions opens an execution as the front door does, and hands what its agent needs to
// the developer's own process.
func (s *Server) executions(w http.ResponseWriter, r *http.Request) {
	reference := rand.Text()[:16]
	door := s.current().entry
	asked, err := entry.Read(r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	opened, err := door.Open(r.Context(), reference, identity.Bearer(r), asked)
	if err != nil {
		door.Deny(w, reference, err)
		return
	}
	writeJSON(w, http.StatusCreated, Opened{
		Execution: string(opened.Execution), Lane: opened.Lane.Lane.String(), Gateway: opened.Lane.Gateway, Token: opened.Token, Models: opened.Lane.Models, Bearer: opened.Models, Expires: opened.Deadline.UTC().Format(time.RFC3339),
	})
}
