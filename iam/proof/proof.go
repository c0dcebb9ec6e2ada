// Package proof decides questions about IAM documents for all requests at once. It knows
// the grammar of iam and nothing of Remit or AWS accounts. Start with [Search], the one
// question everything else is, or [Subset]. The zero [Answer] is unknown, which is a
// failure.
//
// A document is a union of boxes: what each statement says of the action, the resource,
// the caller and each context key on its own. To search is to take the boxes of what
// allows, cut off the boxes of what refuses, one dimension at a time, and to see whether a
// string, number, date, address or set is left in every dimension. Strings are decided by
// automata, built only as far as they are visited.
package proof

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
)

// Answer is yes, no with a witness, or unknown with the reason. The zero Answer is
// unknown.
type Answer struct {
	Yes     bool
	Witness *iam.Request // set: the answer is no, and iam's evaluation confirms that this request shows it
	Why     string       // of unknown
}

// Search asks for a request that every document of Within allows and no document of
// Beyond allows, and on which every statement of Where matches (its effect is ignored, an
// element it lacks matches all). Yes means that there is none.
//
// Each document is judged by itself, with its own denials, as [iam.Document.Eval] does.
// The requests are all there can be: a key is free unless it follows from the caller, and
// has one value unless a set operator reads it and AWS does not document it as single.
// Callers are of every kind where any statement has a Principal element, and otherwise
// principals of accounts, to which alone documents without one are attached.
//
// Budget bounds the work, in steps of about a microsecond; zero is [Budget].
type Search struct {
	Within, Beyond []iam.Document
	Where          []iam.Statement
	Budget         int
}

// Budget is the work one search may do if it does not say otherwise.
const Budget = 1_000_000

// Run answers the search. Where AWS documents two readings of a resource's wildcards
// (see [iam.Reading]), yes is yes in both.
func (s Search) Run() Answer {
	w := &work{left: s.Budget}
	if s.Budget == 0 {
		w.left = Budget
	}
	wide := s.pass(w, iam.Whole, false)
	if wide.answer.Why != "" && !w.spent() {
		if sure := s.pass(w, iam.Whole, true); sure.answer.Witness != nil {
			return sure.answer
		}
	}
	if !wide.answer.Yes || !wide.ambiguous {
		return wide.answer
	}
	narrow := s.pass(w, iam.Segments, false)
	if narrow.answer.Yes {
		return narrow.answer
	}
	return Answer{Why: "where a wildcard inside an ARN's segment may or may not cross a colon, the readings differ: " + narrow.answer.Why}
}

// Subset asks whether every request that a allows, b allows too.
func Subset(a, b iam.Document, budget int) Answer {
	return Search{Within: []iam.Document{a}, Beyond: []iam.Document{b}, Budget: budget}.Run()
}

// Disjoint asks whether no request is allowed by both.
func Disjoint(a, b iam.Document, budget int) Answer {
	return Search{Within: []iam.Document{a, b}, Budget: budget}.Run()
}

// Empty asks whether a allows nothing on which every statement of where matches.
func Empty(a iam.Document, where []iam.Statement, budget int) Answer {
	return Search{Within: []iam.Document{a}, Where: where, Budget: budget}.Run()
}

// pass is one run over the boxes: with one reading of resources, and either the wide side
// of what allows or (sure) only what is certain.
type pass struct {
	Search
	search
	sure        bool
	answer      Answer
	unconfirmed bool
	tried       int
}

func (s Search) pass(w *work, reading iam.Reading, sure bool) *pass {
	all := append(append([]iam.Document{iam.Doc(s.Where...)}, s.Within...), s.Beyond...)
	p := &pass{Search: s, sure: sure}
	p.search = search{compiler: newCompiler(w, reading, all), memo: map[string]bool{}, confirm: p.confirms}
	p.run()
	return p
}

func (p *pass) run() {
	start, _ := p.assert(nil, p.is(kinds(!p.Search.namesCallers())))
	found := p.where(start)
	switch {
	case found:
	case p.spent():
		p.answer = Answer{Why: strings.Join(append([]string{"the work budget is spent"}, p.doubts...), "; ")}
	case p.unconfirmed:
	default:
		p.answer = Answer{Yes: true}
	}
}

// namesCallers reports whether any statement has a Principal element.
func (s Search) namesCallers() bool {
	for _, d := range slices.Concat(s.Within, s.Beyond, []iam.Document{iam.Doc(s.Where...)}) {
		if slices.ContainsFunc(d.Statements, func(s iam.Statement) bool { return !s.Principals.IsZero() || s.Principals.Not }) {
			return true
		}
	}
	return false
}

