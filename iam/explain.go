package iam

import "slices"

// Reason is one statement that bore on a verdict, or the sentence that none did.
type Reason struct {
	Verdict  Verdict // what it says: allow, deny, or unknown
	Where    ARN     // the role, policy or resource whose document it is
	Document string  // "identity", "boundary", "session", "resource", "trust", "SCP root", "RCP root"
	Sid      string
	Sentence string // for people
}

// Explain lists what bore on a request, refusals first. Where a request is not
// allowed because a policy is silent, a Reason says which.
func (w World) Explain(r Request) []Reason {
	j := w.judge(r)
	if j.exempt != "" {
		return []Reason{{Verdict: Allowed, Sentence: j.exempt}}
	}
	var out []Reason
	for _, l := range j.layers {
		for _, s := range l.by {
			out = append(out, l.reason(s))
		}
	}
	for _, what := range j.unseen {
		out = append(out, Reason{Verdict: Unknown, Sentence: "not in this world: " + what})
	}
	if j.truth() != yes {
		out = append(out, j.silences()...)
	}
	rank := map[Verdict]int{Denied: 0, Unknown: 1, Allowed: 2}
	slices.SortStableFunc(out, func(a, b Reason) int { return rank[a.Verdict] - rank[b.Verdict] })
	return out
}

func (l layer) reason(s *Statement) Reason {
	out := Reason{Verdict: Allowed, Where: l.where, Document: l.name, Sid: s.Sid, Sentence: l.name + " allows it: " + label(s)}
	if s.Effect == Deny {
		out.Verdict, out.Sentence = Denied, l.name+" denies it: "+label(s)
	}
	if s.Effect == Deny && l.deny != yes || s.Effect == Allow && l.allowed() != yes {
		out.Verdict, out.Sentence = Unknown, l.name+" may decide it, but cannot be read for certain: "+label(s)
	}
	return out
}

func label(s *Statement) string {
	switch {
	case s.Sid != "" && s.Why != "":
		return s.Sid + ", " + s.Why
	case s.Sid != "":
		return s.Sid
	}
	return "a statement without Sid"
}

// silences names what should have allowed the request and says nothing.
func (j *judgement) silences() []Reason {
	var out []Reason
	silent := func(t truth, document, sentence string) {
		if t == no {
			out = append(out, Reason{Verdict: Denied, Where: j.role, Document: document, Sentence: sentence})
		}
	}
	given := some(j.given[:]...)
	if j.Principal != "" && (j.guarded || j.foreign != no || given == no) {
		silent(j.identity, "identity", "no statement of the caller's own policies allows it")
	}
	silent(j.boundary, "boundary", "the boundary does not allow it")
	silent(j.session, "session", "the session policy does not allow it")
	silent(j.controls, "SCP", "a level of the organization does not allow it")
	if j.guarded || j.foreign != no || j.Principal == "" {
		silent(given, "resource", "no policy of the resource allows it")
	}
	return out
}
