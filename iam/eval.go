package iam

import "strings"

// Eval decides one request by one document alone, as if nothing else applied: a Deny that
// matches is Denied, else an Allow that matches is Allowed. A statement without Principal
// speaks of every caller, one with Principal and without Resource of the resource its
// document hangs on. Anything that cannot be read and could decide is Unknown.
func (d Document) Eval(r Request) Verdict {
	c := callerOf(r)
	o := d.outcome(query{caller: c, context: c.context()})
	return all(o.allowed(), o.deny.not()).verdict()
}

// query is a request prepared for many statements.
type query struct {
	caller
	context keys
}

// outcome is what one document says: whether a Deny matches, and how surely and by which
// naming of the caller an Allow does.
type outcome struct {
	deny  truth
	allow [directly + 1]truth
	by    []*Statement // that matched, surely or perhaps
}

func (o outcome) allowed() truth { return some(o.allow[:]...) }

func (d Document) outcome(q query) outcome {
	var out outcome
	version := d.Version
	if version == "" {
		version = Version
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		how, matched := s.matches(q, version)
		if matched == no {
			continue
		}
		out.by = append(out.by, s)
		if s.Effect == Deny {
			out.deny = some(out.deny, matched)
		} else {
			out.allow[how] = some(out.allow[how], matched)
		}
	}
	return out
}

// matches reports whether a statement speaks of the request, and by which naming.
func (s *Statement) matches(q query, version string) (naming, truth) {
	how, out := directly, yes
	if !s.Principals.IsZero() || s.Principals.Not {
		how, out = s.Principals.covers(q.caller, s.Effect)
	}
	if out != no {
		out = all(out, s.Actions.action(q.Action))
	}
	if out != no {
		out = all(out, s.resource(q, version))
	}
	for _, c := range s.When {
		if out == no {
			break
		}
		out = all(out, c.holds(q.context, version))
	}
	return how, out
}

// action matches without case, with * and ?.
func (m Match) action(action string) truth {
	found := no
	action = strings.ToLower(action)
	for _, text := range m.Of {
		p, err := ParsePattern(strings.ToLower(strings.TrimSpace(text)), "", Whole)
		if err == nil && p.match(action, false) {
			found = yes
		}
	}
	return m.sign(found)
}

func (m Match) sign(found truth) truth {
	if m.Not {
		return found.not()
	}
	return found
}

func (s *Statement) resource(q query, version string) truth {
	if len(s.Resources.Of) == 0 && !s.Resources.Not {
		return isTrue(!s.Principals.IsZero())
	}
	found := no
	for _, text := range s.Resources.Of {
		found = some(found, onResource(text, s.Resources.Not, q, version))
	}
	return s.Resources.sign(found)
}

// onResource matches one resource. A variable without a value matches nothing; AWS does
// not say what is then outside NotResource. Where the two readings of its wildcards disagree, AWS's
// own page does not decide, and neither does Remit.
func onResource(text string, outside bool, q query, version string) truth {
	wide := matchResource(text, outside, q, version, Whole)
	if wide != yes || !strings.ContainsAny(text, "*?") {
		return wide
	}
	if matchResource(text, outside, q, version, Segments) != yes {
		return maybe
	}
	return yes
}

func matchResource(text string, outside bool, q query, version string, reading Reading) truth {
	p, err := ParsePattern(text, version, reading)
	if err != nil {
		return maybe
	}
	p, bound := p.bind(q.context)
	if bound == no && outside {
		return maybe
	}
	if bound != yes {
		return bound
	}
	return isTrue(p.match(q.Resource, false))
}

// Matches reports whether a request certainly has everything the statement names, its
// effect aside; an element the statement lacks, it does not ask for.
func (s Statement) Matches(r Request) bool {
	if len(s.Actions.Of) == 0 && !s.Actions.Not {
		s.Actions = Of("*")
	}
	if len(s.Resources.Of) == 0 && !s.Resources.Not {
		s.Resources = Of("*")
	}
	c := callerOf(r)
	_, t := s.matches(query{caller: c, context: c.context()}, Version)
	return t == yes
}
