package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/proof"
)

// Meaning is what a change comes to, for all requests.
type Meaning string

// What a change can come to. Unknown is treated as new access: nobody proved otherwise.
const (
	Same     Meaning = "same"
	Narrower Meaning = "narrower"
	New      Meaning = "new access"
	Unknown  Meaning = "unknown"
	Gone     Meaning = "gone"
)

// Change is what one part of one role, policy or resource comes to between two worlds. Where
// it is new access, Witness is a request that only the second world allows.
type Change struct {
	Of      iam.ARN     `json:"of"`
	Part    string      `json:"part"` // "permissions", "boundary", "trust", "policy", "refusals", "settings"
	Meaning Meaning     `json:"meaning"`
	Note    string      `json:"note,omitempty"`
	Witness iam.Request `json:"witness,omitzero"`
}

// Widens reports whether the change must be looked at before it is deployed.
func (c Change) Widens() bool { return c.Meaning == New || c.Meaning == Unknown }

// Compare says by meaning what changes from one world to another: every part of every role,
// policy and resource that either holds, in ARN order. Text that changed without meaning
// anything else is the same.
func Compare(before, after iam.World) []Change {
	old, now := open(Case{World: before}), open(Case{World: after})
	var out []Change
	for _, arn := range either(old.byARN, now.byARN) {
		out = append(out, compareRoles(arn, old, now)...)
	}
	was, is := byName(before.Policies), byName(after.Policies)
	for _, key := range either(was, is) {
		out = append(out, comparePolicies(was[key], is[key])...)
	}
	things, thingsNow := resourcesByName(before), resourcesByName(after)
	for _, key := range either(things, thingsNow) {
		out = append(out, compareSettings(things[key], thingsNow[key])...)
	}
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Part, b.Part)) })
	return out
}

