package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
)

// witness makes a request of a box. Variables get the values of their keys.
func (p *pass) witness(b box) iam.Request {
	found, spelled := map[string][]string{}, map[rune]bool{}
	for _, d := range b {
		values, _ := p.solve(d)
		found[d.dim] = values
		for _, c := range strings.Join(values, "") {
			spelled[c] = true
		}
	}
	r := iam.Request{Action: "x:x", Resource: "*", Context: map[string][]string{}}
	meaning := p.meaning(found)
	for dim, values := range found {
		values = slices.Clone(values)
		for i := range values {
			values[i] = meaning.Replace(values[i])
		}
		if len(values) > 0 {
			set(&r, dim, values)
		}
	}
	for key, symbol := range p.symbols {
		if _, ok := callerKeys[key]; !ok && len(r.Context[key]) == 0 && spelled[symbol] {
			r.Context[key] = []string{free}
		}
	}
	return r
}

// concrete makes a request the other way about: it first chooses what the variables are
// part of, and reads off what they must then be.
func (p *pass) concrete(b box) (iam.Request, bool) {
	values := map[rune]string{}
	r := iam.Request{Action: "x:x", Resource: "*", Context: map[string][]string{}}
	for _, d := range b {
		v, _ := p.solve(d.loose())
		for _, l := range d.lits {
			if len(v) > 0 && l.values != nil && l.wantsFit() && l.values.symbolic() && !l.values.bind(v[0], values) {
				return r, false
			}
		}
		if len(v) > 0 {
			set(&r, d.dim, v)
		}
	}
	for key, symbol := range p.symbols {
		if v, bound := values[symbol]; bound {
			r.Context[key] = []string{v}
		}
	}
	return r, true
}

// loose is the domain with variables read as anything where they must fit.
func (d domain) loose() domain {
	out := domain{dim: d.dim, finite: d.finite, values: d.values}
	for _, l := range d.lits {
		if l.values != nil && l.wantsFit() && l.values.symbolic() {
			loose := *l.atom
			loose.values = &lang{exact: l.values.exact, fold: l.values.fold}
			for _, g := range l.values.globs {
				loose.values.globs = append(loose.values.globs, g.loose())
			}
			l.atom = &loose
		}
		out.lits = append(out.lits, l)
	}
	return out
}

// bind finds values of the variables with which one glob of the language matches text.
func (l *lang) bind(text string, values map[rune]string) bool {
	if l.exact[text] {
		return true
	}
	steps := 10_000
	return slices.ContainsFunc(l.globs, func(g glob) bool { return g.bind([]rune(text), values, l.fold, &steps) })
}

func (g glob) bind(text []rune, values map[rune]string, fold bool, steps *int) bool {
	if *steps--; *steps < 0 || len(g) == 0 {
		return len(g) == 0 && len(text) == 0
	}
	r := g[0]
	v, bound := values[r]
	switch {
	case bound:
		rest, ok := strings.CutPrefix(string(text), v)
		return ok && g[1:].bind([]rune(rest), values, fold, steps)
	case isSymbol(r):
		for n := range len(text) + 1 {
			n = (n + 1) % (len(text) + 1) // an empty value last
			values[r] = string(text[:n])
			if g[1:].bind(text[n:], values, fold, steps) {
				return true
			}
		}
		delete(values, r)
		return false
	case runs(r):
		return g[1:].bind(text, values, fold, steps) || len(text) > 0 && takes(r, text[0], fold) && g.bind(text[1:], values, fold, steps)
	}
	return len(text) > 0 && takes(r, text[0], fold) && g[1:].bind(text[1:], values, fold, steps)
}

func set(r *iam.Request, dim string, values []string) {
	switch dim {
	case action:
		r.Action = values[0]
	case resource:
		r.Resource = values[0]
	case caller:
		name(r, values[0])
	default:
		r.Context[dim] = values
	}
}

// free is what a variable that nothing else speaks of is taken to be.
const free = "any"

// meaning replaces symbols by the values their keys have in the same request.
func (p *pass) meaning(found map[string][]string) *strings.Replacer {
	var pairs []string
	for key, symbol := range p.symbols {
		value := free
		if values := found[key]; len(values) == 1 && !strings.ContainsFunc(values[0], isSymbol) {
			value = values[0]
		}
		if who := found[caller]; len(who) == 1 {
			value = fromCaller(key, who[0], value)
		}
		pairs = append(pairs, string(symbol), value)
	}
	return strings.NewReplacer(pairs...)
}

// fromCaller is what a key that follows from who calls then is.
func fromCaller(key, who, otherwise string) string {
	principal, isPrincipal := strings.CutPrefix(who, "A")
	service, isService := strings.CutPrefix(who, "S")
	switch {
	case key == "aws:principalarn" && isPrincipal:
		return principal
	case key == "aws:principalaccount" && isPrincipal:
		return iam.ARN(principal).Account()
	case key == "aws:principalservicename" && isService:
		return service
	}
	return otherwise
}

// Sentence says a request in one line, for people.
func Sentence(r iam.Request) string {
	var b strings.Builder
	for _, who := range []string{string(r.Principal), r.Service, r.Provider} {
		if who != "" {
			b.WriteString(who + ": ")
		}
	}
	fmt.Fprintf(&b, "%s on %s", r.Action, r.Resource)
	for i, key := range slices.Sorted(maps.Keys(r.Context)) {
		b.WriteString([]string{" with ", ", "}[min(i, 1)] + key + " = " + strings.Join(r.Context[key], ", "))
	}
	return b.String()
}
