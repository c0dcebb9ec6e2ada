package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"remit/iam"
	"remit/terms"
)

// Finding is one thing shown to be wrong. Role is whom it speaks of: a role, a policy or a
// resource. Witness is a request that shows it, zero where what is wrong is what is written
// or missing; Confirmed says that the evaluator allows the witness in this world. Chain is
// the way there, hop by hop. At is the place in the template, Declared in the declaration.
type Finding struct {
	Rule      string      `json:"rule"`
	Sentence  string      `json:"sentence"`
	Role      iam.ARN     `json:"role"`
	Sid       string      `json:"sid,omitempty"`
	Unproven  string      `json:"unproven,omitempty"` // why the question could not be decided
	Witness   iam.Request `json:"witness,omitzero"`
	Confirmed bool        `json:"confirmed"`
	Half      bool        `json:"half,omitempty"` // the role's own half of a way; the other account's policy is the other
	Chain     []Hop       `json:"chain,omitempty"`
	At        terms.Pos   `json:"at,omitzero"`
	Declared  terms.Pos   `json:"declared,omitzero"`
	Digest    string      `json:"digest"`
	Waiver    *Waiver     `json:"waiver,omitempty"`
}

// Hop is one step of a chain: from Of, by How, to the next.
type Hop struct {
	Of  iam.ARN `json:"of"`
	How string  `json:"how,omitempty"`
}

// isRequest reports whether the witness is one.
func isRequest(r iam.Request) bool { return r.Action != "" }

// complete fills in what every finding has: its rule, its places, whether the evaluator
// confirms its witness, and the digest of everything it rests on.
func (c *court) complete(f Finding, r Rule) Finding {
	f.Rule = r.ID
	if a, ok := c.byARN[f.Role]; ok {
		if f.At == (terms.Pos{}) {
			f.At = a.From
		}
		if f.Declared == (terms.Pos{}) && c.Platform != nil {
			f.Declared = c.Platform.Places.Of(a.duty.path)
		}
	}
	if isRequest(f.Witness) {
		f.Confirmed = c.confirms(f)
	}
	f.Digest = c.digest(f)
	return f
}

// confirms asks the evaluator about a witness: of half a way, the role's own documents only.
func (c *court) confirms(f Finding) bool {
	a, known := c.byARN[f.Role]
	if !f.Half || !known {
		return c.World.Eval(f.Witness) == iam.Allowed
	}
	return !slices.ContainsFunc(a.within, func(d iam.Document) bool { return d.Eval(f.Witness) != iam.Allowed })
}

// digest is over the finding and the text of every role and policy it names. A waiver holds
// only for this digest, so that it hides nothing that is written later.
func (c *court) digest(f Finding) string {
	names := []iam.ARN{f.Role}
	for _, hop := range f.Chain {
		names = append(names, hop.Of)
	}
	var texts []any
	texts = append(texts, f.Rule, f.Role, f.Sid, f.Sentence, f.Chain)
	for _, name := range names {
		if a, ok := c.byARN[name]; ok {
			texts = append(texts, a.Boundary, a.Managed, string(a.Trust.JSON()))
			for _, d := range a.within {
				texts = append(texts, string(d.JSON()))
			}
		}
		for _, p := range c.World.Policies {
			if p.ARN == name {
				texts = append(texts, p.Kind, string(p.Document.JSON()))
			}
		}
		for _, r := range c.World.Resources {
			if r.ARN == name {
				texts = append(texts, r.Type, r.Settings, slices.Sorted(slices.Values(r.Unread)))
			}
		}
	}
	text, err := json.Marshal(texts)
	if err != nil { // strings, lists and maps of strings: cannot happen
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}