func either[K cmp.Ordered, V any](a, b map[K]V) []K {
	all := map[K]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func compareRoles(arn iam.ARN, old, now *court) []Change {
	was, is := old.byARN[arn], now.byARN[arn]
	if is == nil {
		return []Change{{Of: arn, Part: "role", Meaning: Gone}}
	}
	if was == nil {
		was = &actor{within: []iam.Document{{}}}
	}
	permissions := meaning(was.within, is.within, now.as(is))
	permissions.Of, permissions.Part = arn, "permissions"
	permissions.Witness.Principal = arn
	if permissions.Meaning != New {
		permissions.Witness = iam.Request{}
	}
	if unseen := newlyUnseen(was.unseen, is.unseen); unseen != "" && permissions.Meaning != New {
		permissions.Meaning, permissions.Note = Unknown, "the text of "+unseen+" is not here"
	}
	trust := opensMore(was.Trust, is.Trust, arn)
	trust.Of, trust.Part = arn, "trust"
	out := []Change{permissions, trust}
	if was.Boundary != is.Boundary && was.ARN != "" {
		out = append(out, boundaryChange(arn, was, is))
	}
	return out
}

func newlyUnseen(was, is []iam.ARN) string {
	for _, arn := range is {
		if !slices.Contains(was, arn) {
			return string(arn)
		}
	}
	return ""
}

// boundaryChange: to stand in another boundary is judged by what the boundary allows, also
// where today's permissions do not use it.
func boundaryChange(arn iam.ARN, was, is *actor) Change {
	out := Change{Of: arn, Part: "boundary", Meaning: Unknown, Note: fmt.Sprintf("from %s to %s", cmp.Or(was.Boundary.Name(), "none"), cmp.Or(is.Boundary.Name(), "none"))}
	switch {
	case is.Boundary == "":
		out.Meaning = New
	case was.Boundary == "":
		out.Meaning = Narrower
	case was.held && is.held:
		answer := meaning(was.within[1:], is.within[1:], nil)
		out.Meaning, out.Witness = answer.Meaning, answer.Witness
	}
	return out
}

// meaning compares what two lists of documents allow together.
func meaning(was, is []iam.Document, where []iam.Statement) Change {
	wider := beyondAny(is, was, where)
	switch {
	case wider.Witness != nil:
		wider.Witness.Action = spelled(wider.Witness.Action)
		return Change{Meaning: New, Witness: *wider.Witness}
	case !wider.Yes:
		return Change{Meaning: Unknown, Note: wider.Why}
	}
	if narrower := beyondAny(was, is, where); narrower.Witness != nil {
		return Change{Meaning: Narrower}
	}
	return Change{Meaning: Same}
}

// beyondAny looks for a request that all of within allow and some of limits does not.
func beyondAny(within, limits []iam.Document, where []iam.Statement) proof.Answer {
	out := proof.Answer{Yes: true}
	for _, limit := range limits {
		answer := proof.Search{Within: within, Beyond: []iam.Document{limit}, Where: where}.Run()
		if answer.Witness != nil {
			return answer
		}
		if !answer.Yes {
			out = answer
		}
	}
	return out
}

// opens is a policy that hangs on a resource, apart by whom it speaks of: AWS principals as
// conditions under "", and every service and identity provider by its name.
func opens(d iam.Document, on iam.ARN) map[string]iam.Document {
	out := map[string]iam.Document{"": whoAsks(d, on)}
	for _, s := range d.Statements {
		names := append(slices.Clone(s.Principals.Service), s.Principals.Federated...)
		s.Resources = itsOwn(s.Resources, on)
		if s.Principals.Not {
			continue // whoAsks has read it as everyone
		}
		s.Principals = iam.Principals{}
		for _, name := range names {
			one := out[name]
			one.Version, one.Statements = d.Version, append(one.Statements, s)
			out[name] = one
		}
	}
	return out
}

// opensMore compares two policies of one resource by all whom they speak of; the worst counts.
func opensMore(was, is iam.Document, on iam.ARN) Change {
	old, now := opens(was, on), opens(is, on)
	worst := Change{Meaning: Same}
	rank := []Meaning{Same, Narrower, Unknown, New}
	for _, who := range either(old, now) {
		c := meaning([]iam.Document{old[who]}, []iam.Document{now[who]}, nil)
		if who != "" && c.Meaning != Same {
			c.Note = strings.TrimSpace(who + " " + c.Note)
		}
		if slices.Index(rank, c.Meaning) > slices.Index(rank, worst.Meaning) {
			worst = c
		}
	}
	return worst
}

func byName(list []iam.Policy) map[string]iam.Policy {
	out := map[string]iam.Policy{}
	for _, p := range list {
		key := string(p.ARN) + "\x00" + p.Kind
		if old, twice := out[key]; twice { // a function's permissions are one policy
			p.Document.Statements = append(slices.Clone(old.Document.Statements), p.Document.Statements...)
		}
		out[key] = p
	}
	return out
}

func comparePolicies(was, is iam.Policy) []Change {
	if is.ARN == "" {
		out := []Change{{Of: was.ARN, Part: "policy", Meaning: Gone}}
		if refusing(was).Statements != nil {
			out[0].Meaning, out[0].Note = New, "it refused something, and is gone"
		}
		return out
	}
	if is.Kind == "managed" {
		c := meaning([]iam.Document{was.Document}, []iam.Document{is.Document}, nil)
		c.Of, c.Part = is.ARN, "policy"
		return []Change{c}
	}
	c := opensMore(was.Document, is.Document, is.ARN)
	c.Of, c.Part = is.ARN, "policy"
	out := []Change{c}
	if refused := refusing(was); refused.Statements != nil {
		// what the old one refused and the new one does not
		answer := proof.Search{Within: []iam.Document{refused}, Beyond: []iam.Document{refusing(is)}}.Run()
		change := Change{Of: is.ARN, Part: "refusals", Meaning: Same}
		switch {
		case answer.Witness != nil:
			change.Meaning, change.Note, change.Witness = New, "it no longer refuses this", *answer.Witness
		case !answer.Yes:
			change.Meaning, change.Note = Unknown, answer.Why
		}
		out = append(out, change)
	}
	return out
}

func resourcesByName(w iam.World) map[string]iam.Resource {
	out := map[string]iam.Resource{}
	for _, r := range w.Resources {
		out[string(r.ARN)+"\x00"+r.Type] = r
	}
	return out
}

// deciding are the types whose settings decide who gets past.
var deciding = []string{"AWS::BedrockAgentCore::", "AWS::CloudTrail::Trail", "AWS::IAM::OIDCProvider"}

func compareSettings(was, is iam.Resource) []Change {
	kind := cmp.Or(is.Type, was.Type)
	if !slices.ContainsFunc(deciding, func(prefix string) bool { return strings.HasPrefix(kind, prefix) }) {
		return nil
	}
	if is.ARN == "" {
		return []Change{{Of: was.ARN, Part: "settings", Meaning: Gone}}
	}
	var notes []string
	for _, path := range either(was.Settings, is.Settings) {
		if !slices.Equal(was.Settings[path], is.Settings[path]) && was.ARN != "" {
			notes = append(notes, fmt.Sprintf("%s: %s → %s", path, strings.Join(was.Settings[path], ", "), strings.Join(is.Settings[path], ", ")))
		}
	}
	change := Change{Of: is.ARN, Part: "settings", Meaning: Same, Note: strings.Join(notes, "; ")}
	if is.Type == "AWS::BedrockAgentCore::Gateway" {
		for _, fault := range gatewayFaults(is) {
			if was.ARN == "" || !slices.Contains(gatewayFaults(was), fault) {
				change.Meaning, change.Note = New, strings.TrimPrefix(change.Note+"; "+fault, "; ")
			}
		}
	}
	if change.Meaning == Same && len(notes) > 0 {
		change.Meaning = Unknown
	}
	return []Change{change}
}
