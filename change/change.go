// Package change says what an edit of a declaration means: which class of change it is, by
// which row of one table, and who has to agree. It knows two declarations and what their
// access comes to; it knows no pipeline, no signature and no person. Start with [Classify];
// the table is [Rows], and docs/changes.md for people.
//
// What no row speaks of needs a named approval: nobody said that it is harmless.
package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"remit/platform"
	"remit/terms"
	"remit/verify"
)

// Class is what a change needs before it is deployed. The zero Class is [Automatic], and no
// change has it without a row that says so.
type Class int

// The classes, from the one that needs nobody to the one that needs a named person.
const (
	Automatic Class = iota // the same or less access; a prompt, which its evaluation judges
	Review                 // somebody reads it, as code is read
	Approval               // a person of a declared class of approvers agrees
)

// String is the class as people and the pipeline call it.
func (c Class) String() string { return [...]string{"automatic", "review", "named approval"}[c] }

// MarshalText is String.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Change is one edit and what it means. Was and Is are what the declarations say, "" where
// one says nothing. Path is the key in the declaration; of new access, the part of IAM.
type Change struct {
	Path   string    `json:"path"`
	Class  Class     `json:"class"`
	By     string    `json:"by,omitempty"` // the class of approvers, of an [Approval]
	Row    string    `json:"row"`          // the path of the row that decided, "" where none did
	Reason string    `json:"reason"`
	Was    string    `json:"was,omitempty"`
	Is     string    `json:"is,omitempty"`
	At     terms.Pos `json:"at,omitzero"` // in the new declaration; in the old one for what is gone
}

// Verdict is what a candidate means for one environment, strictest first. Approvers are the
// people whom the old declaration names for each class that has to agree: whoever changes the
// list of approvers is judged by the list that stands. A class without people is listed with
// none, and then nobody can agree.
type Verdict struct {
	Environment string              `json:"environment"`
	Class       Class               `json:"class"`
	Changes     []Change            `json:"changes"`
	Approvers   map[string][]string `json:"approvers,omitempty"`
}

// Classify says what the candidate changes in an environment of the deployed declaration.
// Access is what [verify.Compare] says of the IAM that both intend there.
func Classify(deployed, candidate *platform.Platform, environment string, access []verify.Change) Verdict {
	out := Verdict{Environment: environment, Changes: []Change{}, Approvers: map[string][]string{}}
	was, is := leavesOf(deployed, environment), leavesOf(candidate, environment)
	for _, d := range differences(was, is) {
		c := d.judge()
		c.At = candidate.Places.Of(c.Path)
		if d.gone() {
			c.At = deployed.Places.Of(c.Path)
		}
		out.Changes = append(out.Changes, c)
	}
	for _, a := range access {
		if a.Widens() {
			out.Changes = append(out.Changes, ofAccess(a))
		}
	}
	out.settle(deployed)
	return out
}

// ofAccess is a widening that the prover found, whatever edit it came from.
func ofAccess(a verify.Change) Change {
	reason := "IAM allows more than before"
	if a.Meaning == verify.Unknown {
		reason = "nobody proved that IAM allows no more than before"
	}
	if a.Note != "" {
		reason += ": " + a.Note
	}
	c := Change{Path: a.Part + " of " + string(a.Of), Class: Approval, By: Security, Row: "access", Reason: reason}
	if w := a.Witness; w.Action != "" {
		c.Is = w.Action + " on " + w.Resource
	}
	return c
}

// settle orders the changes and says who has to agree.
func (v *Verdict) settle(deployed *platform.Platform) {
	slices.SortStableFunc(v.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Class, a.Class), cmp.Compare(a.By, b.By), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Was, b.Was), cmp.Compare(a.Is, b.Is))
	})
	e, _ := deployed.Environment(v.Environment)
	for _, c := range v.Changes {
		v.Class = max(v.Class, c.Class)
		if c.Class == Approval {
			v.Approvers[c.By] = e.Deploy.ApproversOf(c.By)
		}
	}
}

// Text is the verdict as people read it.
func (v Verdict) Text() string {
	var out strings.Builder
	for _, c := range v.Changes {
		fmt.Fprintf(&out, "%-14s  %-12s  %s\n", c.Class, c.By, c.Path)
		fmt.Fprintf(&out, "                %s\n", c.Reason)
		if said := c.said(); said != "" {
			fmt.Fprintf(&out, "                %s\n", said)
		}
	}
	fmt.Fprintf(&out, "%s: %s\n", v.Environment, v.Summary())
	return out.String()
}

func (c Change) said() string {
	switch {
	case c.Was != "" && c.Is != "":
		return c.Was + " → " + c.Is
	case c.Was != "":
		return "was " + c.Was
	}
	return c.Is
}

// Summary is the class in one line, with the people who can agree.
func (v Verdict) Summary() string {
	if len(v.Changes) == 0 {
		return "nothing changes"
	}
	if v.Class != Approval {
		return v.Class.String()
	}
	var who []string
	for class, people := range v.Approvers {
		if len(people) == 0 {
			people = []string{"nobody, so it cannot be approved"}
		}
		who = append(who, class+" ("+strings.Join(people, ", ")+")")
	}
	slices.Sort(who)
	return "named approval by " + strings.Join(who, "; ")
}
