package approve

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"

	"remit/lambdas/entry"
	"remit/ledger"
)

//go:embed page.html
var page []byte

// Handler serves, below /approvals:
//
//	GET  /approvals               the page
//	GET  /approvals/waiting       what waits for the user who logged in
//	POST /approvals/{id}/approve  runs it, once
//	POST /approvals/{id}/reject   ends it
func (a *Approvals) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /approvals", a.page)
	mux.HandleFunc("GET /approvals/waiting", a.waiting)
	mux.HandleFunc("POST /approvals/{id}/approve", a.approve)
	mux.HandleFunc("POST /approvals/{id}/reject", a.reject)
	return mux
}

// page allows its own style and script and nothing else: no other site frames it, and no
// other script runs in it (W3C Content Security Policy Level 3).
func (a *Approvals) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(page) // the client has gone if this fails
}

func (a *Approvals) waiting(w http.ResponseWriter, r *http.Request) {
	list, err := a.List(r.Context(), entry.Bearer(r))
	if err != nil {
		a.fail(w, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"waiting": list})
}

func (a *Approvals) approve(w http.ResponseWriter, r *http.Request) {
	result, err := a.Approve(r.Context(), entry.Bearer(r), r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"result": result})
}

func (a *Approvals) reject(w http.ResponseWriter, r *http.Request) {
	if err := a.Reject(r.Context(), entry.Bearer(r), r.PathValue("id")); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fail tells the user as much as they can act on.
func (a *Approvals) fail(w http.ResponseWriter, err error) {
	var refusal *ledger.Refusal
	var answered *Answered
	switch {
	case errors.Is(err, ErrRefused):
		write(w, http.StatusForbidden, map[string]any{"error": "Log in again to decide; a login counts for five minutes."})
	case errors.As(err, &refusal):
		a.Note("approve", refusal.Error())
		write(w, http.StatusConflict, map[string]any{"error": "It waits no more: it was decided, has expired, or may not run now."})
	case errors.As(err, &answered):
		write(w, http.StatusConflict, map[string]any{"error": "It did not run: " + answered.Message + ".", "reference": answered.Reference})
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
