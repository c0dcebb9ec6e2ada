// Package gate is the gate before an environment: it alone answers the pipeline where it waits
// for approval. It verifies what the judge attested, holds it against the declaration that runs
// ([attest.Question]), takes the word of people as AWS verified them, and when nobody's is
// missing signs and opens. It knows no CodePipeline and no AWS: those are ports. Start with
// [Gate.Handler] for people and [Gate.Waits] for the pipeline. The zero [Gate] opens nothing.
//
// Whatever fails leaves the gate shut, and looking again is always safe: approvals, admissions
// and the pipeline's answer are each given once.
package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"remit/attest"
	"remit/lambdas/person"
	"remit/shelf"
)

// Pipeline is what a gate takes of the pipeline.
type Pipeline interface {
	// Waiting is the run that waits before an environment, and the token that answers it; zero
	// where none does.
	Waiting(ctx context.Context, environment string) (Run, error)
	// Answer lets the run go on, or ends it. An answer that has been given already is no error.
	Answer(ctx context.Context, environment string, r Run, open bool, why string) error
}

// Run is a run of the pipeline that waits.
type Run struct{ Execution, Token string }

// Gate serves one platform. All fields are required.
type Gate struct {
	Platform string
	Shelf    shelf.Shelf
	Keys     attest.Keys
	Signer   attest.Signer // of the gate's own key
	Pipeline Pipeline
	Role     string                              // the role that approvers come in, by ARN
	Identify func(*http.Request) person.Identity // as AWS verified it, never as the request says
	Note     func(reference, why string)         // one line for operators
	Now      func() time.Time
}

func (g *Gate) complete() bool {
	return g.Platform != "" && g.Shelf.Store != nil && g.Keys != nil && g.Signer != nil && g.Pipeline != nil && g.Role != "" && g.Identify != nil && g.Note != nil && g.Now != nil
}

// Asked is what a person asks: about a run before an environment, for a class, and why.
type Asked struct {
	Environment string `json:"environment"`
	Execution   string `json:"execution"`
	Class       string `json:"class,omitempty"`
	Why         string `json:"why,omitempty"`
}

// Stands is how a release stands before the gate.
type Stands struct {
	Attestation attest.Attestation  `json:"attestation"`
	Open        bool                `json:"open"`
	Refused     string              `json:"refused,omitempty"`
	Waits       map[string][]string `json:"waits,omitempty"` // class: who can agree; "" is any one of all
	Agreed      []attest.Approval   `json:"agreed,omitempty"`
}

// look gathers what the gate looks at.
func (g *Gate) look(ctx context.Context, environment, execution string) (attest.Question, []byte, error) {
	sealed, err := g.Shelf.Attestation(ctx, environment, execution)
	if err != nil {
		return attest.Question{}, nil, err
	}
	candidate, err := attest.Attested(ctx, sealed, g.Keys, attest.Judge)
	if err != nil {
		return attest.Question{}, nil, err
	}
	if err := candidate.For(g.Platform, environment, g.Now()); err != nil {
		return attest.Question{}, nil, err
	}
	if candidate.Execution != execution {
		return attest.Question{}, nil, fmt.Errorf("the attestation is of run %s, and this is run %s", candidate.Execution, execution)
	}
	q := attest.Question{Candidate: candidate, Digest: attest.Digest(sealed), Now: g.Now()}
	if q.Deployed, q.Standing, err = g.Shelf.Standing(ctx, environment, g.Keys); err != nil {
		return q, nil, err
	}
	q.Approvals, err = g.Shelf.Approvals(ctx, environment, execution)
	return q, sealed, err
}

// Waits looks at a run that has come to the gate, and opens, refuses, or lets it wait. What
// cannot be believed is refused.
func (g *Gate) Waits(ctx context.Context, environment, execution string) (Stands, error) {
	if !g.complete() {
		return Stands{}, errors.New("the gate is not set up")
	}
	q, sealed, err := g.look(ctx, environment, execution)
	if err != nil {
		why := "it is not let in: " + err.Error()
		return Stands{Refused: why}, errors.Join(err, g.answer(ctx, environment, execution, false, why))
	}
	return g.settle(ctx, q, sealed)
}

// settle does what follows from a question: the signature first, so that whatever is let go on
// can be deployed.
func (g *Gate) settle(ctx context.Context, q attest.Question, sealed []byte) (Stands, error) {
	a := q.Answer()
	out := Stands{Attestation: q.Candidate, Open: a.Open, Refused: a.Refused, Waits: a.Waits, Agreed: a.Agreed}
	environment, execution := q.Candidate.Environment, q.Candidate.Execution
	switch {
	case a.Refused != "":
		return out, g.answer(ctx, environment, execution, false, a.Refused)
	case !a.Open:
		return out, nil
	}
	if err := g.admit(ctx, environment, execution, sealed); err != nil {
		return Stands{}, err
	}
	return out, g.answer(ctx, environment, execution, true, summary(q.Candidate.Verdict.Class, a.Agreed))
}

// admit signs what is let in, once: of two that sign at once one signature is kept, and either is
// good.
func (g *Gate) admit(ctx context.Context, environment, execution string, sealed []byte) error {
	signed, err := attest.Countersign(ctx, attest.Gate, g.Signer, sealed)
	if err != nil {
		return err
	}
	if err := g.Shelf.Admit(ctx, environment, execution, signed); !errors.Is(err, shelf.ErrTaken) {
		return err
	}
	there, err := g.Shelf.Admission(ctx, environment, execution)
	if err != nil {
		return err
	}
	_, err = attest.Attested(ctx, there, g.Keys, attest.Judge, attest.Gate)
	return err
}

func summary(class string, agreed []attest.Approval) string {
	said := []string{class}
	for _, a := range agreed {
		said = append(said, fmt.Sprintf("%s agreed for %s", a.Person, a.Class))
	}
	return strings.Join(said, "; ")
}

// answer answers the pipeline, if it is this run that waits.
func (g *Gate) answer(ctx context.Context, environment, execution string, open bool, why string) error {
	waits, err := g.Pipeline.Waiting(ctx, environment)
	if err != nil {
		return err
	}
	if waits.Token == "" || waits.Execution != execution {
		return nil
	}
	return g.Pipeline.Answer(ctx, environment, waits, open, why)
}
