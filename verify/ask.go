package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/catalog"
	"remit/iam/proof"
)

// index is what a document's allows may be about: action patterns by service, and the
// patterns that no service bounds. It only ever refuses what cannot be.
type index struct {
	services map[string][]string
	any      []string
	all      bool // some Allow says NotAction
}

func indexOf(d iam.Document) index {
	out := index{services: map[string][]string{}}
	for _, s := range d.Statements {
		if s.Effect != iam.Allow {
			continue
		}
		if s.Actions.Not {
			out.all = true
			continue
		}
		for _, a := range s.Actions.Of {
			a = strings.ToLower(strings.TrimSpace(a))
			service, _, named := strings.Cut(a, ":")
			if !named || strings.ContainsAny(service, "*?") {
				out.any = append(out.any, a)
				continue
			}
			out.services[service] = append(out.services[service], a)
		}
	}
	return out
}

// mayBe reports whether an allow of the document and one of the actions may mean the same.
func (x index) mayBe(actions []string) bool {
	if x.all {
		return true
	}
	for _, action := range actions {
		action = strings.ToLower(action)
		service, _, named := strings.Cut(action, ":")
		for _, pattern := range x.any {
			if meet(pattern, action) {
				return true
			}
		}
		if named && !strings.ContainsAny(service, "*?") {
			for _, pattern := range x.services[service] {
				if meet(pattern, action) {
					return true
				}
			}
			continue
		}
		for _, patterns := range x.services {
			for _, pattern := range patterns {
				if meet(pattern, action) {
					return true
				}
			}
		}
	}
	return false
}

