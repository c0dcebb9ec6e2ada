package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
)

// witness makes a request of a box. Variables get the values of their keys.
func (p *pass) witness(b box) (iam.Request, bool) {
	found, spelled := map[string][]string{}, map[rune]bool{}
	for _, d := range b {
		values, ok := p.solve(d)
		if !ok {
			return iam.Request{}, false
		}
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
	return r, true
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

func fromCaller(key, who, otherwise string) string {
	switch {
	case key == "aws:principalarn" && who[0] == 'A':
		return who[1:]
	case key == "aws:principalaccount" && who[0] == 'A':
		return iam.ARN(who[1:]).Account()
	case key == "aws:principalservicename" && who[0] == 'S':
		return who[1:]
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
