package entry

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// MaxAsked is the largest request that is read, in bytes.
const MaxAsked = 256 << 10

// Handler serves the front door over HTTP:
//
//	POST   /executions              the user's own token in, the agent's streamed answer out
//	DELETE /executions/{id}         the user ends an execution of their own; its broker, one that is used up
//	POST   /executions/{id}/memory  the agent's delegation token in, memory credentials out
//	GET    the documents of [Publish]
func (e *Entry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /executions", e.run)
	mux.HandleFunc("DELETE /executions/{id}", e.cancel)
	mux.HandleFunc("POST /executions/{id}/memory", e.memory)
	for path, text := range e.Documents {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=300")
			writeJSON(w, http.StatusOK, json.RawMessage(text))
		})
	}
	return mux
}

// run opens an execution, hands it to the agent, and passes its answer on as it comes.
func (e *Entry) run(w http.ResponseWriter, r *http.Request) {
	reference := rand.Text()[:16]
	asked, err := Read(r)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid request", reference, err.Error())
		return
	}
	opened, err := e.Open(r.Context(), reference, identity.Bearer(r), asked)
	if err != nil {
		e.Deny(w, reference, err)
		return
	}
	e.serve(w, r, reference, opened, asked)
}

func (e *Entry) serve(w http.ResponseWriter, r *http.Request, reference string, o Opened, asked Asked) {
	ctx, cancel := context.WithDeadline(r.Context(), cutAt(r.Context(), o.Deadline))
	defer cancel()
	ctx, unwatch := e.watched(ctx, o.Execution)
	defer unwatch()
	defer e.end(ctx, reference, o)
	answer, err := e.Runtime.Invoke(ctx, Invocation{Lane: o.Lane, Session: o.Execution, Token: o.Token, Models: o.Models, Payload: payload(o, asked)})
	if err != nil {
		e.Note(reference, "the runtime did not answer: "+err.Error())
		writeError(w, http.StatusBadGateway, "the agent did not answer", reference, "")
		return
	}
	defer func() { _ = answer.Body.Close() }() // nothing is written to it
	w.Header().Set("Content-Type", answer.ContentType)
	w.Header().Set("X-Remit-Execution", string(o.Execution))
	w.Header().Set("X-Remit-Lane", o.Lane.Lane.String())
	w.WriteHeader(http.StatusOK)
	flush(w) // whoever wants to end a silent agent's execution needs its id now
	if _, err := io.Copy(flushing{w}, answer.Body); err != nil {
		e.Note(reference, "the answer was cut: "+err.Error()+"; "+whyOver(ctx))
	}
}

// toClose is the time kept back for closing an execution before the function itself ends.
const toClose = 3 * time.Second

// cutAt is when an answer is cut at the latest: at the execution's deadline, or while there
// is time left to close it. A function runs for 15 minutes at most (Lambda quotas).
func cutAt(ctx context.Context, deadline time.Time) time.Time {
	if ends, bounded := ctx.Deadline(); bounded && ends.Add(-toClose).Before(deadline) {
		return ends.Add(-toClose)
	}
	return deadline
}

// payload is what the agent is told besides its token.
func payload(o Opened, asked Asked) []byte {
	text, err := json.Marshal(struct {
		Execution terms.ExecutionID `json:"execution"`
		Gateway   string            `json:"gateway"`
		Models    string            `json:"models,omitempty"`
		Purpose   string            `json:"purpose"`
		Deadline  time.Time         `json:"deadline"`
		Input     json.RawMessage   `json:"input,omitempty"`
	}{o.Execution, o.Lane.Gateway, o.Lane.Models, asked.Purpose, o.Deadline.UTC(), asked.Input})
	if err != nil {
		return nil // Input was decoded as JSON, so it encodes
	}
	return text
}

// end closes the execution and stops the session, whoever has gone. At the deadline it does
// so to the second; only a session whose entry is gone too lives as long as its runtime lets it.
func (e *Entry) end(ctx context.Context, reference string, o Opened) {
	if err := e.close(ctx, o.Execution, whyOver(ctx)); err != nil {
		e.Note(reference, "not closed, so the sweep will: "+err.Error())
	}
	e.stopSession(ctx, reference, o.Lane, o.Execution)
}

func (e *Entry) stopSession(ctx context.Context, reference string, lane policy.Registration, id terms.ExecutionID) {
	if err := e.Runtime.Stop(context.WithoutCancel(ctx), lane, id); err != nil {
		e.Note(reference, "the session was not stopped: "+err.Error())
	}
}

