package attest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/attest"
)

// asks is a candidate before a gate where release r1 runs, whose declaration names these people.
func asks(class string, needs ...string) attest.Question {
	c := candidate()
	c.Verdict = attest.Verdict{Class: class, Needs: needs}
	standing := attest.Attestation{Platform: "acme", Environment: "prod", Release: "r1", Execution: "run-1", Rules: attest.Rules{Approvers: map[string][]string{
		"security": {"ines@acme.example", "ann@acme.example"}, "model_risk": {"awa@acme.example", "ines@acme.example"},
	}}}
	return attest.Question{Candidate: c, Digest: "d2", Deployed: attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"}, Standing: &standing, Now: noon}
}

func agreed(class, person string) attest.Approval {
	return attest.Approval{Digest: "d2", Class: class, Person: person, At: noon}
}

func TestTheGateOpensWaitsOrRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		q    attest.Question
		with func(*attest.Question)
		want string
	}{
		"nobody has to agree":     {asks(attest.Automatic), nil, "open"},
		"somebody has to look":    {asks(attest.Review), nil, "waits for : awa@acme.example ines@acme.example"},
		"somebody looked":         {asks(attest.Review), func(q *attest.Question) { q.Approvals = append(q.Approvals, agreed("model_risk", "awa@acme.example")) }, "open"},
		"a class has to agree":    {asks(attest.Named, "security"), nil, "waits for security: ines@acme.example"},
		"it agreed":               {asks(attest.Named, "security"), func(q *attest.Question) { q.Approvals = append(q.Approvals, agreed("security", "ines@acme.example")) }, "open"},
		"its author agreed":       {asks(attest.Named, "security"), func(q *attest.Question) { q.Approvals = append(q.Approvals, agreed("security", "ann@acme.example")) }, "waits for security: ines@acme.example"},
		"its author, in capitals": {asks(attest.Named, "security"), func(q *attest.Question) { q.Candidate.Authors = []string{"Ines@ACME.example", "ann@acme.example"} }, "refused: security has to agree, and the declaration that runs names nobody for it who did not write the change"},
		"whom only the candidate names": {asks(attest.Named, "security"), func(q *attest.Question) {
			q.Candidate.Authors = nil
			q.Candidate.Rules.Approvers["security"] = []string{"eve@acme.example"}
			q.Approvals = append(q.Approvals, agreed("security", "eve@acme.example"))
		}, "waits for security: ann@acme.example ines@acme.example"},
		"one for two classes": {asks(attest.Named, "model_risk", "security"), func(q *attest.Question) {
			q.Approvals = append(q.Approvals, agreed("model_risk", "ines@acme.example"), agreed("security", "ines@acme.example"))
		}, "waits for security: ines@acme.example"},
		"two for two classes": {asks(attest.Named, "model_risk", "security"), func(q *attest.Question) {
			q.Approvals = append(q.Approvals, agreed("model_risk", "awa@acme.example"), agreed("security", "ines@acme.example"))
		}, "open"},
		"agreed to another envelope": {asks(attest.Named, "security"), func(q *attest.Question) {
			a := agreed("security", "ines@acme.example")
			a.Digest = "d1"
			q.Approvals = append(q.Approvals, a)
		}, "waits for security: ines@acme.example"},
		"a class without people":           {asks(attest.Named, "privacy"), nil, "refused: privacy has to agree, and the declaration that runs names nobody for it who did not write the change"},
		"named approval of nobody":         {asks(attest.Named), nil, "refused: somebody has to agree, and nobody says who"},
		"a class of change nobody knows":   {asks("harmless"), nil, `refused: the attestation says "harmless", which is no class of change`},
		"no class of change":               {asks(""), nil, `refused: the attestation says "", which is no class of change`},
		"something else runs now":          {asks(attest.Automatic), func(q *attest.Question) { q.Deployed.Release, q.Standing.Release = "r3", "r3" }, "refused: it was judged against release r1 of run run-1, and r3 of run run-1 runs in prod now; start the pipeline again"},
		"the same ran again meanwhile":     {asks(attest.Automatic), func(q *attest.Question) { q.Deployed.Execution, q.Standing.Execution = "run-9", "run-9" }, "refused: it was judged against release r1 of run run-1, and r1 of run run-9 runs in prod now; start the pipeline again"},
		"what runs cannot be read":         {asks(attest.Automatic), func(q *attest.Question) { q.Standing = nil }, "refused: what runs in prod has no attestation that could be read, so nobody knows whose approval it asks for"},
		"another release's attestation":    {asks(attest.Automatic), func(q *attest.Question) { q.Standing.Release = "r0" }, "refused: the attestation of what runs in prod is of another release"},
		"an environment's that is another": {asks(attest.Automatic), func(q *attest.Question) { q.Standing.Environment = "stage" }, "refused: the attestation of what runs in prod is of another release"},
		"expired":                          {asks(attest.Automatic), func(q *attest.Question) { q.Now = noon.Add(2 * time.Hour) }, "refused: the attestation holds from 2026-11-24T11:00:00Z to 2026-11-24T13:00:00Z, and it is 2026-11-24T14:00:00Z; start the pipeline again"},
		"somebody refused": {asks(attest.Automatic), func(q *attest.Question) {
			a := agreed(attest.Rejected, "awa@acme.example")
			a.Why = "not before the audit"
			q.Approvals = append(q.Approvals, a)
		}, "refused: awa@acme.example refused it: not before the audit"},
		"the first of all": {asks(attest.Automatic), func(q *attest.Question) {
			q.Standing, q.Deployed, q.Candidate.Deployed = nil, attest.Run{}, attest.Run{}
			q.Candidate.Rules.Approvers = map[string][]string{"security": {"ines@acme.example"}, "privacy": {"mei@acme.example"}}
		}, "waits for privacy: mei@acme.example, security: ines@acme.example"},
		"nothing": {attest.Question{}, nil, "refused: the attestation holds from 0001-01-01T00:00:00Z to 0001-01-01T00:00:00Z, and it is 0001-01-01T00:00:00Z; start the pipeline again"},
	} {
		if c.with != nil {
			c.with(&c.q)
		}
		if got := said(c.q.Answer()); got != c.want {
			t.Errorf("%s: the gate says %q, not %q", name, got, c.want)
		}
	}
}

