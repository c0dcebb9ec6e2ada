package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Difference is one thing that two worlds do not agree on. What names the thing, Want
// and Have are its text on each side; "" means that side lacks it.
type Difference struct {
	Where      ARN
	What       string
	Want, Have string
}

// String is one line for people.
func (d Difference) String() string {
	switch {
	case d.Have == "":
		return fmt.Sprintf("%s: %s is missing: want %s", d.Where, d.What, d.Want)
	case d.Want == "":
		return fmt.Sprintf("%s: %s was not intended: have %s", d.Where, d.What, d.Have)
	}
	return fmt.Sprintf("%s: %s differs:\n  want %s\n  have %s", d.Where, d.What, d.Want, d.Have)
}

// Diff lists everything in which have is not exactly want, statement for statement, in
// ARN order. It compares text, not meaning: two ways to say the same grant differ. Why
// and From do not count, because AWS does not know them. Equal worlds give nil.
func Diff(want, have World) []Difference {
	var out []Difference
	out = append(out, diffMaps(roleFacts(want), roleFacts(have))...)
	out = append(out, diffMaps(policyFacts(want), policyFacts(have))...)
	slices.SortStableFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	return out
}

// fact is one comparable line of a world.
type fact struct {
	where ARN
	what  string
}

func roleFacts(w World) map[fact]string {
	facts := map[fact]string{}
	for _, r := range w.Roles {
		facts[fact{r.ARN, "role"}] = string(r.ARN)
		facts[fact{r.ARN, "boundary"}] = cmp.Or(string(r.Boundary), "none")
		facts[fact{r.ARN, "longest session"}] = cmp.Or(r.Session.String(), "0s")
		for _, arn := range r.Managed {
			facts[fact{r.ARN, "attached policy " + string(arn)}] = string(arn)
		}
		statementFacts(facts, r.ARN, "trust", r.Trust)
		statementFacts(facts, r.ARN, "policy", r.Policy)
	}
	return facts
}

func policyFacts(w World) map[fact]string {
	facts := map[fact]string{}
	for _, p := range w.Policies {
		facts[fact{p.ARN, "kind"}] = p.Kind
		statementFacts(facts, p.ARN, "document", p.Document)
	}
	return facts
}

// statementFacts keys statements by Sid and counts repeated ones, so that a second
// statement under a known Sid cannot hide.
func statementFacts(facts map[fact]string, where ARN, in string, d Document) {
	for _, s := range d.Canonical().Statements {
		f := fact{where, in + " statement " + cmp.Or(s.Sid, "without Sid")}
		for facts[f] != "" {
			f.what += " again"
		}
		facts[f] = string(Doc(s).JSON())
	}
	if version := cmp.Or(d.Version, Version); version != Version {
		facts[fact{where, in + " version"}] = version
	}
}

func diffMaps(want, have map[fact]string) []Difference {
	var out []Difference
	for f, w := range want {
		if h := have[f]; h != w && !impliedBy(f, have, want) {
			out = append(out, Difference{f.where, f.what, w, h})
		}
	}
	for f, h := range have {
		if _, both := want[f]; !both && !impliedBy(f, want, have) {
			out = append(out, Difference{f.where, f.what, "", h})
		}
	}
	return out
}

// impliedBy reports that the whole role or policy is missing on the other side, so that
// its parts need no line of their own.
func impliedBy(f fact, other, own map[fact]string) bool {
	for _, whole := range []string{"role", "kind"} {
		top := fact{f.where, whole}
		if own[top] != "" && other[top] == "" && f != top {
			return true
		}
	}
	return false
}

// Report prints differences one after another, or the sentence that there are none.
func Report(differences []Difference) string {
	if len(differences) == 0 {
		return "equal, statement for statement\n"
	}
	var out strings.Builder
	for _, d := range differences {
		fmt.Fprintln(&out, d)
	}
	return out.String()
}
