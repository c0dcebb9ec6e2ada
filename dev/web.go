package dev

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"remit/identity"
	"remit/lambdas/closing"
)

// Handler serves the issuer's documents, the entry, the approvals, the company's buses and the
// lanes' gateways.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /jwks.json", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, json.RawMessage(s.key)) })
	mux.HandleFunc("POST /executions", s.executions)
	mux.HandleFunc("DELETE /executions/{id}", func(w http.ResponseWriter, r *http.Request) { s.current().entry.Handler().ServeHTTP(w, r) })
	approvals := func(w http.ResponseWriter, r *http.Request) { s.current().approvals.Handler().ServeHTTP(w, r) }
	mux.HandleFunc("GET /login/{user}", s.signIn)
	mux.HandleFunc("/approvals", approvals)
	mux.HandleFunc("/approvals/", approvals)
	mux.HandleFunc("POST /events/{bus}", s.event)
	mux.HandleFunc("/lanes/{agent}/{lane}/mcp", s.mcp)
	mux.HandleFunc("/lanes/{agent}/{lane}/models/", s.models)
	return localOnly(mux)
}

// models is a lane's broker, in front of a stand-in that says back what it is asked.
func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("agent") + "/" + r.PathValue("lane")
	l := s.current().lanes[name]
	if l == nil || l.models == nil {
		http.NotFound(w, r)
		return
	}
	http.StripPrefix("/lanes/"+name+"/models", l.models.Handler()).ServeHTTP(w, r)
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	text, err := identity.Discovery(s.base, s.base+"/jwks.json", identity.ES256)
	if err != nil {
		http.Error(w, "no discovery document", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(text))
}

// event takes an event that would happen on a bus of the company's, by its logical name, in
// EventBridge's form; without a time it happens now.
func (s *Server) event(w http.ResponseWriter, r *http.Request) {
	e := closing.Event{Bus: r.PathValue("bus")}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxEvent)).Decode(&e.Event); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": `want {"detail-type": …, "detail": {…}}`})
		return
	}
	if e.Event.Time.IsZero() {
		e.Event.Time = s.now()
	}
	if err := s.current().closer.Handle(r.Context(), e); err != nil {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"error": err.Error()})
		return
	}
	s.log.print("%s happened on %s\n", e.Event.Type, e.Bus)
	w.WriteHeader(http.StatusAccepted)
}

// maxEvent is the largest event of EventBridge, in bytes.
const maxEvent = 256 << 10

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
