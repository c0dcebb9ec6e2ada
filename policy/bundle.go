package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"remit/terms"
)

// Format is the only bundle format this build reads. A bundle of another format is refused
// whole: half-understood policy is not policy.
const Format = 1

// MaxBundle is the largest bundle that is read, in bytes. Ten thousand tools fit.
const MaxBundle = 64 << 20

// Bundle is everything one lane needs to decide, compiled from the declaration. Its digest
// is the deployed version. The zero Bundle knows no tool, so it denies all.
type Bundle struct {
	Format      int              `json:"format"`
	Lane        terms.Lane       `json:"lane"`
	Day         string           `json:"day"` // IANA time zone
	Callers     []string         `json:"callers"`
	Purposes    []string         `json:"purposes"`
	Tools       map[string]*Tool `json:"tools"`
	Constraints []Constraint     `json:"constraints"`

	callers, purposes                    set
	zone                                 *time.Location
	ruleTools, ruleCallers, rulePurposes string
}

// Tool is one tool's runtime policy. Callers are user roles with everything above them
// already included. Input is its JSON Schema, which the rim validates.
type Tool struct {
	Target       string          `json:"target"`
	Access       terms.Access    `json:"access"`
	DataClass    string          `json:"data_class"`
	Purpose      string          `json:"purpose"`
	Callers      []string        `json:"callers"`
	Input        json.RawMessage `json:"input"`
	Datum        *Datum          `json:"datum,omitempty"`
	Allow        []string        `json:"allow"`
	Never        []string        `json:"never,omitempty"`
	Text         bool            `json:"text,omitempty"`
	Audit        Audit           `json:"audit"`
	Confirmation *Confirmation   `json:"confirmation,omitempty"`
	Once         *Once           `json:"once,omitempty"`
	PerUserDay   int64           `json:"per_user_day,omitempty"`
	UnknownCount bool            `json:"unknown_counts,omitempty"` // a call whose outcome stays unknown counts against PerUserDay
	Cost         int64           `json:"cost,omitempty"`           // MicroUSD a call

	callers                              set
	keep                                 *selector
	takes                                []Take
	ruleCallers, ruleDatum, ruleResponse string
}

// Datum says which argument names the datum and which directory knows its owner.
type Datum struct {
	Directory string `json:"directory"`
	Argument  string `json:"argument"`
	Relation  string `json:"relation,omitempty"`
}

// Audit is what the record keeps: hash or full, and whether a rationale is required.
type Audit struct {
	Input     string `json:"input"`
	Output    string `json:"output"`
	Reasoning bool   `json:"reasoning,omitempty"`
}

// Confirmation makes the tool propose; the user approves within Seconds.
type Confirmation struct {
	Seconds int64 `json:"seconds"`
}

// Once is an idempotency key of arguments and its lifetime. Until names the event that
// ends a de-duplication early.
type Once struct {
	Key     []string `json:"key"`
	Seconds int64    `json:"seconds"`
	Until   string   `json:"until,omitempty"`
}

// Constraint forbids something in a context. All given words of When and of Forbid must
// hold; the empty ones hold always.
type Constraint struct {
	ID     string `json:"id"`
	When   When   `json:"when"`
	Forbid Forbid `json:"forbid"`

	userRoles, tools set
	reason           Reason
}

// When is a constraint's context. UserRoles is the closure of UserRole.
type When struct {
	Lane      string       `json:"lane,omitempty"`
	UserRole  string       `json:"user_role,omitempty"`
	UserRoles []string     `json:"user_roles,omitempty"`
	DataClass string       `json:"data_class,omitempty"`
	Access    terms.Access `json:"access,omitempty"`
	Purpose   string       `json:"purpose,omitempty"`
	Hours     terms.Hours  `json:"hours,omitzero"`
}

// Forbid is what a constraint refuses.
type Forbid struct {
	Access    terms.Access `json:"access,omitempty"`
	DataClass string       `json:"data_class,omitempty"`
	Tools     []string     `json:"tools,omitempty"`
}

type set map[string]bool

// setOf leaves the empty word out: it is how a request says nothing, and nothing is in no set.
func setOf(words []string) set {
	out := make(set, len(words))
	for _, w := range words {
		if w != "" {
			out[w] = true
		}
	}
	return out
}

func (s set) any(words []string) bool {
	for _, w := range words {
		if s[w] {
			return true
		}
	}
	return false
}

// ErrBundle is wrapped by every failure to load. Whoever gets it must refuse every call.
var ErrBundle = errors.New("policy: the bundle cannot be used, so nothing is allowed")