func said(a attest.Answer) string {
	switch {
	case a.Open:
		return "open"
	case a.Refused != "":
		return "refused: " + a.Refused
	}
	var classes []string
	for class, people := range a.Waits {
		classes = append(classes, class+": "+strings.Join(people, " "))
	}
	slices.Sort(classes)
	return "waits for " + strings.Join(classes, ", ")
}

func TestWhoMayAgreeIsToldWhyNot(t *testing.T) {
	both := asks(attest.Named, "model_risk", "security")
	half := both
	half.Approvals = []attest.Approval{agreed("model_risk", "ines@acme.example")}
	for name, c := range map[string]struct {
		q             attest.Question
		person, class string
		why           string
	}{
		"whom it waits for":        {both, "ines@acme.example", "security", ""},
		"who reviews":              {asks(attest.Review), "awa@acme.example", "model_risk", ""},
		"its author":               {both, "ann@acme.example", "security", "nobody approves what they wrote"},
		"nobody":                   {both, "eve@acme.example", "security", `does not name eve@acme.example for "security"`},
		"for a class of others":    {both, "awa@acme.example", "security", `does not name awa@acme.example for "security"`},
		"who agreed already":       {half, "ines@acme.example", "security", "each class is another person's"},
		"for a class that agreed":  {half, "awa@acme.example", "model_risk", "it waits for security"},
		"what needs nobody":        {asks(attest.Automatic), "ines@acme.example", "security", "nobody has to agree any more"},
		"what is refused":          {asks("harmless"), "ines@acme.example", "security", "no class of change"},
		"for no class":             {both, "ines@acme.example", "", `does not name ines@acme.example for ""`},
		"as whoever refuses would": {both, "ines@acme.example", attest.Rejected, `does not name ines@acme.example`},
	} {
		if err := c.q.May(c.person, c.class); (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, not %q", name, err, c.why)
		}
	}
	if both.MayReject("eve@acme.example") == nil || both.MayReject("ines@acme.example") != nil || both.MayReject("ann@acme.example") != nil {
		t.Error("whoever is named may refuse, and whoever wrote it may take it back, and nobody else")
	}
}

// TestNoApprovalOpensWhatTheRulesDoNotOpen draws people, classes and approvals: the gate is open
// only where each class that has to agree has a person of its own whom the rules that run name
// and who wrote nothing.
func TestNoApprovalOpensWhatTheRulesDoNotOpen(t *testing.T) {
	people := []string{"a@x", "b@x", "c@x", "d@x"}
	classes := []string{"security", "model_risk", "privacy"}
	rapid.Check(t, func(t *rapid.T) {
		q := asks(attest.Named, rapid.SliceOfNDistinct(rapid.SampledFrom(classes), 1, 3, rapid.ID).Draw(t, "needs")...)
		q.Standing.Rules.Approvers = map[string][]string{}
		for _, class := range classes {
			q.Standing.Rules.Approvers[class] = rapid.SliceOfNDistinct(rapid.SampledFrom(people), 0, 3, rapid.ID).Draw(t, class)
		}
		q.Candidate.Authors = rapid.SliceOfNDistinct(rapid.SampledFrom(people), 0, 2, rapid.ID).Draw(t, "authors")
		q.Approvals = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) attest.Approval {
			return agreed(rapid.SampledFrom(classes).Draw(t, "class"), rapid.SampledFrom(people).Draw(t, "person"))
		}), 0, 5).Draw(t, "approvals")
		answer := q.Answer()
		if !answer.Open {
			return
		}
		used := map[string]bool{}
		for _, a := range answer.Agreed {
			if used[a.Person] || slices.Contains(q.Candidate.Authors, a.Person) || !slices.Contains(q.Standing.Rules.Approvers[a.Class], a.Person) || !slices.Contains(q.Approvals, a) {
				t.Fatalf("%s counted for %s", a.Person, a.Class)
			}
			used[a.Person] = true
		}
		for _, class := range q.Candidate.Verdict.Needs {
			if !slices.ContainsFunc(answer.Agreed, func(a attest.Approval) bool { return a.Class == class }) {
				t.Fatalf("open, and nobody agreed for %s: %s", class, fmt.Sprint(answer.Agreed))
			}
		}
	})
}
