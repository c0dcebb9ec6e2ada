package gate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"remit/attest"
	"remit/lambdas/person"
	"remit/shelf"
)

// maxRequest is the largest question that is read, in bytes.
const maxRequest = 16 << 10

// Failure is why nothing was done. Reference is what operators find in the log.
type Failure struct {
	Error     string `json:"error"`
	Reference string `json:"reference,omitempty"`
}

// Handler serves, each with an [Asked] for a body and [Stands] for an answer:
//
//	POST /show     how a release stands before the gate
//	POST /approve  a person agrees for a class of approvers
//	POST /reject   a person refuses
func (g *Gate) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /show", g.serve(g.show))
	mux.HandleFunc("POST /approve", g.serve(g.approve))
	mux.HandleFunc("POST /reject", g.serve(g.reject))
	return mux
}

// refusal is what a person is told as it is; anything else that fails is for operators.
type refusal struct{ error }

func (g *Gate) serve(do func(ctx context.Context, who string, asked Asked) (Stands, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reference := rand.Text()[:16]
		if !g.complete() {
			answer(w, http.StatusServiceUnavailable, Failure{"the gate is not set up", reference})
			return
		}
		identity := g.Identify(r)
		who, known := person.In(g.Role, identity)
		if !known {
			g.Note(reference, "no approver: "+identity.ARN)
			answer(w, http.StatusForbidden, Failure{"you may not do this here", reference})
			return
		}
		var asked Asked
		d := json.NewDecoder(io.LimitReader(r.Body, maxRequest))
		d.DisallowUnknownFields()
		err := d.Decode(&asked)
		if _, end := d.Token(); err != nil || end != io.EOF {
			answer(w, http.StatusBadRequest, Failure{Error: "the request is not understood"})
			return
		}
		stands, err := do(context.WithoutCancel(r.Context()), who, asked) // a client that leaves does not leave half an answer
		if err != nil {
			g.refuse(w, reference, who, err)
			return
		}
		answer(w, http.StatusOK, stands)
	}
}

func (g *Gate) refuse(w http.ResponseWriter, reference, who string, err error) {
	g.Note(reference, who+": "+err.Error())
	var told refusal
	switch {
	case errors.As(err, &told), errors.Is(err, shelf.ErrTaken), errors.Is(err, shelf.ErrAbsent):
		answer(w, http.StatusConflict, Failure{err.Error(), reference})
	default:
		answer(w, http.StatusServiceUnavailable, Failure{"it could not be looked at, and the gate stays shut; ask again, which is safe", reference})
	}
}

func (g *Gate) show(ctx context.Context, _ string, asked Asked) (Stands, error) {
	q, _, err := g.look(ctx, asked.Environment, asked.Execution)
	if err != nil {
		return Stands{}, err
	}
	a := q.Answer()
	return Stands{q.Candidate, a.Open, a.Refused, a.Waits, a.Agreed}, nil
}

// approve takes the word of a person. Where nobody's is missing any more, as after an answer that
// was lost, it only does what follows.
func (g *Gate) approve(ctx context.Context, who string, asked Asked) (Stands, error) {
	q, sealed, err := g.look(ctx, asked.Environment, asked.Execution)
	if err != nil {
		return Stands{}, err
	}
	if q.Answer().Open {
		return g.settle(ctx, q, sealed)
	}
	if err := q.May(who, asked.Class); err != nil {
		return Stands{}, refusal{err}
	}
	return g.add(ctx, q, sealed, attest.Approval{Digest: q.Digest, Class: asked.Class, Person: who, Why: asked.Why, At: g.Now().UTC()})
}

func (g *Gate) reject(ctx context.Context, who string, asked Asked) (Stands, error) {
	q, sealed, err := g.look(ctx, asked.Environment, asked.Execution)
	if err != nil {
		return Stands{}, err
	}
	if err := q.MayReject(who); err != nil {
		return Stands{}, refusal{err}
	}
	if asked.Why == "" {
		return Stands{}, refusal{errors.New("say why, for the record")}
	}
	return g.add(ctx, q, sealed, attest.Approval{Digest: q.Digest, Class: attest.Rejected, Person: who, Why: asked.Why, At: g.Now().UTC()})
}

// add lays down what a person said and looks again, at what others may have said meanwhile.
func (g *Gate) add(ctx context.Context, q attest.Question, sealed []byte, a attest.Approval) (Stands, error) {
	environment, execution := q.Candidate.Environment, q.Candidate.Execution
	err := g.Shelf.Approve(ctx, environment, execution, a)
	if errors.Is(err, shelf.ErrTaken) {
		return Stands{}, refusal{errors.New("somebody else has spoken for it meanwhile; look at how it stands")}
	}
	if err != nil {
		return Stands{}, err
	}
	if q.Approvals, err = g.Shelf.Approvals(ctx, environment, execution); err != nil {
		return Stands{}, err
	}
	return g.settle(ctx, q, sealed)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}