// flushing passes each piece on as it is written.
type flushing struct{ http.ResponseWriter }

// Write writes and flushes.
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	flush(f.ResponseWriter)
	return n, err
}

func flush(w http.ResponseWriter) {
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

// cancel ends an execution for its own user, or for its broker once it can pay for nothing
// more. Somebody else's is refused like one that is unknown.
func (e *Entry) cancel(w http.ResponseWriter, r *http.Request) {
	reference := rand.Text()[:16]
	claims, why, err := e.ender(r.Context(), identity.Bearer(r))
	if err != nil {
		e.Deny(w, reference, e.refuse(reference, err.Error()))
		return
	}
	x, err := e.Ledger.Execution(r.Context(), terms.ExecutionID(r.PathValue("id")))
	if err != nil || x.User.ID != claims.User.ID || x.User.Tenant != claims.User.Tenant || claims.Execution != "" && claims.Execution != x.ID {
		e.Deny(w, reference, e.refuse(reference, "not an execution of this user"))
		return
	}
	if err := e.close(r.Context(), x.ID, why); err != nil {
		e.Deny(w, reference, err)
		return
	}
	e.stop(r.Context(), reference, x)
	w.WriteHeader(http.StatusNoContent)
}

// ender is who may end an execution. A token for models is one execution's, so an agent that
// uses it so ends itself.
func (e *Entry) ender(ctx context.Context, token string) (claims identity.Claims, why string, err error) {
	if claims, err = e.verify(ctx, token); err == nil {
		return claims, "the user ended it", nil
	}
	if e.complete() && e.Agents != nil {
		if claims, _, why, down := e.agent(ctx, token, identity.ModelAudience); why == "" && down == nil {
			return claims, "its budget is used up", nil
		}
	}
	return identity.Claims{}, "", err
}

// stop ends the session of an execution that its user ended: closed, it calls no tool, but
// its agent would think on at the user's cost. A lane that is gone has no sessions.
func (e *Entry) stop(ctx context.Context, reference string, x ledger.Execution) {
	lanes, err := e.Lanes.Lanes(ctx)
	if err != nil {
		e.Note(reference, "the session was not stopped: "+err.Error())
	}
	for _, lane := range lanes {
		if lane.Lane == x.Lane {
			e.stopSession(ctx, reference, lane, x.ID)
		}
	}
}

// Read reads what an application asks: one JSON object, no unknown key, nothing after it.
func Read(r *http.Request) (Asked, error) {
	var asked Asked
	text, err := io.ReadAll(io.LimitReader(r.Body, MaxAsked+1))
	if err != nil || len(text) > MaxAsked {
		return Asked{}, errors.New("the body cannot be read, or is over 256 KiB")
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return Asked{}, errors.New(`want {"agent": …, "purpose": …, "input": …}`)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Asked{}, errors.New("bytes after the request")
	}
	return asked, nil
}

// Deny writes why an execution was not opened, as far as the application may know.
func (e *Entry) Deny(w http.ResponseWriter, reference string, err error) {
	var refusal *ledger.Refusal
	switch {
	case errors.Is(err, ErrRefused):
		writeError(w, http.StatusForbidden, "refused", reference, "")
	case errors.As(err, &refusal) && (refusal.What == ledger.RefusedStopped || refusal.What == ledger.RefusedClosed):
		e.Note(reference, "the ledger refuses: "+refusal.What)
		writeError(w, http.StatusForbidden, "refused", reference, "")
	case errors.As(err, &refusal) && refusal.What == ledger.RefusedThrottled:
		e.Note(reference, refusal.Error())
		writeError(w, http.StatusTooManyRequests, "too many requests for a while", reference, again(w, refusal.RetryAt))
	case errors.As(err, &refusal):
		e.Note(reference, refusal.Error())
		writeError(w, http.StatusTooManyRequests, "the day's budget is used up", reference, again(w, refusal.RetryAt))
	default:
		e.Note(reference, err.Error())
		writeError(w, http.StatusServiceUnavailable, "temporarily unavailable, try again later", reference, "")
	}
}

// again says when to come back, and nothing where no day will ever be enough.
func again(w http.ResponseWriter, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
	return "again at " + at.UTC().Format(time.RFC3339)
}

func writeError(w http.ResponseWriter, status int, says, reference, detail string) {
	body := map[string]string{"error": says, "reference": reference}
	if detail != "" {
		body["detail"] = detail
	}
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}