// meet reports whether some text matches both patterns of * and ?.
func meet(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && !isWild(a[0]) && !isWild(b[0]) { // most pairs part here
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
	row := make([]bool, len(b)+1)
	row[0] = true
	for j := 0; j < len(b) && b[j] == '*'; j++ {
		row[j+1] = true
	}
	for i := 0; i < len(a); i++ {
		next := make([]bool, len(b)+1)
		next[0] = row[0] && a[i] == '*'
		for j := 0; j < len(b); j++ {
			switch {
			case a[i] == '*' || b[j] == '*':
				next[j+1] = row[j+1] && a[i] == '*' || next[j] && b[j] == '*' || next[j] && a[i] == '*' || row[j+1] && b[j] == '*' || row[j]
			default:
				next[j+1] = row[j] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
		row = next
	}
	return row[len(b)]
}

func isWild(c byte) bool { return c == '*' || c == '?' }

// want is the requests a question is about: any of the actions on any of the resources
// under the conditions.
func want(actions, resources []string, when ...iam.Condition) iam.Document {
	return iam.Doc(iam.Statement{Effect: iam.Allow, Actions: iam.Of(actions...), Resources: iam.Of(resources...), When: when})
}

var anything = []string{"*"}

// can looks for a request that a role's own policies and its boundary allow, among those of
// wanted and none of but, and that no resource policy refuses. none means proven; otherwise the
// finding holds the witness, or says why nothing was decided.
func (c *court) can(a *actor, wanted iam.Document, but ...iam.Document) (Finding, bool) {
	for _, s := range wanted.Statements {
		if !s.Actions.Not && a.words.mayBe(s.Actions.Of) {
			within, possible := about(wanted, a.within)
			if !possible {
				return Finding{}, false
			}
			return c.search(a, append([]iam.Document{wanted}, within...), append(but, c.refusals(a, wanted)...))
		}
	}
	return Finding{}, false
}

// about keeps of documents the statements that may speak of what is wanted; the others decide
// no such request. possible is false where a document has no allow left.
func about(wanted iam.Document, documents []iam.Document) (kept []iam.Document, possible bool) {
	for _, d := range documents {
		one, allows := iam.Document{Version: d.Version}, false
		for _, s := range d.Statements {
			if slices.ContainsFunc(wanted.Statements, func(w iam.Statement) bool { return mayMeet(s, w) }) {
				one.Statements = append(one.Statements, s)
				allows = allows || s.Effect == iam.Allow
			}
		}
		if !allows {
			return nil, false
		}
		kept = append(kept, one)
	}
	return kept, true
}

// mayMeet is a quick refusal: could some request be of both statements, by action and by
// resource read as one text.
func mayMeet(a, b iam.Statement) bool {
	return mayMatch(a.Actions, b.Actions, actionsMeet) && (len(a.Resources.Of) == 0 || mayMatch(a.Resources, b.Resources, resourcesMeet))
}

func mayMatch(a, b iam.Match, meet func(a, b string) bool) bool {
	if a.Not || b.Not {
		return true
	}
	for _, x := range a.Of {
		for _, y := range b.Of {
			if x == y || meet(x, y) {
				return true
			}
		}
	}
	return false
}

// actionsMeet reads the services first, because most pairs part there.
func actionsMeet(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	for i := 0; i < min(len(a), len(b)) && !isWild(a[i]) && !isWild(b[i]); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return meet(strings.ToLower(a), strings.ToLower(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func resourcesMeet(a, b string) bool {
	return meet(openVariables(strings.TrimSpace(a)), openVariables(strings.TrimSpace(b)))
}

// search asks the prover about requests of one role.
func (c *court) search(a *actor, within, beyond []iam.Document) (Finding, bool) {
	answer := proof.Search{Within: within, Beyond: beyond, Where: c.as(a)}.Run()
	f := Finding{Role: a.ARN}
	switch {
	case answer.Yes:
		return Finding{}, false
	case answer.Witness == nil:
		f.Unproven = answer.Why
		return f, true
	}
	f.Witness = c.nearer(a, within, beyond, *answer.Witness)
	f.Witness.Principal, f.Witness.Action = a.ARN, spelled(f.Witness.Action)
	f.Sid = c.granting(a, f.Witness)
	return f, true
}

// nearer prefers a witness of the caller's own account: of a resource elsewhere the evaluator
// would want that account's word too, and the finding would look weaker than it is.
func (c *court) nearer(a *actor, within, beyond []iam.Document, found iam.Request) iam.Request {
	account := a.ARN.Account()
	if account == "" || iam.ARN(found.Resource).Account() == account {
		return found
	}
	own := want(anything, []string{"arn:*:iam::" + account + ":*", "arn:*:*:*:" + account + ":*"})
	answer := proof.Search{Within: append(slices.Clone(within), own), Beyond: beyond, Where: c.as(a)}.Run()
	if answer.Witness == nil {
		return found
	}
	return *answer.Witness
}

// spelled is an action as AWS spells it; a witness may have any case.
func spelled(action string) string {
	if a, known := catalog.Lookup(action); known {
		return a.String()
	}
	return action
}

// as says who asks, so that what a condition says of the caller is decided.
func (c *court) as(a *actor) []iam.Statement {
	if a.ARN == "" {
		return nil // a boundary is asked about whoever stands in it
	}
	return []iam.Statement{{When: []iam.Condition{
		iam.When("StringEquals", "aws:PrincipalArn", string(a.ARN)),
		iam.When("StringEquals", "aws:PrincipalAccount", a.ARN.Account()),
	}}}
}

// granting is the Sid of the statement that allows a witness.
func (c *court) granting(a *actor, r iam.Request) string {
	if len(a.within) == 0 {
		return "" // a boundary is asked about by itself
	}
	for _, s := range a.within[0].Statements {
		if s.Effect == iam.Allow && iam.Doc(s).Eval(r) == iam.Allowed {
			return s.Sid
		}
	}
	return ""
}

// refusals are the resource policies that may refuse what is wanted of a role: their denials,
// as a document of what they refuse.
func (c *court) refusals(a *actor, wanted iam.Document) []iam.Document {
	var out []iam.Document
	for _, p := range c.refusersOf(wanted) {
		var refused []iam.Statement
		for _, s := range p.Document.Statements {
			if s.Effect != iam.Deny || !surely(s.Principals, a) {
				continue
			}
			s.Resources = itsOwn(s.Resources, p.ARN)
			if slices.ContainsFunc(wanted.Statements, func(w iam.Statement) bool { return mayMeet(s, w) }) {
				s.Effect, s.Principals = iam.Allow, iam.Principals{}
				refused = append(refused, s)
			}
		}
		if refused != nil {
			out = append(out, iam.Document{Version: p.Document.Version, Statements: refused})
		}
	}
	return out
}

// surely reports whether a refusal's principals include the role beyond doubt.
func surely(p iam.Principals, a *actor) bool {
	if p.Not {
		return false
	}
	for _, who := range p.AWS {
		if who == "*" || iam.ARN(who) == a.ARN || who == a.ARN.Account() || iam.ARN(who) == root(a.ARN) {
			return true
		}
	}
	return false
}

// root is the principal that stands for a whole account.
func root(arn iam.ARN) iam.ARN {
	return iam.ARN("arn:" + arn.Part(1) + ":iam::" + arn.Account() + ":root")
}
