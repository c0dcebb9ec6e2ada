// Package shelf is where releases lie, with what is said of them: by keys that are written once,
// except for one note for each environment of what runs there. It knows keys and bytes; what the
// bytes say, and whether to believe it, is for package attest. Start with [Shelf].
package shelf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"remit/attest"
)

// ErrAbsent is what reading a key answers under which nothing lies.
var ErrAbsent = errors.New("nothing lies there")

// ErrTaken is what writing a key answers under which something else lies already.
var ErrTaken = errors.New("something else lies there already")

// MaxContent is the largest content that is read, in bytes.
const MaxContent = attest.MaxEnvelope

// Store keeps bytes under keys. Get answers [ErrAbsent] where nothing lies. Create answers nil
// where the same bytes lie already and [ErrTaken] where others do, whoever else writes at the
// same time. List answers the keys that begin with a prefix, in order.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Create(ctx context.Context, key string, content []byte) error
	Replace(ctx context.Context, key string, content []byte) error
	List(ctx context.Context, prefix string) ([]string, error)
}

// Shelf is a store under the keys of this package. Environments and runs are named in them, so
// that each part of the pipeline may be let write its own keys and no others.
type Shelf struct{ Store }

// The keys, as IAM speaks of them.
const (
	Releases     = "releases/"
	Evaluations  = "evaluations/"
	Attestations = "attestations/"
	Approvals    = "approvals/"
	Admissions   = "admissions/"
	Deployed     = "deployed/"
)

// Key joins the parts of a key. A part that could reach another key is refused: names and
// digests have neither slashes nor dots in a row.
func Key(of string, parts ...string) (string, error) {
	for _, part := range parts {
		if part == "" || strings.ContainsAny(part, "/\\\x00") || strings.Trim(part, ".") == "" {
			return "", fmt.Errorf("%q is no part of a key below %s", part, of)
		}
	}
	return of + strings.Join(parts, "/"), nil
}

func (s Shelf) get(ctx context.Context, of string, parts ...string) ([]byte, error) {
	key, err := Key(of, parts...)
	if err != nil {
		return nil, err
	}
	content, err := s.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return content, nil
}

func (s Shelf) create(ctx context.Context, content []byte, of string, parts ...string) error {
	key, err := Key(of, parts...)
	if err != nil {
		return err
	}
	if err := s.Create(ctx, key, content); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// File is one file of a release: its manifest, or part of its declaration.
func (s Shelf) File(ctx context.Context, release, name string) ([]byte, error) {
	return s.get(ctx, Releases, release, name)
}

// Keep lays a file of a release down.
func (s Shelf) Keep(ctx context.Context, release, name string, content []byte) error {
	return s.create(ctx, content, Releases, release, name)
}

// Evaluation is the evaluation of a run for an environment, in its envelope.
func (s Shelf) Evaluation(ctx context.Context, environment, execution string) ([]byte, error) {
	return s.get(ctx, Evaluations, environment, execution)
}

// Evaluate lays an evaluation down.
func (s Shelf) Evaluate(ctx context.Context, environment, execution string, sealed []byte) error {
	return s.create(ctx, sealed, Evaluations, environment, execution)
}

// Attestation is what the judge said in a run about an environment, in its envelope.
func (s Shelf) Attestation(ctx context.Context, environment, execution string) ([]byte, error) {
	return s.get(ctx, Attestations, environment, execution)
}

// Attest lays an attestation down.
func (s Shelf) Attest(ctx context.Context, environment, execution string, sealed []byte) error {
	return s.create(ctx, sealed, Attestations, environment, execution)
}

// Admission is the attestation with the gate's signature beside the judge's.
func (s Shelf) Admission(ctx context.Context, environment, execution string) ([]byte, error) {
	return s.get(ctx, Admissions, environment, execution)
}

// Admit lays an admission down.
func (s Shelf) Admit(ctx context.Context, environment, execution string, sealed []byte) error {
	return s.create(ctx, sealed, Admissions, environment, execution)
}

// Approve lays down who agreed, one for each class: of two who agree at once, one does.
func (s Shelf) Approve(ctx context.Context, environment, execution string, a attest.Approval) error {
	content, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return s.create(ctx, content, Approvals, environment, execution, a.Class)
}

// Approvals is who agreed in a run to an environment.
func (s Shelf) Approvals(ctx context.Context, environment, execution string) ([]attest.Approval, error) {
	prefix, err := Key(Approvals, environment, execution)
	if err != nil {
		return nil, err
	}
	keys, err := s.List(ctx, prefix+"/")
	if err != nil {
		return nil, err
	}
	var out []attest.Approval
	for _, key := range keys {
		content, err := s.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		var a attest.Approval
		if err := json.Unmarshal(content, &a); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// Running is what was last deployed to an environment, the zero Run where nothing was.
func (s Shelf) Running(ctx context.Context, environment string) (attest.Run, error) {
	content, err := s.get(ctx, Deployed, environment)
	if errors.Is(err, ErrAbsent) {
		return attest.Run{}, nil
	}
	if err != nil {
		return attest.Run{}, err
	}
	var r attest.Run
	if err := json.Unmarshal(content, &r); err != nil || r.Release == "" || r.Environment != environment {
		return attest.Run{}, fmt.Errorf("the note of what runs in %s cannot be read (%q)", environment, content)
	}
	return r, nil
}

// Run notes what was deployed.
func (s Shelf) Run(ctx context.Context, r attest.Run) error {
	key, err := Key(Deployed, r.Environment)
	if err != nil {
		return err
	}
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.Replace(ctx, key, content)
}

// Standing is what runs in an environment and what the judge said of it. Nothing runs where
// the run is zero, and then the attestation is nil.
func (s Shelf) Standing(ctx context.Context, environment string, keys attest.Keys) (attest.Run, *attest.Attestation, error) {
	run, err := s.Running(ctx, environment)
	if err != nil || run.Release == "" {
		return run, nil, err
	}
	sealed, err := s.Attestation(ctx, environment, run.Execution)
	if err != nil {
		return run, nil, err
	}
	a, err := attest.Attested(ctx, sealed, keys, attest.Judge)
	if err != nil {
		return run, nil, fmt.Errorf("what runs in %s: %w", environment, err)
	}
	return run, &a, nil
}