// where narrows to the statements of Where, one alternative after another.
func (p *pass) where(b box) bool {
	choices := make([][]cube, 0, len(p.Where)+len(p.Within))
	for i := range p.Where {
		alternatives := p.pattern(&p.Where[i], iam.Version, p.sure)
		if len(alternatives) != 1 {
			choices = append(choices, alternatives)
			continue
		}
		var ok bool
		if b, ok = p.assert(b, alternatives[0]...); !ok {
			return false
		}
	}
	p.beside = p.besideActions(b)
	var refusals []cube
	for _, d := range p.Within {
		choices = append(choices, p.document(d, iam.Allow, p.sure))
		for _, deny := range p.document(d, iam.Deny, !p.sure) {
			refusals = append(refusals, deny.not())
		}
	}
	beyond := make([]outside, len(p.Beyond))
	for i, d := range p.Beyond {
		for _, allow := range p.document(d, iam.Allow, !p.sure) {
			beyond[i].unless = append(beyond[i].unless, allow.not())
		}
		beyond[i].denied = p.document(d, iam.Deny, p.sure)
	}
	return p.choose(b, choices, refusals, beyond)
}

// besideActions reports of a statement that its actions are all outside the box: such a
// statement neither allows nor refuses anything that is searched.
func (p *pass) besideActions(b box) func(*iam.Statement) bool {
	asked, i := b.at(action)
	return func(s *iam.Statement) bool {
		if i < 0 {
			return false
		}
		_, possible := p.with(asked, p.actions(s.Actions)[0][0])
		return !possible
	}
}

// outside is how a request can be outside a document: no Allow matches, or a Deny does.
type outside struct{ unless, denied []cube }

// not is the clause that says the cube does not hold.
func (c cube) not() cube {
	out := make(cube, len(c))
	for i, l := range c {
		out[i] = l.not()
	}
	return out
}

func (p *pass) choose(b box, choices [][]cube, refusals []cube, beyond []outside) bool {
	if len(choices) == 0 {
		return p.leave(b, refusals, beyond)
	}
	for _, c := range choices[0] {
		if p.spent() {
			return false
		}
		if narrow, ok := p.assert(b, c...); ok && p.choose(narrow, choices[1:], refusals, beyond) {
			return true
		}
	}
	return false
}

func (p *pass) leave(b box, clauses []cube, beyond []outside) bool {
	if len(beyond) == 0 {
		return p.find(b, clauses)
	}
	next := beyond[0]
	if p.leave(b, append(slices.Clip(clauses), next.unless...), beyond[1:]) {
		return true
	}
	for _, c := range next.denied {
		if p.spent() {
			return false
		}
		if narrow, ok := p.assert(b, c...); ok && p.leave(narrow, clauses, beyond[1:]) {
			return true
		}
	}
	return false
}

// tries is how many boxes are left unconfirmed before a search gives up.
const tries = 64

// confirms makes a request of a box and has iam evaluate it. What evaluation does not
// confirm is no answer. True ends the search: with an answer, or with none after so many
// tries.
func (p *pass) confirms(b box) bool {
	b, possible := p.sources(b)
	if !possible {
		return false
	}
	if p.shown(b, p.witness(b)) {
		return true
	}
	if r, ok := p.concrete(b); ok && p.shown(b, r) {
		return true
	}
	p.unconfirmed = true
	p.tried++
	return p.tried >= tries
}

// shown takes a request of the box for the answer if evaluation confirms it, and keeps the
// first reason why one was not confirmed.
func (p *pass) shown(b box, r iam.Request) bool {
	err := p.shows(r)
	switch {
	case err == nil:
		r = p.likely(b, r)
		p.answer = Answer{Witness: &r}
	case p.answer.Why == "":
		p.answer = Answer{Why: p.why(fmt.Sprintf("%v (%s)", err, Sentence(r)))}
	}
	return err == nil
}

func (p *pass) why(sentence string) string {
	return strings.Join(append(slices.Clip(p.doubts), sentence), "; ")
}

// shows reports why a request does not show what was searched, or nil.
func (s Search) shows(r iam.Request) error {
	for i, d := range s.Within {
		if v := d.Eval(r); v != iam.Allowed {
			return fmt.Errorf("document %d within may allow a request that evaluation answers with %v", i, v)
		}
	}
	for i, d := range s.Beyond {
		if v := d.Eval(r); v != iam.Denied {
			return fmt.Errorf("document %d beyond may refuse a request that evaluation answers with %v", i, v)
		}
	}
	for _, statement := range s.Where {
		if !statement.Matches(r) {
			return fmt.Errorf("%s may not match the request", statement.Sid)
		}
	}
	return nil
}
