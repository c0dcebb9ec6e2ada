package attest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Question is what the gate before an environment looks at. Standing is what the attestation of
// the release that runs there says, nil where nothing runs: its rules are the ones that hold,
// whatever the candidate says of itself.
type Question struct {
	Candidate Attestation
	Digest    string // of the candidate's envelope: what people approve
	Deployed  Run    // what runs there now, zero for nothing
	Standing  *Attestation
	Approvals []Approval
	Now       time.Time
}

// Approval is a person who agreed, for a class of approvers, to exactly one envelope.
type Approval struct {
	Digest string    `json:"digest"`
	Class  string    `json:"class"`
	Person string    `json:"person"`
	Why    string    `json:"why,omitempty"`
	At     time.Time `json:"at"`
}

// Rejected stands for a class where somebody refused. No class of approvers can be called so.
const Rejected = "-rejected"

// Answer is what the gate does. The zero Answer stays shut.
type Answer struct {
	Open    bool
	Refused string              // why it will never open for this envelope; "" while it may
	Waits   map[string][]string // class: who can still agree, while it waits
	Agreed  []Approval
}

// Answer says whether the gate opens. It opens for an attestation that holds for what runs now,
// when nobody has to agree or everybody who has to has agreed. A class that nobody is in, a
// verdict of a class that is not known, and a judgement about something that does not run any
// more are refused.
func (q Question) Answer() Answer {
	if why := q.stale(); why != "" {
		return Answer{Refused: why}
	}
	if why := q.rejected(); why != "" {
		return Answer{Refused: why}
	}
	needed, why := q.needed()
	if why != "" {
		return Answer{Refused: why}
	}
	out := Answer{Waits: map[string][]string{}}
	for _, class := range needed {
		if given, found := q.given(class, out.Agreed); found {
			out.Agreed = append(out.Agreed, given)
			continue
		}
		out.Waits[class] = q.who(class)
	}
	if q.reviewed(needed) {
		out.Waits = map[string][]string{}
		out.Agreed = q.anybody()
	}
	out.Open = len(out.Waits) == 0
	return out
}

// stale is why the candidate was judged by something that no longer holds.
func (q Question) stale() string {
	c := q.Candidate
	if !now(c, q.Now) {
		return fmt.Sprintf("the attestation holds from %s to %s, and it is %s; start the pipeline again", c.Made.UTC().Format(time.RFC3339), c.Expires.UTC().Format(time.RFC3339), q.Now.UTC().Format(time.RFC3339))
	}
	if c.Deployed.Release != q.Deployed.Release || c.Deployed.Execution != q.Deployed.Execution {
		return fmt.Sprintf("it was judged against release %s, and %s runs in %s now; start the pipeline again", named(c.Deployed), named(q.Deployed), c.Environment)
	}
	if (q.Standing == nil) != (q.Deployed.Release == "") {
		return fmt.Sprintf("what runs in %s has no attestation that could be read, so nobody knows whose approval it asks for", c.Environment)
	}
	if s := q.Standing; s != nil && (s.Release != q.Deployed.Release || s.Execution != q.Deployed.Execution || s.Environment != c.Environment || s.Platform != c.Platform) {
		return fmt.Sprintf("the attestation of what runs in %s is of another release", c.Environment)
	}
	return ""
}

// rejected is who refused it and why. Anybody whom the rules name may.
func (q Question) rejected() string {
	for _, a := range q.Approvals {
		if a.Class == Rejected && a.Digest == q.Digest {
			return a.Person + " refused it: " + a.Why
		}
	}
	return ""
}

// MayReject reports why a person may not refuse the candidate; nil where they may. Whoever wrote
// it may take it back.
func (q Question) MayReject(person string) error {
	if slices.Contains(q.who(""), person) || q.wrote(person) {
		return nil
	}
	return fmt.Errorf("the declaration that runs does not name %s", person)
}

func now(a Attestation, at time.Time) bool {
	return at.Before(a.Expires) && !at.Before(a.Made.Add(-clocksApart))
}

func named(r Run) string {
	if r.Release == "" {
		return "none"
	}
	return short(r.Release) + " of run " + r.Execution
}

// rules are those of what runs; where nothing runs, the candidate's own are all there is.
func (q Question) rules() Rules {
	if q.Standing == nil {
		return q.Candidate.Rules
	}
	return q.Standing.Rules
}

// needed is the classes that have to agree. A review is anybody's whom the rules name, so its
// class is empty. The first release of all needs everybody.
func (q Question) needed() (classes []string, refused string) {
	approvers := q.rules().Approvers
	switch v := q.Candidate.Verdict; {
	case q.Standing == nil:
		classes = slices.Sorted(maps.Keys(approvers))
	case v.Class == Automatic:
		return nil, ""
	case v.Class == Review:
		return []string{""}, ""
	case v.Class == Named:
		classes = v.Needs
	default:
		return nil, fmt.Sprintf("the attestation says %q, which is no class of change", v.Class)
	}
	if len(classes) == 0 {
		return nil, "somebody has to agree, and nobody says who"
	}
	for _, class := range classes {
		if len(q.who(class)) == 0 {
			return nil, fmt.Sprintf("%s has to agree, and the declaration that runs names nobody for it who did not write the change", class)
		}
	}
	return classes, ""
}

// who can still agree for a class: whom the rules name and who is no author. The empty class is
// anybody's.
func (q Question) who(class string) []string {
	var out []string
	for name, people := range q.rules().Approvers {
		if class == "" || name == class {
			out = append(out, people...)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), q.wrote)
}

func (q Question) wrote(person string) bool {
	return slices.ContainsFunc(q.Candidate.Authors, func(author string) bool { return strings.EqualFold(author, person) })
}

// given is the approval of a class by somebody whom the rules name, who did not write the change
// and has not agreed for another class.
func (q Question) given(class string, agreed []Approval) (Approval, bool) {
	for _, a := range q.Approvals {
		taken := slices.ContainsFunc(agreed, func(b Approval) bool { return b.Person == a.Person })
		if a.Digest == q.Digest && a.Class == class && class != "" && !taken && slices.Contains(q.who(class), a.Person) {
			return a, true
		}
	}
	return Approval{}, false
}

func (q Question) reviewed(needed []string) bool {
	return len(needed) == 1 && needed[0] == "" && len(q.anybody()) > 0
}

// anybody is every approval that counts for some class.
func (q Question) anybody() []Approval {
	var out []Approval
	for class := range q.rules().Approvers {
		if a, found := q.given(class, nil); found {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Approval) int { return strings.Compare(a.Class, b.Class) })
	return out
}

// May reports why a person may not agree to the candidate for a class; nil where they may.
func (q Question) May(person, class string) error {
	answer := q.Answer()
	switch {
	case answer.Refused != "":
		return fmt.Errorf("%s", answer.Refused)
	case answer.Open:
		return fmt.Errorf("nobody has to agree any more")
	case q.wrote(person):
		return fmt.Errorf("%s wrote part of this, and nobody approves what they wrote", person)
	case slices.ContainsFunc(answer.Agreed, func(a Approval) bool { return a.Person == person }):
		return fmt.Errorf("%s has agreed already, for another class: each class is another person's", person)
	case !slices.Contains(q.rules().Approvers[class], person):
		return fmt.Errorf("the declaration that runs does not name %s for %q", person, class)
	}
	_, review := answer.Waits[""]
	if _, waits := answer.Waits[class]; !waits && !review {
		return fmt.Errorf("%s does not have to agree, or has; it waits for %s", class, strings.Join(slices.Sorted(maps.Keys(answer.Waits)), ", "))
	}
	return nil
}
