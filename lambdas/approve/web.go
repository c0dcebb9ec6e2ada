package approve

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"remit/identity"
	"remit/ledger"
)

//go:embed page.html
var page []byte

// Handler serves, below /approvals:
//
//	GET  /approvals               the page
//	GET  /approvals/login         where its user logs in, and as which client
//	GET  /approvals/waiting       what waits for the user who logged in
//	POST /approvals/{id}/approve  runs it, once
//	POST /approvals/{id}/reject   ends it
func (a *Approvals) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /approvals", a.page)
	mux.HandleFunc("GET /approvals/login", a.where)
	mux.HandleFunc("GET /approvals/waiting", a.waiting)
	mux.HandleFunc("POST /approvals/{id}/approve", a.approve)
	mux.HandleFunc("POST /approvals/{id}/reject", a.reject)
	return mux
}

// page allows its own style and script, to the letter, and nothing else: no other site frames
// it, no other script runs in it, and it speaks to us and to where the issuer gives tokens
// (W3C Content Security Policy Level 3).
func (a *Approvals) page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+digestOf("style")+"; script-src "+digestOf("script")+"; connect-src "+a.speaksTo(r.Context())+"; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(page) // the client has gone if this fails
}

// digestOf is the source expression of one inline element of the page.
func digestOf(element string) string {
	_, rest, _ := bytes.Cut(page, []byte("<"+element+">"))
	text, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// speaksTo is the origins that the page may call. While the issuer does not say where its
// tokens are, nobody can log in; the page says that, and is served all the same.
func (a *Approvals) speaksTo(ctx context.Context) string {
	found, err := a.logsIn(ctx)
	if err != nil || found.Token == "" {
		return "'self'"
	}
	u, err := url.Parse(found.Token)
	if err != nil {
		return "'self'"
	}
	return "'self' " + u.Scheme + "://" + u.Host
}

// loginAt is what a browser needs to log its user in (OpenID Connect Core 1.0, authorization
// code flow, with PKCE). A page without a client offers no login.
type loginAt struct {
	Authorization string `json:"authorization,omitempty"`
	Token         string `json:"token,omitempty"`
	Issuer        string `json:"issuer,omitempty"`
	Client        string `json:"client,omitempty"`
	Scope         string `json:"scope,omitempty"`
	Audience      string `json:"audience,omitempty"`
	MaxAge        int    `json:"max_age,omitempty"` // seconds
}

func (a *Approvals) logsIn(ctx context.Context) (loginAt, error) {
	if !a.complete() || a.Entrance.Approvals.Client == "" {
		return loginAt{}, nil
	}
	found, err := a.Provider.Endpoints(ctx)
	if err != nil {
		a.Note("approve", err.Error())
		return loginAt{}, err
	}
	by := a.Entrance.Approvals
	return loginAt{Authorization: found.Authorization, Token: found.Token, Issuer: a.Entrance.Login.Issuer, Client: by.Client, Audience: by.Audience,
		Scope: strings.TrimSpace("openid " + by.Scope), MaxAge: int(Recent.Seconds())}, nil
}

func (a *Approvals) where(w http.ResponseWriter, r *http.Request) {
	found, err := a.logsIn(r.Context())
	if err != nil {
		write(w, http.StatusServiceUnavailable, map[string]any{"error": "The company's login does not answer. Try again in a minute."})
		return
	}
	write(w, http.StatusOK, found)
}

func (a *Approvals) waiting(w http.ResponseWriter, r *http.Request) {
	list, err := a.List(r.Context(), identity.Bearer(r))
	if err != nil {
		a.fail(w, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"waiting": list})
}

func (a *Approvals) approve(w http.ResponseWriter, r *http.Request) {
	result, err := a.Approve(r.Context(), identity.Bearer(r), r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"result": result})
}

func (a *Approvals) reject(w http.ResponseWriter, r *http.Request) {
	if err := a.Reject(r.Context(), identity.Bearer(r), r.PathValue("id")); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fail tells the user as much as they can act on. A tool that failed may have run, so an
// error of the gateway's is never called a call that did not.
func (a *Approvals) fail(w http.ResponseWriter, err error) {
	var refusal *ledger.Refusal
	var answered *Answered
	switch {
	case errors.Is(err, ErrRefused):
		write(w, http.StatusForbidden, map[string]any{"error": "Log in again to decide; a login counts for five minutes."})
	case errors.As(err, &refusal) && refusal.What == ledger.RefusedThrottled:
		a.Note("approve", refusal.Error())
		w.Header().Set("Retry-After", refusal.RetryAt.UTC().Format(http.TimeFormat))
		write(w, http.StatusTooManyRequests, map[string]any{"error": "The agent is busy. It still waits; try again at " + refusal.RetryAt.UTC().Format("15:04") + " UTC."})
	case errors.As(err, &refusal):
		a.Note("approve", refusal.Error())
		write(w, http.StatusConflict, map[string]any{"error": "It waits no more: it was decided, has expired, or may not run now."})
	case errors.As(err, &answered):
		write(w, http.StatusConflict, map[string]any{"error": "It gave no result: " + answered.Message + ".", "reference": answered.Reference})
	default:
		a.Note("approve", err.Error())
		write(w, http.StatusServiceUnavailable, map[string]any{"error": "Something is unavailable. Look again whether it still waits."})
	}
}

func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}