// Canonical is the bundle's canonical bytes: JSON with keys in order and no white space
// (like RFC 8785, but numbers keep their spelling and Go's encoder its escapes).
func (b *Bundle) Canonical() ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// DigestOf is the name of a bundle: the digest of its canonical bytes.
func DigestOf(canonical []byte) terms.Digest {
	return terms.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(canonical)))
}

// Load reads a bundle's canonical bytes and compiles them. It fails with [ErrBundle] for
// unknown keys, another format, a bundle that names no lane, a path or zone that does not
// parse, a part without which a rule would not apply, or bytes that are not canonical; a
// bundle that did not load must not be used.
func Load(canonical []byte) (*Bundle, error) {
	if len(canonical) > MaxBundle {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrBundle, len(canonical), MaxBundle)
	}
	decoder := json.NewDecoder(bytes.NewReader(canonical))
	decoder.DisallowUnknownFields()
	b := &Bundle{}
	if err := decoder.Decode(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	again, err := b.Canonical()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, canonical) {
		return nil, fmt.Errorf("%w: its bytes are not canonical, so its digest would name something else", ErrBundle)
	}
	if err := b.compile(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return b, nil
}

func (b *Bundle) compile() error {
	if b.Format != Format {
		return fmt.Errorf("format %d, and this build reads %d", b.Format, Format)
	}
	if b.Lane.IsZero() {
		return errors.New("it names no lane")
	}
	if b.Constraints == nil {
		return errors.New("constraints is null; a lane without any says []")
	}
	zone, err := time.LoadLocation(b.Day)
	if err != nil || b.Day == "" || b.Day == "Local" { // Local is another zone on every machine
		return fmt.Errorf("day: %q is no time zone", b.Day)
	}
	b.zone, b.callers, b.purposes = zone, setOf(b.Callers), setOf(b.Purposes)
	agent := "agents." + b.Lane.Agent
	b.ruleTools, b.ruleCallers, b.rulePurposes = agent+".tools", agent+".callers", agent+".purposes"
	for name, tool := range b.Tools {
		if err := tool.compile(name); err != nil {
			return fmt.Errorf("tool %s: %w", name, err)
		}
	}
	for i := range b.Constraints {
		if err := b.Constraints[i].compile(); err != nil {
			return fmt.Errorf("constraint %s: %w", b.Constraints[i].ID, err)
		}
	}
	return nil
}

func (t *Tool) compile(name string) error {
	if err := t.check(name); err != nil {
		return err
	}
	keep, err := compilePaths(t.Allow)
	if err != nil {
		return err
	}
	t.keep, t.callers = keep, setOf(t.Callers)
	at := "tools." + name
	t.ruleCallers, t.ruleDatum, t.ruleResponse = at+".callers", at+".datum", at+".response"
	t.takes = []Take{{Limit: ToolCalls, Amount: 1}}
	if t.Cost > 0 {
		t.takes = append(t.takes, Take{Limit: Cost, Amount: t.Cost})
	}
	if t.PerUserDay > 0 {
		t.takes = append(t.takes, Take{Limit: terms.DailyLimit(name), Amount: 1, PerUserDay: t.PerUserDay, UnknownCounts: t.UnknownCount})
	}
	return nil
}

// check refuses what would make a rule pass over the tool: a constraint on a data class
// never holds for a tool without one, and a limit below zero limits nothing.
func (t *Tool) check(name string) error {
	switch {
	case t == nil:
		return errors.New("is null")
	case name == "":
		return errors.New("has no name")
	case t.DataClass == "":
		return errors.New("has no data class")
	case !bytes.HasPrefix(t.Input, []byte("{")):
		return errors.New("has no input schema")
	case t.Datum != nil && (t.Datum.Directory == "" || t.Datum.Argument == ""):
		return errors.New("has a datum without directory or argument")
	case t.PerUserDay < 0 || t.Cost < 0:
		return errors.New("has a limit or a price below zero")
	}
	return nil
}

func (c *Constraint) compile() error {
	if (c.When.UserRole != "" || len(c.When.UserRoles) > 0) && !slices.Contains(c.When.UserRoles, c.When.UserRole) {
		return fmt.Errorf("user_roles %q are not the closure of %q", c.When.UserRoles, c.When.UserRole)
	}
	c.userRoles, c.tools = setOf(c.When.UserRoles), setOf(c.Forbid.Tools)
	c.reason = Reason{Sentence: "constraint " + c.ID + " forbids it", Rule: "constraints." + c.ID}
	return nil
}
