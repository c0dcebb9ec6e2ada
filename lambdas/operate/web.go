package operate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"remit/ledger"
	"remit/terms"
)

// maxRequest is the largest question that is read, in bytes.
const maxRequest = 16 << 10

// maxTools is how many tools one question about a day may name: each is a read.
const maxTools = 256

// Handler serves, each with a JSON object for a body:
//
//	POST /stop      an operator stops a lane, tool, user or execution
//	POST /switches  what is stopped
//	POST /budget    what a user's and a tenant's day has used
//	POST /propose   one person asks to undo a stop, or to raise a limit
//	POST /approve   a second one, who broke the glass, has it done
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /stop", serve(d, d.stop))
	mux.HandleFunc("POST /switches", serve(d, d.switches))
	mux.HandleFunc("POST /budget", serve(d, d.budget))
	mux.HandleFunc("POST /propose", serve(d, d.propose))
	mux.HandleFunc("POST /approve", serve(d, d.approve))
	return mux
}

var (
	errNobody = errors.New("you may not do this here")
	errQuery  = errors.New("the request is not understood")
)

// serve knows who asks before it reads what is asked.
func serve[Q, A any](d *Desk, do func(context.Context, Person, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reference := rand.Text()[:16]
		if !d.complete() {
			answer(w, http.StatusServiceUnavailable, Failure{"nothing is set up to operate on", reference})
			return
		}
		who := d.Identify(r)
		person, known := d.Roles.Person(who)
		if !known {
			d.Note(reference, "no operator: "+who.ARN)
			answer(w, http.StatusForbidden, Failure{errNobody.Error(), reference})
			return
		}
		question, err := read[Q](r.Body)
		if err != nil {
			answer(w, http.StatusBadRequest, Failure{Error: errQuery.Error() + ": " + err.Error()})
			return
		}
		done, err := do(context.WithoutCancel(r.Context()), person, question) // a client that leaves does not leave half a stop
		if err != nil {
			d.refuse(w, reference, person, err)
			return
		}
		answer(w, http.StatusOK, done)
	}
}

// read is strict: what was misread could stop, or resume, something else.
func read[Q any](body io.Reader) (question Q, err error) {
	text, err := io.ReadAll(io.LimitReader(body, maxRequest+1))
	switch {
	case err != nil:
		return question, errors.New("it ended early")
	case len(text) > maxRequest:
		return question, errors.New("it is too large")
	}
	return question, strictly(text, &question)
}

func (d *Desk) refuse(w http.ResponseWriter, reference string, who Person, err error) {
	d.Note(reference, who.Name+": "+err.Error())
	var refused *ledger.Refusal
	switch {
	case errors.Is(err, errNobody):
		answer(w, http.StatusForbidden, Failure{err.Error(), reference})
	case errors.Is(err, ledger.ErrInvalid), errors.As(err, &refused):
		answer(w, http.StatusConflict, Failure{err.Error(), reference})
	default:
		answer(w, http.StatusServiceUnavailable, Failure{"the ledger does not answer; ask again, which is safe", reference})
	}
}

func (d *Desk) stop(ctx context.Context, who Person, asked StopAsked) (Stopped, error) {
	ended, err := d.Ledger.Stop(ctx, ledger.Switch{Kind: asked.Kind, Name: asked.Name, Who: who.Name, Why: asked.Why, At: d.Now()})
	return Stopped{By: who.Name, Executions: append([]terms.ExecutionID{}, ended...)}, err
}

func (d *Desk) switches(ctx context.Context, _ Person, _ struct{}) (Switches, error) {
	thrown, err := d.Ledger.Switches(ctx)
	out := Switches{Switches: []Switch{}}
	for _, s := range thrown {
		out.Switches = append(out.Switches, Switch{Kind: s.Kind, Name: s.Name, Who: s.Who, Why: s.Why, At: s.At, Lifted: (*Lifted)(s.Lifted)})
	}
	return out, err
}

func (d *Desk) budget(ctx context.Context, _ Person, asked BudgetAsked) (Budget, error) {
	if asked.User == "" || asked.Tenant == "" || len(asked.Tools) > maxTools {
		return Budget{}, ledger.ErrInvalid
	}
	var limits []string
	for _, tool := range asked.Tools {
		limits = append(limits, terms.DailyLimit(tool))
	}
	day, err := d.Ledger.Budget(ctx, terms.User{ID: asked.User, Tenant: asked.Tenant}, ledger.DayOf(d.Now(), d.Zone), limits...)
	out := Budget{Date: day.Date, User: day.User[ledger.CostLimit], Tenant: day.Tenant, Calls: map[string]int64{}}
	for _, tool := range asked.Tools {
		out.Calls[tool] = day.User[terms.DailyLimit(tool)]
	}
	return out, err
}

func (d *Desk) propose(ctx context.Context, who Person, asked Asked) (Waiting, error) {
	at := d.Now()
	id, err := d.Ledger.AskToWiden(ctx, ledger.Want{
		Kind: asked.Kind, Name: asked.Name, Execution: asked.Execution, More: ledger.Amount{Limit: asked.Limit, Take: asked.By},
		Who: who.Name, Why: asked.Why, At: at, Until: asked.Until,
	})
	return Waiting{ID: id, By: who.Name, Expires: at.Add(ledger.AskFor).UTC()}, err
}

func (d *Desk) approve(ctx context.Context, who Person, asked ApprovalAsked) (Approved, error) {
	if !who.Breakglass {
		return Approved{}, errNobody
	}
	w, err := d.Ledger.Widen(ctx, asked.ID, who.Name, d.Now())
	if err != nil {
		return Approved{}, err
	}
	d.Widened(w, who.Name)
	return Approved{First: w.Who, Second: who.Name, Asked: Asked{Kind: w.Kind, Name: w.Name, Execution: w.Execution, Limit: w.More.Limit, By: w.More.Take, Why: w.Why, Until: w.Until}}, nil
}

func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.New("it is not the JSON object that this verb takes")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the object")
	}
	return nil
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone if this fails
}
