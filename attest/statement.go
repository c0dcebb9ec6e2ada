package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"remit/terms"
)

// The types of statement and predicate. Ours is versioned by its last part.
const (
	statementType  = "https://in-toto.io/Statement/v1"
	releaseType    = "urn:remit:release:1"
	evaluationType = "urn:remit:evaluation:1"
)

// Subject is one thing that a statement speaks of: a template by "template/STACK", an object of
// the asset bucket by "object/KEY", an image by "image/AGENT/LANE".
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"` // {"sha256": hex}
}

// The kinds of subject; each begins its names.
const (
	Template = "template/"
	Object   = "object/"
	Image    = "image/"
)

// Of is a subject by its SHA-256, in hex.
func Of(name, sha256 string) Subject { return Subject{name, map[string]string{"sha256": sha256}} }

type statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Attestation is what the judge says of one release for one environment. The zero Attestation
// covers nothing and opens no gate.
type Attestation struct {
	Subjects []Subject `json:"-"`

	Platform    string    `json:"platform"`
	Environment string    `json:"environment"`
	Release     string    `json:"release"`   // the digest of the release's manifest
	Tool        string    `json:"tool"`      // the digest of what synthesized it
	Execution   string    `json:"execution"` // the run of the pipeline that made this
	Revision    string    `json:"revision"`
	Authors     []string  `json:"authors"` // of every change since what runs, as the repository says; they approve nothing here
	Made        time.Time `json:"made"`
	Expires     time.Time `json:"expires"`

	Checks     []Check     `json:"checks"`
	From       Run         `json:"from"`     // where the same release ran before; zero for the first environment
	Deployed   Run         `json:"deployed"` // what ran here when this was judged; zero where nothing did
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	Verdict    Verdict     `json:"verdict"`
	Rules      Rules       `json:"rules"` // what this release declares: it judges whatever comes after it
}

// Check is something that was run, by whom, and what came of it.
type Check struct {
	Name string `json:"name"`
	By   string `json:"by"`
	Says string `json:"says"`
}

// Run is a release that was deployed to an environment by one run of the pipeline. The zero Run
// is none.
type Run struct {
	Environment string    `json:"environment,omitempty"`
	Release     string    `json:"release,omitempty"`
	Execution   string    `json:"execution,omitempty"`
	At          time.Time `json:"at,omitzero"`
}

// Verdict is what the release means for the environment; see package change, whose words these
// are. A class that is not one of them needs what the strictest needs.
type Verdict struct {
	Class   string    `json:"class"`
	Needs   []string  `json:"needs,omitempty"` // classes of approvers, of a named approval
	Changes []Finding `json:"changes,omitempty"`
}

// The classes.
const (
	Automatic = "automatic"
	Review    = "review"
	Named     = "named approval"
)

// Finding is one change, and why it has its class.
type Finding struct {
	Path   string `json:"path"`
	Class  string `json:"class"`
	By     string `json:"by,omitempty"`
	Row    string `json:"row"`
	Reason string `json:"reason"`
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
}

// Rules are what one declaration asks of the next release: who may approve, by class, and what
// an evaluation has to show. Nil Evaluation asks for none.
type Rules struct {
	Approvers  map[string][]string `json:"approvers,omitempty"`
	Evaluation *Bar                `json:"evaluation,omitempty"`
}

// Statement is the attestation as an in-toto statement.
func (a Attestation) Statement() any { return inToto(releaseType, a.Subjects, a) }

// Statement is the evaluation as an in-toto statement about the release.
func (e Evaluation) Statement() any {
	return inToto(evaluationType, []Subject{Of("release", e.Release)}, e)
}

func inToto(predicateType string, about []Subject, predicate any) any {
	return map[string]any{"_type": statementType, "subject": about, "predicateType": predicateType, "predicate": predicate}
}

// Attested opens an attestation that the named have signed.
func Attested(ctx context.Context, sealed []byte, keys Keys, signers ...string) (Attestation, error) {
	var a Attestation
	s, err := stated(ctx, sealed, keys, releaseType, &a, signers...)
	a.Subjects = s.Subject
	if err != nil {
		return Attestation{}, err
	}
	return a, nil
}

// Evaluated opens an evaluation that the evaluator has signed.
func Evaluated(ctx context.Context, sealed []byte, keys Keys) (Evaluation, error) {
	var e Evaluation
	if _, err := stated(ctx, sealed, keys, evaluationType, &e, Evaluator); err != nil {
		return Evaluation{}, err
	}
	return e, nil
}

func stated(ctx context.Context, sealed []byte, keys Keys, predicateType string, into any, signers ...string) (statement, error) {
	payload, err := Open(ctx, sealed, keys, signers...)
	if err != nil {
		return statement{}, err
	}
	var s statement
	if err := strictly(payload, &s); err != nil {
		return s, fmt.Errorf("what is signed is no in-toto statement: %w", err)
	}
	if s.Type != statementType || s.PredicateType != predicateType {
		return s, fmt.Errorf("what is signed is a %q in a %q, not the %q that is wanted here", s.PredicateType, s.Type, predicateType)
	}
	if err := strictly(s.Predicate, into); err != nil {
		return s, fmt.Errorf("the statement's predicate: %w", err)
	}
	return s, nil
}

// For reports why an attestation does not speak for an environment of a platform now.
func (a Attestation) For(platform, environment string, now time.Time) error {
	switch {
	case a.Platform != platform || a.Environment != environment:
		return fmt.Errorf("the attestation is for %s of %s, and this is %s of %s", a.Environment, a.Platform, environment, platform)
	case !now.Before(a.Expires):
		return fmt.Errorf("the attestation expired at %s; start the pipeline again", a.Expires.UTC().Format(time.RFC3339))
	case now.Before(a.Made.Add(-clocksApart)):
		return fmt.Errorf("the attestation is of %s, which has not come yet", a.Made.UTC().Format(time.RFC3339))
	}
	return nil
}

// clocksApart is how far the clocks of two machines may be apart.
const clocksApart = 5 * time.Minute

// subject is the digest of a subject, and whether there is one.
func (a Attestation) subject(name string) (string, bool) {
	i := slices.IndexFunc(a.Subjects, func(s Subject) bool { return s.Name == name })
	if i < 0 {
		return "", false
	}
	digest := a.Subjects[i].Digest["sha256"]
	return digest, digest != ""
}

// Bar is what an evaluation has to show. The zero Bar asks for nothing but an evaluation.
type Bar struct {
	Scores map[string]terms.Percent `json:"scores"`
	MaxAge terms.Span               `json:"max_age"`
	Drift  *Drift                   `json:"drift,omitempty"`
}

// Drift bounds how far the evaluated data may be from the data it stands for.
type Drift struct {
	Measure string        `json:"measure"`
	Warn    terms.Percent `json:"warn"`
	Block   terms.Percent `json:"block"`
}
